"""Many at once on one store: one wins, nothing is lost, nothing is doubled. The contract of every store."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from datapump.executions import ENDED, NewEvent
from datapump.jobs.documents import JobStatus
from datapump.sync_configs import Author
from tests.support.configs import config
from tests.support.runs import begun, execution, job

MANY = 20


def at_once(*tasks):
    """What each task returns; all start together."""
    barrier = threading.Barrier(len(tasks))

    def run(task):
        barrier.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [future.result() for future in [pool.submit(run, task) for task in tasks]]


def test_of_many_savers_of_one_job_one_wins(stores, clock):
    identity = begun(stores.runs, clock)
    documents = [job().model_copy(update={"message": str(number)}) for number in range(MANY)]

    def save(document):
        return stores.runs.save_job(identity, document, 1, [NewEvent(kind="saved", message=document.message)])

    won = at_once(*(lambda document=document: save(document) for document in documents))
    assert won.count(True) == 1
    winner = str(won.index(True))
    assert stores.runs.get_job(identity, "job-1").job.message == winner
    assert [event.message for event in stores.runs.list_events(identity) if event.kind == "saved"] == [winner]


def test_many_uses_of_one_idempotency_key_make_one_execution(stores, clock):
    wanted = [execution(clock, key="k") for _ in range(MANY)]
    made = at_once(*(lambda one=one: stores.runs.create_execution(one) for one in wanted))
    assert sum(new for _, new in made) == 1
    assert len({stored.id for stored, _ in made}) == 1
    assert stores.runs.count_executions() == 1


def test_many_dispatches_of_one_execution_store_the_jobs_of_one(stores, clock):
    stored, _ = stores.runs.create_execution(execution(clock))
    attempts = [[job(f"{number}-a"), job(f"{number}-b"), job("same")] for number in range(8)]
    won = at_once(*(lambda jobs=jobs: stores.runs.begin(stored.id, jobs, [], []) for jobs in attempts))
    assert won.count(True) == 1
    assert [one.job for one in stores.runs.list_jobs(stored.id)] == attempts[won.index(True)]
    assert stores.runs.list_executions(dataset="gadm").items == [stores.runs.get_execution(stored.id)]
    assert stores.runs.count_executions(dataset="gadm") == 1
    loser = next(number for number, one in enumerate(won) if not one)
    assert stores.runs.open_job(f"{loser}-a") is None


def test_events_of_many_jobs_are_all_there_in_one_order(stores, clock):
    jobs = [job(f"j{number}") for number in range(MANY)]
    identity = begun(stores.runs, clock, *jobs)
    before = len(stores.runs.list_events(identity))

    def move(one):
        executing = one.model_copy(update={"status": JobStatus.EXECUTING})
        assert stores.runs.save_job(identity, executing, 1, [NewEvent(kind="moved", message=one.id, job_id=one.id)])

    at_once(*(lambda one=one: move(one) for one in jobs))
    events = stores.runs.list_events(identity)[before:]
    assert sorted(event.message for event in events) == sorted(one.id for one in jobs)
    assert [event.seq for event in events] == list(range(before + 1, before + MANY + 1))


def test_a_reader_who_follows_leaves_no_event_out(stores, clock):
    identity = begun(stores.runs, clock)
    seen = []
    done = threading.Event()

    def follow():
        while True:
            last = done.is_set()
            new = stores.runs.list_events(identity, after=seen[-1] if seen else 0)
            seen.extend(event.seq for event in new)
            if last and not new:
                return

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(follow)
        at_once(*(lambda: stores.runs.add_event(identity, NewEvent(kind="note", message="x")) for _ in range(MANY)))
        done.set()
        reader.result()
    assert seen == [event.seq for event in stores.runs.list_events(identity)]


def test_of_many_jobs_one_gets_the_lease(stores, clock):
    holders = [begun(stores.runs, clock) for _ in range(8)]
    answers = at_once(*(lambda one=one: stores.runs.acquire("table", one, "job-1") for one in holders))
    winner = holders[answers.index(None)]
    assert answers.count(None) == 1
    assert {answer for answer in answers if answer} == {(winner, "job-1")}


def test_a_lease_that_an_ended_execution_held_goes_to_one(stores, clock):
    ended = begun(stores.runs, clock)
    stores.runs.acquire("table", ended, "job-1")
    stores.runs.finish(ended, min(ENDED))
    wanting = [begun(stores.runs, clock) for _ in range(8)]
    answers = at_once(*(lambda one=one: stores.runs.acquire("table", one, "job-1") for one in wanting))
    assert answers.count(None) == 1


def test_of_many_ends_at_once_one_is_kept(stores, clock):
    identity = begun(stores.runs, clock)
    ends = at_once(*(lambda status=status: stores.runs.finish(identity, status) for status in sorted(ENDED) * 3))
    assert ends.count(True) == 1
    assert [event.kind for event in stores.runs.list_events(identity)].count("finished") == 1
    assert stores.runs.get_execution(identity).ended


def test_patches_of_one_config_are_all_made(stores):
    first = stores.sync_configs.put(config("gadm"))
    author = Author(caller="ada")
    changes = [{"metadata": {f"key{number}": number}} for number in range(8)]
    at_once(*(lambda one=one: stores.sync_configs.patch(first.id, one, author=author) for one in changes))
    after = stores.sync_configs.get(first.id)
    assert after.revision == 9
    assert {after.metadata.model_dump().get(f"key{number}") for number in range(8)} == set(range(8))
    assert len(stores.sync_configs.history(first.id).items) == 8


def test_one_config_put_many_times_is_one(stores):
    stored = at_once(*(lambda: stores.sync_configs.put(config("gadm")) for _ in range(8)))
    assert {one.revision for one in stored} == {1}
    assert len(stores.sync_configs.list().items) == 1
