"""Lists, counts and how executions belong together: the contract of every run store."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from datapump.errors import ConflictError, InternalError, NotFoundError
from datapump.executions import ExecutionStatus, NewEvent
from tests.support.jobs import analysis_job, ended, sync_job
from tests.support.runs import begun, execution, job


@pytest.fixture
def store(stores):
    return stores.runs


def ids(executions):
    return [one.id for one in executions]


def pages(store, limit, **filters):
    """Every page of a list."""
    page = store.list_executions(limit=limit, **filters)
    yield page.items
    while page.next is not None:
        page = store.list_executions(limit=limit, after=page.next, **filters)
        yield page.items


COMMANDS = [
    {"command": "sync", "parameters": {"types": ["viirs"]}, "labels": {"team": "fires"}},
    {"command": "sync", "parameters": {"types": ["modis", "viirs"]}, "labels": {"team": "fires", "night": "1"}},
    {"command": "sync", "parameters": {"types": ["glad"]}},
    {"command": "set_latest", "parameters": {"analysis_version": "v1"}, "labels": {"night": "1"}},
]
FILTERS = {
    "status": [ExecutionStatus.RUNNING, ExecutionStatus.FAILED, ExecutionStatus.ACCEPTED],
    "command": ["sync", "set_latest", "analysis"],
    "dataset": ["gadm", "geostore", "wdpa_protected_areas"],
    "sync_type": ["viirs", "modis", "glad"],
    "caller": ["ada", "bob"],
    "label": ["team", "team:fires", "night:1", "night:2"],
}


def fill(store, clock, count, rng):
    """Executions of all kinds; returns what tells each one's filters."""
    made = []
    for number in range(count):
        clock.advance(60)
        command, caller = rng.choice(COMMANDS), rng.choice(["ada", "bob"])
        stored, _ = store.create_execution(execution(clock, command=command, caller=caller))
        datasets = rng.sample(["gadm", "geostore", "wdpa_protected_areas"], rng.randint(0, 2))
        jobs = [sync_job(f"{number}-{dataset}", dataset=dataset) for dataset in datasets]
        types = set(command["parameters"].get("types", []))
        status = rng.choice(["accepted", "running", "failed"])
        if status != "accepted":
            store.begin(stored.id, jobs, [], [])
        else:
            datasets = []
        if status == "failed":
            store.finish(stored.id, ExecutionStatus.FAILED)
        labels = command.get("labels", {}).items()
        made.append(
            {
                "id": stored.id,
                "created": stored.created,
                "status": {status},
                "command": {command["command"]},
                "caller": {caller},
                "dataset": set(datasets),
                "sync_type": types | ({"viirs"} if datasets else set()),
                "label": {label for name, value in labels for label in (name, f"{name}:{value}")},
            }
        )
    return made[::-1]


def test_any_filters_together_find_exactly_what_they_let_through(store, clock):
    rng = random.Random(7)
    made = fill(store, clock, 40, rng)
    moments = [one["created"] for one in made]
    for _ in range(40):
        filters = {name: rng.choice(FILTERS[name]) for name in rng.sample(sorted(FILTERS), rng.randint(0, 3))}
        since, until = rng.choice([None, *moments]), rng.choice([None, *moments])
        expected = [
            one["id"]
            for one in made
            if all(value in one[name] for name, value in filters.items())
            and (since is None or one["created"] >= since)
            and (until is None or one["created"] < until)
        ]
        everything = {**filters, "since": since, "until": until}
        found = list(pages(store, rng.randint(1, 7), **everything))
        assert [one.id for page in found for one in page] == expected, everything
        assert store.count_executions(**everything) == len(expected), everything


def test_a_page_is_full_unless_it_is_the_last(store, clock):
    made = [begun(store, clock) for _ in range(6)]
    assert [ids(page) for page in pages(store, 3)] == [made[:2:-1], made[2::-1]]
    assert store.list_executions(limit=6).next is None


