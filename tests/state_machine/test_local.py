"""The durable loop on a real store: it carries what is due, whatever the store does, and goes on where it stood."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from datapump.clock import SystemClock
from datapump.engines import RunState, RunStatus
from datapump.errors import ConflictError, NotFoundError, StorageError
from datapump.executions import ExecutionStatus
from datapump.jobs.analysis import run_name
from datapump.jobs.documents import JobStatus
from datapump.schedules import Scheduler
from state_machine import local
from state_machine.local import LocalOrchestrator
from tests.support.alert_night import put_config
from tests.support.clock import FakeClock
from tests.support.deployment import ANALYSIS, AREA, Deployment, night
from tests.support.faults import Tap, Tapped
from tests.support.jobs import analysis_job, begun, sync_job

PATIENCE_S = 20
QUICK = {"poll_min_s": 0.01, "poll_max_s": 0.05, "backoff_s": 0.01}
REFUSED = {"command": "set_latest", "parameters": {"analysis_version": "v99"}}
IDLE = {"command": "sync", "parameters": {"types": ["viirs"]}}


@pytest.fixture
def world(tmp_path):
    """A deployment without a Data API: for commands that are refused, and jobs whose sync config is gone."""
    deployment = Deployment(tmp_path, clock=SystemClock(), **QUICK)
    yield deployment
    deployment.close()


class Loop(LocalOrchestrator):
    """An orchestrator whose tests can wait until something is so."""

    def __init__(self, deployment, threads, runs):
        self._written = threading.Condition()
        runs = Tapped(runs or deployment.runs, ("begin", "finish", "save_job"), self._tell)
        super().__init__(runs, replace(deployment.ports, runs=runs), threads)

    def _tell(self, _, perform):
        result = perform()
        with self._written:
            self._written.notify_all()
        return result

    def until(self, condition):
        with self._written:
            assert self._written.wait_for(condition, PATIENCE_S)


@contextmanager
def carrying(deployment, threads=4, runs=None):
    loop = Loop(deployment, threads, runs)
    loop.open()
    try:
        yield loop
    finally:
        loop.close()


def ended(world, *identities):
    return lambda: all(world.runs.get_execution(one).ended for one in identities)


def status(world, *identities):
    return {world.runs.get_execution(one).status for one in identities}


class Gate:
    """A store in which every lease is waited for until the gate is opened."""

    def __init__(self, runs):
        self.entered, self._open = threading.Event(), threading.Event()
        self.runs = Tapped(runs, ("acquire",), Tap(self._hold, None))

    def _hold(self, *_):
        self.entered.set()
        assert self._open.wait(PATIENCE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._open.set()


def test_it_carries_an_execution_from_its_command_to_its_tables(tmp_path):
    with night(tmp_path, clock=SystemClock(), **QUICK) as world, carrying(world) as loop:
        identity = world.submit(ANALYSIS)
        loop.start(identity)
        loop.until(ended(world, identity))
        assert status(world, identity) == {ExecutionStatus.SUCCEEDED}
        assert world.rows() == [(AREA, "2026-01-15", 3)]


def test_a_clock_that_is_set_back_holds_nothing_up(world, caplog):
    clock = world.clock = FakeClock(datetime(2026, 10, 25, 2, 0, tzinfo=UTC))
    world.runs._clock = clock
    world.ports = replace(world.ports, clock=clock)
    loop = Loop(world, 1, None)
    try:
        loop._claim(1)
        clock.advance(7200)
        identity = world.submit(REFUSED)
        clock.advance(-7260)
        loop._claim(1)
        loop.until(ended(world, identity))
    finally:
        loop.close()
    assert "the clock was set back by 60 s: all that is open is looked at now" in caplog.text


def test_a_clock_that_was_set_back_while_nothing_ran_holds_nothing_up(world):
    clock = world.clock = FakeClock(datetime(2026, 10, 25, 4, 0, tzinfo=UTC))
    world.runs._clock = clock
    world.ports = replace(world.ports, clock=clock)
    identity = world.submit(REFUSED)
    clock.advance(-7200)
    with carrying(world) as loop:
        loop.until(ended(world, identity))


def test_what_breaks_beside_executions_holds_none_of_them_up_and_is_told(world, caplog):
    broken = [True]

    def backfills():
        if broken:
            raise ValueError("a document that nobody can read")

    with carrying(world) as loop:
        loop.carry_also(backfills)
        for _ in range(3):
            identity = world.submit(REFUSED)
            loop.start(identity)
            loop.until(ended(world, identity))
        assert loop.trouble().endswith("backfills failed by a defect: see the log")
        broken.clear()
        identity = world.submit(REFUSED)
        loop.start(identity)
        loop.until(ended(world, identity))
        assert loop.trouble() is None
    assert caplog.text.count("is tried again all the time") == 1


def test_it_tells_whether_it_runs(world):
    with carrying(world) as loop:
        assert loop.trouble() is None
    assert loop.trouble() == "the orchestrator's loop does not run"


def test_it_wakes_when_something_is_started_and_does_not_only_look_now_and_then(world, monkeypatch):
    monkeypatch.setattr(local, "LONGEST_SLEEP_S", 3600.0)
    with carrying(world) as loop:
        for command, outcome in ((REFUSED, ExecutionStatus.FAILED), (IDLE, ExecutionStatus.SUCCEEDED)) * 2:
            identity = world.submit(command)
            loop.start(identity)
            loop.until(ended(world, identity))
            assert status(world, identity) == {outcome}


def test_several_are_carried_at_once(world):
    together = threading.Barrier(3)
    meeting = Tapped(world.runs, ("acquire",), Tap(lambda *_: together.wait(PATIENCE_S) and None, None))
    with carrying(world, runs=meeting) as loop:
        identities = [begun(world, sync_job(name, dataset=name)) for name in ("gadm", "geostore", "farms")]
        loop.start(identities[0])
        loop.until(ended(world, *identities))
    assert status(world, *identities) == {ExecutionStatus.SUCCEEDED}


def test_a_busy_loop_waits_for_a_free_thread_and_does_not_spin(world):
    looks = Tap(lambda *_: None, None)
    with Gate(Tapped(world.runs, ("claim", "next_due"), looks)) as gate:
        loop = Loop(world, 1, gate.runs)
        loop.open()
        first = begun(world, sync_job())
        loop.start(first)
        assert gate.entered.wait(PATIENCE_S)
        second = world.submit(REFUSED)
        loop.start(second)
        looked = len(looks.calls)
        assert not threading.Event().wait(0.1)
        assert len(looks.calls) - looked <= 2
        assert not world.runs.get_execution(second).ended
    loop.until(ended(world, first, second))
    loop.close()


def analysing(world, name="job-1"):
    """An execution whose job's engine run goes on."""
    job = analysis_job(name, status=JobStatus.EXECUTING, step="analyzing", output="s3://bucket/out")
    world.engine.runs[run_name(job)] = RunStatus(state=RunState.RUNNING, progress=0.5, message="joining")
    return begun(world, job)


