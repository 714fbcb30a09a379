"""The run store's contract, on every twin that there is."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from datapump.errors import ConflictError, NotFoundError
from datapump.executions import ExecutionStatus, JobFaults, NewEvent
from datapump.jobs.documents import JobStatus
from tests.support.runs import begun, execution, job


@pytest.fixture
def store(stores):
    return stores.runs


def test_same_key_of_the_same_caller_finds_the_first_execution(store, clock):
    first, new = store.create_execution(execution(clock, key="k"))
    again, newer = store.create_execution(execution(clock, key="k"))
    other, newest = store.create_execution(execution(clock, key="k", caller="bob"))
    assert (new, newer, newest) == (True, False, True)
    assert again.id == first.id != other.id


def test_one_key_fifty_times_at_once_makes_one_execution(store, clock):
    made = []
    barrier = threading.Barrier(50)

    def create():
        candidate = execution(clock, key="k")
        barrier.wait()
        made.append(store.create_execution(candidate))

    threads = [threading.Thread(target=create) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({stored.id for stored, _ in made}) == 1
    assert sum(new for _, new in made) == 1


def test_unknown_ids_are_not_found(store):
    for ask in (
        lambda: store.get_execution("x"),
        lambda: store.get_job("x", "y"),
        lambda: store.begin("x", [], [], []),
        lambda: store.request_stop("x", "why"),
    ):
        with pytest.raises(NotFoundError):
            ask()


def test_begin_is_done_once(store, clock):
    identity = begun(store, clock)
    assert not store.begin(identity, [job("other")], [], [])
    assert [stored.job.id for stored in store.list_jobs(identity)] == ["job-1"]
    assert store.get_execution(identity).status is ExecutionStatus.RUNNING
    assert store.get_execution(identity).notes == ["a note"]


def test_a_late_save_changes_nothing(store, clock):
    identity = begun(store, clock)
    first = store.get_job(identity, "job-1")
    document = first.job.model_copy(update={"message": "mine"})
    assert store.save_job(identity, document, first.revision)
    assert not store.save_job(identity, first.job.model_copy(update={"message": "late"}), first.revision)
    assert store.get_job(identity, "job-1").job.message == "mine"


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("starting", "executing", True),
        ("executing", "starting", False),
        ("executing", "complete", True),
        ("complete", "executing", False),
        ("complete", "failed", False),
        ("failed", "complete", False),
    ],
)
def test_status_never_goes_back(store, clock, old, new, allowed):
    identity = begun(store, clock)
    document = job().model_copy(update={"status": JobStatus(old)})
    assert store.save_job(identity, document, 1)
    assert store.save_job(identity, document.model_copy(update={"status": JobStatus(new)}), 2) is allowed


def test_events_are_numbered_and_paged(store, clock):
    identity = begun(store, clock)
    for number in range(3):
        store.add_event(identity, NewEvent(kind="note", message=str(number), data={"n": number}))
    events = store.list_events(identity)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.seq for event in store.list_events(identity, after=2, limit=2)] == [3, 4]
    assert events[-1].data == {"n": 2}


def test_executions_are_listed_newest_first_by_filter_and_page(store, clock):
    ids = []
    for _ in range(5):
        clock.advance(1)
        ids.append(begun(store, clock))
    store.finish(ids[0], ExecutionStatus.FAILED, ["why"])
    page = store.list_executions(limit=2)
    rest = store.list_executions(limit=10, after=page.next)
    assert [item.id for item in page.items + rest.items] == ids[::-1]
    assert rest.next is None
    assert [item.id for item in store.list_executions(status=ExecutionStatus.FAILED).items] == ids[:1]
    assert store.list_executions(command="sync").items == []
    late = clock.now() - timedelta(seconds=1)
    assert [item.id for item in store.list_executions(since=late).items] == ids[:-3:-1]


@pytest.mark.parametrize(
    ("plan_only", "errors", "words"),
    [
        (False, [], "there is nothing to do"),
        (False, ["viirs: FIRMS answered 503"], "there is no job"),
        (True, [], "a plan starts no jobs"),
    ],
)
def test_an_execution_without_jobs_says_why(store, clock, plan_only, errors, words):
    made, _ = store.create_execution(execution(clock).model_copy(update={"plan_only": plan_only}))
    store.begin(made.id, [], [], errors)
    assert [event.message for event in store.list_events(made.id) if event.kind == "dispatched"] == [words]


def test_an_execution_ends_once(store, clock):
    identity = begun(store, clock)
    faults = JobFaults(failed=1, jobs=2, job_id="a", subject="gadm v1 viirs", message="the engine broke")
    assert store.finish(identity, ExecutionStatus.FAILED, ["why"], faults)
    assert not store.finish(identity, ExecutionStatus.SUCCEEDED)
    found = store.get_execution(identity)
    assert (found.errors, found.job_faults) == (["why"], faults)
    with pytest.raises(ConflictError):
        store.request_stop(identity, "late")


def test_effects_are_remembered_until_withdrawn_or_for_ever_when_done(store):
    assert store.get_effect("k") is None
    store.intend("k")
    assert store.get_effect("k").done is False
    store.withdraw("k")
    assert store.get_effect("k") is None
    store.intend("k")
    store.complete("k", {"id": 1})
    store.withdraw("k")
    store.intend("k")
    assert store.get_effect("k").outcome == {"id": 1}
    assert store.get_effect("k").done is True


def test_a_lease_is_held_until_its_execution_ends(store, clock):
    one, two = begun(store, clock), begun(store, clock)
    assert store.acquire("table", one, "job-1") is None
    assert store.acquire("table", one, "job-1") is None
    assert store.acquire("table", two, "job-1") == (one, "job-1")
    store.save_job(one, job().model_copy(update={"status": JobStatus.COMPLETE}), 1)
    assert store.acquire("table", two, "job-1") == (one, "job-1")
    store.finish(one, ExecutionStatus.SUCCEEDED)
    assert store.acquire("table", two, "job-1") is None


def test_a_lease_taken_while_dispatching_goes_to_the_executions_jobs_and_that_on_a_feed_to_anybody(store, clock):
    one, two = store.create_execution(execution(clock))[0].id, begun(store, clock)
    for target in ("feed rw_areas", "table"):
        assert store.acquire(target, one, "") is None
        assert store.acquire(target, one, "") is None
        assert store.acquire(target, two, "job-1") == (one, "")
    store.begin(one, [job("a")], [], [])
    assert store.acquire("feed rw_areas", two, "job-1") is None
    assert store.acquire("table", two, "job-1") == (one, "")
    assert store.acquire("table", one, "a") is None
    assert store.acquire("table", two, "job-1") == (one, "a")
    store.save_job(one, job("a").model_copy(update={"status": JobStatus.COMPLETE}), 1)
    store.finish(one, ExecutionStatus.SUCCEEDED)
    assert store.acquire("table", two, "job-1") is None


def test_a_lease_goes_to_the_next_job_of_the_same_execution(store, clock):
    identity = begun(store, clock, job("a"), job("b"))
    assert store.acquire("table", identity, "a") is None
    assert store.acquire("table", identity, "b") == (identity, "a")
    store.save_job(identity, job("a").model_copy(update={"status": JobStatus.FAILED}), 1)
    assert store.acquire("table", identity, "b") is None