def test_an_execution_moves_to_the_list_of_its_new_status(store, clock):
    stored, _ = store.create_execution(execution(clock))
    for status, change in (
        ("accepted", lambda: None),
        ("running", lambda: store.begin(stored.id, [job()], [], [])),
        ("succeeded", lambda: store.finish(stored.id, ExecutionStatus.SUCCEEDED)),
    ):
        change()
        found = {one: ids(store.list_executions(status=one).items) for one in ExecutionStatus}
        assert {one.value for one, listed in found.items() if listed} == {status}


def test_a_job_is_open_in_the_execution_that_works_on_it(store, clock):
    first = begun(store, clock, job("j"))
    assert store.open_job("j") == first
    store.save_job(first, ended(job("j"), "failed"), 1)
    assert store.open_job("j") is None
    clock.advance(1)
    second = begun(store, clock, job("j"))
    assert (store.open_job("j"), store.newest_execution_of("j")) == (second, second)
    assert (store.open_job("k"), store.newest_execution_of("k")) == (None, None)


def test_a_key_finds_its_execution(store, clock):
    stored, _ = store.create_execution(execution(clock, key="k"))
    assert store.find_by_key("ada", "k") == stored
    assert store.find_by_key("bob", "k") is None
    assert store.find_by_key("ada", "l") is None


def test_a_key_that_has_expired_makes_another_execution_but_never_beside_an_open_one(store, clock):
    until = clock.now() + timedelta(days=30)
    first, _ = store.create_execution(execution(clock, key="k", key_until=until))
    clock.advance(31 * 86400)
    assert store.find_by_key("ada", "k") == first
    assert store.create_execution(execution(clock, key="k", key_until=until)) == (first, False)
    store.finish(first.id, ExecutionStatus.FAILED)
    assert store.find_by_key("ada", "k") is None
    second, is_new = store.create_execution(execution(clock, key="k", key_until=clock.now() + timedelta(days=30)))
    assert (is_new, second.id != first.id) == (True, True)
    assert store.find_by_key("ada", "k") == second
    assert store.create_execution(execution(clock, key="k")) == (second, False)
    assert store.get_execution(first.id).status is ExecutionStatus.FAILED


def test_a_key_without_an_end_stands_for_ever(store, clock):
    first, _ = store.create_execution(execution(clock, key="k"))
    store.finish(first.id, ExecutionStatus.SUCCEEDED)
    clock.advance(300 * 86400)
    assert store.create_execution(execution(clock, key="k"))[0].id == first.id


def nights(store, clock, *statuses):
    """Executions with one job each of the same config, by the status it came to."""
    made = []
    for number, status in enumerate(statuses):
        clock.advance(3600)
        one = sync_job(f"night-{number}")
        made.append(begun(store, clock, one))
        if status != "open":
            store.save_job(made[-1], ended(one, status, message=f"{number} {status}", end_time=clock.now()), 1)
    return made, one.sync_config


@pytest.mark.parametrize(
    ("statuses", "last", "success", "behind"),
    [
        ([], None, None, None),
        (["complete"], 0, 0, None),
        (["failed", "failed"], 1, None, 0),
        (["complete", "failed", "open"], 2, 0, 1),
        (["failed", "complete", "open"], 2, 1, 2),
        (["complete", "failed", "complete"], 2, 2, None),
    ],
)
def test_the_runs_of_a_config_tell_how_far_behind_it_is(store, clock, statuses, last, success, behind):
    made, config_id = nights(store, clock, *statuses) if statuses else ([], "none")
    found = store.config_runs(config_id)
    expected = [None if one is None else made[one] for one in (last, success, behind)]
    assert [None if run is None else run.execution_id for run in (found.last, found.success, found.behind)] == expected
    if found.success is not None:
        assert found.success.message.endswith("complete")
        assert found.success.ended == found.success.created


