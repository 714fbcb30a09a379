"""What only the run store on SQLite does: it says what falls due, and opens files of earlier versions."""

from __future__ import annotations

import sqlite3

import pytest

from datapump.errors import StorageError
from datapump.executions import ExecutionStatus
from datapump.jobs.documents import JobStatus
from datapump.stores.sqlite import Database
from datapump.stores.sqlite.database import MIGRATIONS
from tests.support.runs import begun, execution, job


@pytest.fixture
def store(sqlite_stores):
    return sqlite_stores.runs


def test_claims_follow_the_phases_of_an_execution(store, clock):
    stored, _ = store.create_execution(execution(clock))
    (unit,) = store.claim(10)
    assert (unit.phase, store.claim(10)) == ("dispatch", [])
    store.begin(stored.id, [job("a"), job("b")], [], [])
    store.give_back(unit)
    units = store.claim(10)
    assert {(unit.phase, unit.job_id) for unit in units} == {("tick", "a"), ("tick", "b")}
    for unit in units:
        document = store.get_job(stored.id, unit.job_id).job.model_copy(update={"status": JobStatus.COMPLETE})
        store.save_job(stored.id, document, 1)
        store.give_back(unit)
    (unit,) = store.claim(10)
    assert unit.phase == "postprocess"
    store.finish(stored.id, ExecutionStatus.SUCCEEDED)
    store.give_back(unit)
    assert (store.claim(10), store.next_due()) == ([], None)


def test_a_job_is_due_when_its_wait_is_over(store, clock):
    identity = begun(store, clock)
    store.save_job(identity, job().model_copy(update={"next_poll_s": 30.0}), 1)
    assert store.claim(10) == []
    clock.advance(29)
    assert store.claim(10) == []
    clock.advance(1)
    assert [unit.job_id for unit in store.claim(10)] == ["job-1"]


def test_a_phase_given_back_with_a_wait_counts_its_attempts(store, clock):
    store.create_execution(execution(clock))
    (unit,) = store.claim(1)
    store.give_back(unit, 5.0)
    assert store.claim(1) == []
    clock.advance(5)
    assert [unit.attempts for unit in store.claim(1)] == [1]


def test_claims_of_a_dead_process_are_given_back(store, clock):
    begun(store, clock)
    assert len(store.claim(1)) == 1
    assert store.claim(1) == []
    store.give_back_all()
    assert len(store.claim(1)) == 1


def test_a_stop_makes_jobs_due_at_once(store, clock):
    identity = begun(store, clock)
    store.save_job(identity, job().model_copy(update={"next_poll_s": 3000.0}), 1)
    store.request_stop(identity, "typo")
    assert [unit.job_id for unit in store.claim(10)] == ["job-1"]
    assert store.get_execution(identity).stop_reason == "typo"


def test_a_store_of_a_newer_datapump_is_refused(tmp_path):
    path = tmp_path / "runs.sqlite"
    Database(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(StorageError, match="newer datapump"):
        Database(path)


def test_an_error_rolls_the_whole_transaction_back(store, clock):
    identity = begun(store, clock)

    def break_off():
        with store._database.write() as connection:
            connection.execute("DELETE FROM jobs")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert len(store.list_jobs(identity)) == 1


def test_an_execution_that_another_one_triggered_is_told_of_there_once(store, clock):
    first = begun(store, clock)
    wanted = execution(clock, key="after", caller="datapump").model_copy(update={"triggered_by": first})
    made, is_new = store.create_execution(wanted)
    again, is_newer = store.create_execution(wanted.model_copy(update={"id": clock.new_id()}))
    assert (is_new, is_newer, again.id) == (True, False, made.id)
    assert store.get_execution(made.id).triggered_by == first
    told = [event for event in store.list_events(first) if event.kind == "triggered"]
    assert [event.data for event in told] == [{"execution": made.id}]