def test_it_goes_on_where_an_earlier_one_was_closed(world):
    identity = analysing(world)
    with carrying(world) as loop:
        loop.until(lambda: world.jobs(identity)[0].message == "joining")
    world.engine.runs = {name: RunStatus(state=RunState.CANCELLED) for name in world.engine.runs}
    with carrying(world) as loop:
        loop.until(ended(world, identity))
    assert "was ended by hand" in world.jobs(identity)[0].message


def test_what_a_dead_process_had_claimed_is_carried_by_the_next(world):
    identity = world.submit(IDLE)
    assert len(world.runs.claim(10)) == 1
    assert world.runs.claim(10) == []
    with carrying(world) as loop:
        loop.until(ended(world, identity))


def test_closing_finishes_the_step_that_is_being_taken_and_begins_no_more(world):
    with Gate(world.runs) as gate:
        loop = Loop(world, 4, gate.runs)
        loop.open()
        identity = begun(world, sync_job())
        loop.start(identity)
        assert gate.entered.wait(PATIENCE_S)
        closing = threading.Thread(target=loop.close)
        closing.start()
        with loop._changed:
            assert loop._changed.wait_for(lambda: loop._closing, PATIENCE_S)
        later = world.submit(IDLE)
        loop.start(later)
    closing.join(PATIENCE_S)
    assert world.jobs(identity)[0].status is JobStatus.COMPLETE
    assert status(world, identity, later) == {ExecutionStatus.RUNNING, ExecutionStatus.ACCEPTED}
    # Nothing is left claimed.
    assert len(world.runs.claim(10)) == 2