def test_a_retry_is_told_to_what_it_retries(store, clock):
    original = begun(store, clock)
    with pytest.raises(ConflictError, match="is running"):
        store.create_execution(execution(clock, retry_of=original))
    store.finish(original, ExecutionStatus.FAILED)
    retry, _ = store.create_execution(execution(clock, retry_of=original))
    assert store.get_execution(original).retried_by == retry.id
    event = store.list_events(original)[-1]
    assert (event.kind, event.data) == ("retried", {"execution": retry.id})
    with pytest.raises(ConflictError, match="being retried already"):
        store.create_execution(execution(clock, retry_of=original))
    with pytest.raises(NotFoundError):
        store.create_execution(execution(clock, retry_of="nowhere"))
    assert store.count_executions() == 2


def test_what_triggered_an_execution_is_told_of_it(store, clock):
    first = begun(store, clock)
    second, _ = store.create_execution(execution(clock, triggered_by=first))
    event = store.list_events(first)[-1]
    assert (event.kind, event.data) == ("triggered", {"execution": second.id})


def test_no_event_is_kept_of_an_execution_that_is_not_there(store):
    with pytest.raises(InternalError):
        store.add_event("nowhere", NewEvent(kind="note", message="x"))


def test_a_thousand_jobs_become_an_executions_jobs_in_their_order(store, clock):
    jobs = [analysis_job(f"j{number}", dataset=f"set_{number % 50}") for number in range(1000)]
    identity = begun(store, clock, *jobs)
    assert [stored.job for stored in store.list_jobs(identity)] == jobs
    assert store.open_job("j999") == identity
    assert ids(store.list_executions(dataset="set_49").items) == [identity]
    assert store.count_executions(dataset="set_49") == 1


def test_a_command_of_a_thousand_large_documents_comes_back_whole(store, clock):
    rng = random.Random(3)
    documents = [{"id": f"j{number}", "noise": rng.randbytes(600).hex()} for number in range(1000)]
    command = {"command": "continue_jobs", "parameters": {"jobs": documents}}
    stored, _ = store.create_execution(execution(clock, command=command))
    assert store.get_execution(stored.id) == stored
    assert store.list_executions().items == [stored]
    assert store.begin(stored.id, [job()], [], [])
    assert store.get_execution(stored.id).command == command


def test_of_very_many_notes_one_event_tells_of_the_rest(store, clock):
    stored, _ = store.create_execution(execution(clock))
    notes = [f"note {number}" for number in range(300)]
    store.begin(stored.id, [], notes, ["wrong"])
    assert store.get_execution(stored.id).notes == notes
    events = store.list_events(stored.id)
    assert events[2].message == "note 0"
    assert [event.kind for event in events[-2:]] == ["note", "error"]
    assert "280 more" in events[-2].message


def test_events_of_a_save_that_came_too_late_are_not_kept(store, clock):
    identity = begun(store, clock)
    told = [NewEvent(kind="job executing", message="first")]
    assert store.save_job(identity, job(), 1, told)
    assert not store.save_job(identity, job(), 1, [NewEvent(kind="job executing", message="late")])
    store.add_event(identity, NewEvent(kind="note", message="after"))
    messages = [event.message for event in store.list_events(identity)]
    assert messages[-2:] == ["first", "after"]


def test_a_stop_is_wanted_for_its_first_reason(store, clock):
    identity = begun(store, clock)
    store.request_stop(identity, "typo")
    assert store.request_stop(identity, "again").stop_reason == "typo"
    assert store.get_execution(identity).stop_reason == "typo"


def test_a_lease_for_dispatching_goes_with_the_dispatch(store, clock):
    first, _ = store.create_execution(execution(clock))
    second, _ = store.create_execution(execution(clock))
    assert store.acquire("feed viirs", first.id, "") is None
    assert store.acquire("feed viirs", second.id, "") == (first.id, "")
    store.begin(first.id, [job()], [], [])
    assert store.acquire("feed viirs", second.id, "") is None


def test_time_stands_still_between_writing_and_reading(store, clock):
    clock.advance(0.123456)
    stored, _ = store.create_execution(execution(clock))
    assert store.get_execution(stored.id).created == clock.now()
    store.begin(stored.id, [job()], [], [])
    document = job().model_copy(update={"next_poll_s": 1.5})
    store.save_job(stored.id, document, 1)
    assert store.get_job(stored.id, "job-1").due == clock.now() + timedelta(seconds=1.5)
