"""Ticks: each job waits, ends and fails by itself, and what comes late or twice changes nothing."""

from __future__ import annotations

import logging
import socket
from dataclasses import replace
from itertools import count

import pytest
from pydantic import SecretStr

from datapump.clients.data_api import DataApi
from datapump.engines import RunState, RunStatus
from datapump.errors import NotFoundError, RemoteUnavailableError, StorageError
from datapump.executions import ExecutionStatus
from datapump.executor import give_up, tick
from datapump.jobs.documents import JobStatus
from tests.support.deployment import TABLE, night
from tests.support.faults import Tap, Tapped

RUNNING = RunStatus(state=RunState.RUNNING, progress=0.5, message="joining")
VERSIONS = count(10)
FARMS = {"dataset": "farms", "version": "v1", "analysis": "viirs"}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    with night(tmp_path_factory.mktemp("executor"), patience_s=600) as deployment:
        deployment.put_features("farms", "v1", grid=True)
        yield deployment


@pytest.fixture
def world(deployment):
    """The deployment with a fresh engine, and nothing open."""
    deployment.engine.script.clear()
    deployment.engine.runs.clear()
    deployment.engine.cancelled.clear()
    yield deployment
    for execution in deployment.runs.list_executions(status=ExecutionStatus.RUNNING).items:
        deployment.runs.request_stop(execution.id, "the test is over")
        deployment.carry(execution.id)


@pytest.fixture
def away(world):
    """Ports whose Data API nobody serves."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        client = DataApi(f"http://127.0.0.1:{held.getsockname()[1]}", SecretStr("x"), 5)
        yield replace(world.ports, data_api=client)
        client.close()


def analysis(*tables):
    parameters = {"analysis_version": f"v{next(VERSIONS)}", "sync": False, "geotrellis_version": "2.6.20"}
    return {"command": "analysis", "parameters": {**parameters, "tables": list(tables) or [TABLE]}}


def until_step(world, step, command=None, ports=None):
    """Submit a command and carry it until its job is in a step; returns its id and the job's."""
    identity = world.submit(command or analysis())
    world.carry_until(lambda: [job.step for job in world.jobs(identity)] == [step], ports)
    return identity, world.jobs(identity)[0].id


def running(world):
    """A job whose engine run goes on, until told otherwise."""
    world.engine.script = [RUNNING]
    return until_step(world, "analyzing")


def test_waits_grow_while_nothing_changes_and_are_capped(world):
    execution, job = running(world)
    waits = [tick(execution, job, world.ports).wait_s for _ in range(30)]
    assert waits[0] == world.settings.poll_min_s
    assert waits[:4] == pytest.approx([0.2, 0.3, 0.45, 0.675])
    assert waits == sorted(waits)
    assert waits[-1] == world.settings.poll_max_s
    # A whole day of waiting fits into the history of an execution many times over.
    assert 24 * 3600 / world.settings.poll_max_s < 25_000 / 8


def test_a_wait_is_short_again_after_a_change(world):
    execution, job = running(world)
    for _ in range(20):
        tick(execution, job, world.ports)
    world.engine.runs[next(iter(world.engine.runs))] = RunStatus(state=RunState.FAILED, retryable=True)
    assert tick(execution, job, world.ports).wait_s == 0
    assert world.runs.get_job(execution, job).job.step == "starting"


def test_a_job_is_due_after_its_wait_and_not_before(world):
    execution, job = running(world)
    for _ in range(30):
        tick(execution, job, world.ports)
    assert world.runs.claim(10) == []
    world.clock.advance(29)
    assert world.runs.claim(10) == []
    world.clock.advance(1)
    (unit,) = world.runs.claim(10)
    assert unit.job_id == job
    world.runs.give_back(unit)


def test_a_job_whose_time_is_over_fails_and_its_run_is_ended(world):
    execution, job = running(world)
    world.clock.advance(12 * 3600)
    assert tick(execution, job, world.ports).status is JobStatus.EXECUTING
    world.clock.advance(1)
    assert tick(execution, job, world.ports).status is JobStatus.FAILED
    assert world.engine.cancelled == list(world.engine.runs)
    assert world.runs.get_job(execution, job).job.message == "not done after 12 hours, last: joining"


def test_a_job_that_is_taken_up_in_the_middle_has_its_time_again(world, away):
    execution, _ = until_step(world, "uploading")
    world.carry(execution, away)
    (failed,) = world.jobs(execution)
    assert failed.status is JobStatus.FAILED
    world.clock.advance(13 * 3600)
    again = world.submit({"command": "continue_jobs", "parameters": {"jobs": [failed.model_dump(mode="json")]}})
    with world.server.held():
        world.carry_until(lambda: world.jobs(again) and world.jobs(again)[0].message.startswith("loading"))
        world.clock.advance(12 * 3600 + 60)
        world.step()
        (job,) = world.jobs(again)
        assert (job.status, job.message.partition(",")[0]) == (JobStatus.FAILED, "not done after 12 hours")