def test_a_stop_is_seen_to_at_once(world, monkeypatch):
    monkeypatch.setattr(local, "LONGEST_SLEEP_S", 3600.0)
    patient = world.settings.model_copy(update={"poll_min_s": 3600.0, "poll_max_s": 3600.0})
    world.ports = replace(world.ports, settings=patient)
    identity = analysing(world)
    with carrying(world) as loop:
        loop.until(lambda: world.jobs(identity)[0].next_poll_s == 3600.0)
        loop.stop(identity, "wrong version")
        loop.until(ended(world, identity))
        with pytest.raises(ConflictError):
            loop.stop(identity, "again")
        with pytest.raises(NotFoundError):
            loop.stop("nobody", "why")
    assert status(world, identity) == {ExecutionStatus.STOPPED}
    assert world.engine.cancelled == list(world.engine.runs)


@pytest.mark.parametrize("error", [StorageError("the disk is full"), ZeroDivisionError()], ids=["refusal", "defect"])
@pytest.mark.parametrize("method", ["claim", "next_due", "give_back", "save_job", "finish"])
def test_a_store_that_cannot_be_used_for_a_while_is_survived(world, monkeypatch, caplog, method, error):
    monkeypatch.setattr(local, "AGAIN_S", 0.01)
    monkeypatch.setattr(local, "AFTER_DEFECT_S", 0.01)
    tap = Tap(lambda number, _: "before" if number <= 3 else None, lambda _: error)
    identity = begun(world, sync_job())
    with caplog.at_level(logging.CRITICAL), carrying(world, runs=Tapped(world.runs, (method,), tap)) as loop:
        loop.start(identity)
        loop.until(ended(world, identity))
        assert loop.trouble() is None
    assert len(tap.calls) >= 2
    # A defect in postprocessing ends its execution, and nothing else.
    defect = isinstance(error, ZeroDivisionError) and method == "finish"
    assert status(world, identity) == {ExecutionStatus.FAILED if defect else ExecutionStatus.SUCCEEDED}


def test_a_refused_give_back_at_the_end_is_left_to_the_next_start(world, caplog):
    tap = Tap(lambda *_: "before", lambda _: StorageError("the disk is full"))
    identity = begun(world, sync_job())
    with caplog.at_level(logging.CRITICAL), carrying(world, runs=Tapped(world.runs, ("give_back",), tap)) as loop:
        loop.start(identity)
        loop.until(lambda: world.jobs(identity)[0].ended)
    assert status(world, identity) == {ExecutionStatus.RUNNING}
    with carrying(world) as loop:
        loop.until(ended(world, identity))
    assert status(world, identity) == {ExecutionStatus.SUCCEEDED}


def test_what_is_due_by_the_schedule_is_submitted_and_carried(tmp_path):
    clock = FakeClock(datetime(2026, 1, 16, 1, 59, tzinfo=UTC))
    deployment = Deployment(tmp_path, clock, viirs_url=str(tmp_path / "missing.csv"), **QUICK)
    put_config(deployment, "viirs")
    try:
        with carrying(deployment) as loop:
            loop.carry_also(Scheduler(deployment.ports).submit_due)
            clock.advance(60)
            loop.wake()
            loop.until(lambda: [one.ended for one in deployment.runs.list_executions().items] == [True])
        (execution,) = deployment.runs.list_executions().items
        assert (execution.caller, execution.command["parameters"]["types"]) == ("datapump", ["viirs"])
    finally:
        deployment.close()