def test_a_stop_ends_the_run_and_says_why(world):
    execution, job = running(world)
    world.runs.request_stop(execution, "wrong version")
    assert tick(execution, job, world.ports).status is JobStatus.FAILED
    assert world.engine.cancelled == list(world.engine.runs)
    assert world.carry(execution).status is ExecutionStatus.STOPPED
    assert world.runs.get_job(execution, job).job.message == "stopped: wrong version"


def test_a_stop_during_a_tick_is_not_left_until_the_next_one(world):
    execution, job = running(world)

    def stop(number, _):
        if number == 1:
            world.runs.request_stop(execution, "wrong version")

    slow = replace(world.ports, runs=Tapped(world.runs, ("save_job",), Tap(stop, None)))
    assert tick(execution, job, slow).status is JobStatus.FAILED
    assert world.runs.get_job(execution, job).job.message == "stopped: wrong version"


def test_a_stop_keeps_what_is_published(world):
    command = analysis()
    execution, _ = until_step(world, "uploading", command)
    daily = "geostore__viirs__daily_alerts"
    version = command["parameters"]["analysis_version"]
    world.carry_until(lambda: world.data_api.dataset(daily) and world.data_api.version(daily, version))
    world.runs.request_stop(execution, "enough")
    assert world.carry(execution).status is ExecutionStatus.STOPPED
    assert world.engine.cancelled == []
    world.until_saved(daily, version)
    assert len(world.rows(version=version)) == 1


def test_an_engine_that_cannot_end_a_run_is_asked_again(world, monkeypatch):
    execution, job = running(world)
    world.runs.request_stop(execution, "wrong version")
    cancel, answers = world.engine.cancel, [RemoteUnavailableError("the worker does not end; ask again later")]

    def stubborn(name, run_id):
        if answers:
            raise answers.pop()
        cancel(name)

    monkeypatch.setattr(world.engine, "cancel", stubborn)
    assert tick(execution, job, world.ports).status is JobStatus.EXECUTING
    assert tick(execution, job, world.ports).status is JobStatus.FAILED
    assert world.engine.cancelled == list(world.engine.runs)


def test_an_outage_shorter_than_patience_is_only_waited_for(world, away):
    execution, job = until_step(world, "uploading")
    began = world.clock.now()
    world.carry_until(lambda: (world.clock.now() - began).total_seconds() > 500, away)
    waiting = world.runs.get_job(execution, job).job
    assert (waiting.status, waiting.outage_since) == (JobStatus.EXECUTING, began)
    assert waiting.message == "the Data API did not answer GET /dataset/geostore__viirs__daily_alerts: ConnectError"
    assert world.carry(execution).status is ExecutionStatus.SUCCEEDED
    assert world.runs.get_job(execution, job).job.outage_since is None
    kinds = [event.kind for event in world.runs.list_events(execution) if event.job_id]
    assert kinds == ["engine chosen", "job executing", "job executing", "job waits", "job goes on", "job complete"]


def test_an_outage_longer_than_patience_fails_the_job(world, away):
    execution, job = until_step(world, "uploading")
    began = world.clock.now()
    assert world.carry(execution, away).status is ExecutionStatus.FAILED
    failed = world.runs.get_job(execution, job).job
    assert failed.message.startswith("gave up after 10 minutes without an answer: the Data API did not answer GET")
    assert 600 < (failed.end_time - began).total_seconds() < 640


def test_only_an_outage_in_one_piece_counts(world):
    execution, job = running(world)
    tap = Tap(lambda *_: "before", lambda _: RemoteUnavailableError("the engine is away"))
    away = replace(world.ports, engine=Tapped(world.engine, ("find",), tap))
    for ports in (away, world.ports) * 3:
        tick(execution, job, ports)
        world.clock.advance(400)
    assert world.runs.get_job(execution, job).job.status is JobStatus.EXECUTING


def test_a_second_tick_at_the_same_time_loses_and_changes_nothing(world):
    execution, job = until_step(world, "uploading")
    seen = []

    def overtaken(*_):
        if not seen:
            seen.append(tick(execution, job, world.ports))

    slow = replace(world.ports, runs=Tapped(world.runs, ("save_job",), Tap(overtaken, None)))
    before = world.runs.get_job(execution, job)
    result = tick(execution, job, slow)
    after = world.runs.get_job(execution, job)
    assert after.revision == before.revision + 1
    assert result.status is seen[0].status
    assert world.carry(execution).status is ExecutionStatus.SUCCEEDED


def test_every_tick_taken_twice_at_once_writes_everything_once(world):
    command = analysis()
    execution = world.submit(command)
    busy = []

    def again(*_):
        """Before a tick is saved, the same tick is taken by another process, and saved first."""
        if not busy:
            busy.append(True)
            for job in world.jobs(execution):
                tick(execution, job.id, world.ports)
            busy.clear()

    slow = replace(world.ports, runs=Tapped(world.runs, ("save_job",), Tap(again, None)))
    log = len(world.server.log())
    assert world.carry(execution, slow).status is ExecutionStatus.SUCCEEDED
    version = command["parameters"]["analysis_version"]
    writes = [(line.method, line.path) for line in world.server.log()[log:] if version in line.path]
    assert len(writes) == len(set(writes)) == 3
    assert len(world.engine.runs) == 1
    assert len(world.rows(version=version)) == 1


def test_a_late_tick_of_an_ended_job_changes_nothing(world):
    execution = world.run(analysis())
    (job,) = world.jobs(execution.id)
    before, log = world.runs.get_job(execution.id, job.id), world.server.log()
    result = tick(execution.id, job.id, world.ports)
    assert (result.status, result.wait_s) == (JobStatus.COMPLETE, 0)
    assert (world.runs.get_job(execution.id, job.id), world.server.log()) == (before, log)


def test_a_tick_of_an_unknown_job_is_not_found(world):
    with pytest.raises(NotFoundError):
        tick("nobody", "nothing", world.ports)


def test_a_defect_fails_only_its_own_job_and_is_logged(world, monkeypatch, caplog):
    start = world.engine.start

    def defective(request):
        if "farms" in request.name:
            raise ZeroDivisionError("a secret detail")
        start(request)

    monkeypatch.setattr(world.engine, "start", defective)
    with caplog.at_level(logging.ERROR):
        execution = world.run(analysis(FARMS, TABLE))
    assert execution.status is ExecutionStatus.FAILED
    jobs = {job.table.dataset: job for job in world.jobs(execution.id)}
    assert (jobs["farms"].status, jobs["geostore"].status) == (JobStatus.FAILED, JobStatus.COMPLETE)
    assert jobs["farms"].message == "internal error (ZeroDivisionError) in step starting: see the log for this job's id"
    assert f"job {jobs['farms'].id} of execution {execution.id} failed by a defect" in caplog.text
    assert "a secret detail" in caplog.text


def test_the_siblings_of_a_failed_job_finish_and_the_execution_names_the_failed_one(world):
    world.engine.script = [RunStatus(state=RunState.FAILED, message="row 7 is no geometry")]
    execution = world.run(analysis(FARMS, TABLE))
    jobs = {job.table.dataset: job for job in world.jobs(execution.id)}
    assert {job.status for job in jobs.values()} == {JobStatus.FAILED, JobStatus.COMPLETE}
    (failed,) = [job for job in jobs.values() if job.status is JobStatus.FAILED]
    assert execution.status is ExecutionStatus.FAILED
    kinds = {
        event.job_id: event.message for event in world.runs.list_events(execution.id) if event.kind == "job failed"
    }
    assert kinds == {failed.id: f"the analysis of {failed.table} failed: row 7 is no geometry"}


def test_a_store_that_refuses_a_save_leaves_the_tick_to_be_taken_again(world):
    execution, job = until_step(world, "uploading")
    full = Tap(lambda number, _: "before" if number <= 3 else None, lambda _: StorageError("the disk is full"))
    ports = replace(world.ports, runs=Tapped(world.runs, ("save_job",), full))
    with pytest.raises(StorageError):
        tick(execution, job, ports)
    assert world.carry(execution, ports).status is ExecutionStatus.SUCCEEDED
    assert world.runs.get_job(execution, job).job.errors == []


def test_a_store_that_refuses_within_a_tick_is_waited_for(world):
    execution, job = until_step(world, "uploading")
    full = Tap(lambda *_: "before", lambda _: StorageError("datapump.sqlite could not be written: disk is full"))
    ports = replace(world.ports, runs=Tapped(world.runs, ("intend",), full))
    for _ in range(5):
        tick(execution, job, ports)
    waiting = world.runs.get_job(execution, job).job
    assert (waiting.status, "disk is full" in waiting.message) == (JobStatus.EXECUTING, True)
    assert world.carry(execution).status is ExecutionStatus.SUCCEEDED


def test_a_job_that_is_given_up_fails_alone_and_ends_what_it_runs(world):
    execution, job = running(world)
    give_up(execution, job, "its tick kept failing", world.ports)
    given_up = world.runs.get_job(execution, job).job
    assert (given_up.status, given_up.message) == (JobStatus.FAILED, "its tick kept failing")
    assert world.engine.cancelled == list(world.engine.runs)
    give_up(execution, job, "again", world.ports)
    assert world.runs.get_job(execution, job).job == given_up


def test_a_tick_tells_the_kind_of_job_and_how_late_it_was(world):
    execution, job = running(world)
    due = world.runs.get_job(execution, job).due
    world.clock.advance((due - world.clock.now()).total_seconds() + 7)
    result = tick(execution, job, world.ports)
    assert (result.kind, result.behind_s) == ("analysis", 7)
