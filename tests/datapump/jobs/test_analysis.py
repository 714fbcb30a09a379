"""The analysis job up to its results: an engine run is asked for, watched, and started again where that helps."""

from __future__ import annotations

from itertools import count

import pytest

from datapump.engines import AnalysisRequest, RunState, RunStatus
from datapump.errors import RemoteBusyError, UnsupportedError
from datapump.executions import ExecutionStatus
from datapump.jobs.analysis import run_name
from datapump.jobs.documents import JobStatus
from tests.support.deployment import TABLE, night

RETRY = RunStatus(state=RunState.FAILED, message="a node was lost", retryable=True)
RUNNING = RunStatus(state=RunState.RUNNING, progress=0.5, message="joining")
VERSIONS = count(10)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    with night(tmp_path_factory.mktemp("analysis"), patience_s=120) as deployment:
        yield deployment


@pytest.fixture
def world(deployment):
    """The deployment with a fresh engine: each test publishes versions of its own."""
    deployment.engine.script.clear()
    deployment.engine.runs.clear()
    deployment.engine.cancelled.clear()
    return deployment


def analysis(*tables):
    version = f"v{next(VERSIONS)}"
    parameters = {"analysis_version": version, "sync": False, "geotrellis_version": "2.6.20"}
    return {"command": "analysis", "parameters": {**parameters, "tables": list(tables) or [TABLE]}}


def only_job(world, execution):
    (job,) = world.jobs(execution.id)
    return job


def until_step(world, execution_id, step):
    world.carry_until(lambda: [job.step for job in world.jobs(execution_id)] == [step])


def test_it_goes_through_its_steps_one_after_the_other(world):
    execution = world.run(analysis())
    assert execution.status is ExecutionStatus.SUCCEEDED
    events = [event for event in world.runs.list_events(execution.id) if event.job_id]
    assert (events[0].kind, events[0].message) == ("engine chosen", "on the engine local: it is the only engine")
    assert [(event.data["status"], event.data["step"]) for event in events[1:]] == [
        ("executing", "analyzing"),
        ("executing", "uploading"),
        ("complete", "complete"),
    ]
    job = only_job(world, execution)
    assert (job.progress, job.retries, job.errors) == (1.0, 0, [])
    assert job.start_time <= job.end_time


def test_its_run_and_its_folder_are_named_by_what_it_does(world):
    command = analysis()
    version = command["parameters"]["analysis_version"]
    job = only_job(world, world.run(command))
    assert list(world.engine.runs) == [f"geostore_viirs_{version}__{job.id}"]
    stamp = f"{job.start_time:%Y%m%d_%H%M}"
    folder = f"s3://gfw-pipelines/geotrellis/results/{version}/geostore/{version}/firealerts_viirs_{stamp}"
    assert job.output == folder
    assert [(result.dataset, result.version) for result in job.results] == [
        (f"geostore__viirs__{table}", version) for table in ("daily_alerts", "weekly_alerts", "whitelist")
    ]


def test_what_the_engine_tells_is_kept_with_the_job(world):
    command = analysis()
    identity = world.submit(command)
    world.engine.script = [RUNNING.model_copy(update={"links": {"log": "/log"}})]
    until_step(world, identity, "analyzing")
    world.step()
    (job,) = world.jobs(identity)
    assert (job.message, job.progress, job.links) == ("joining", 0.35, {"log": "/log"})
    request_result(world, job, notes=["2 rows skipped"])
    assert world.carry(identity).status is ExecutionStatus.SUCCEEDED
    assert world.jobs(identity)[0].notes == ["2 rows skipped"]


def request_result(world, job, **told):
    """Let the run that was scripted as running succeed, with real results."""
    name = run_name(job)
    world.engine.runs.pop(name)
    stored = world.runs.get_effect(f"{job.id}/start/{name}")
    assert stored.done
    world.engine.start(request_of(job, name))
    world.engine.runs[name] = world.engine.runs[name].model_copy(update=told)


def request_of(job, name):
    return AnalysisRequest(
        name=name,
        analysis=job.table.analysis,
        feature_type=job.feature_type,
        features=tuple(job.features),
        output=job.output,
        fire_sources=tuple(job.alert_sources),
    )


def test_a_run_that_fails_by_chance_is_started_again_up_to_three_times(world):
    world.engine.script = [RETRY] * 3
    execution = world.run(analysis())
    job = only_job(world, execution)
    assert (execution.status, job.retries, job.attempt) == (ExecutionStatus.SUCCEEDED, 3, 3)
    first = next(iter(world.engine.runs))
    assert list(world.engine.runs) == [first, f"{first}_1", f"{first}_2", f"{first}_3"]
    retried = [event.message for event in world.runs.list_events(execution.id) if "trying again" in event.message]
    assert retried == [f"trying again ({number} of 3) after: a node was lost" for number in (1, 2, 3)]


def test_a_run_that_fails_four_times_fails_the_job(world):
    world.engine.script = [RETRY] * 4
    execution = world.run(analysis())
    job = only_job(world, execution)
    assert (execution.status, job.status, job.step) == (ExecutionStatus.FAILED, JobStatus.FAILED, "analyzing")
    (error,) = job.errors
    assert error.message == "the analysis of geostore v1 viirs failed 4 times, last: a node was lost"
    assert len(world.engine.runs) == 4


def test_a_run_that_would_fail_again_is_not_started_again(world):
    world.engine.script = [RunStatus(state=RunState.FAILED, message="row 7 is no geometry")]
    job = only_job(world, world.run(analysis()))
    assert job.message == "the analysis of geostore v1 viirs failed: row 7 is no geometry"
    assert len(world.engine.runs) == 1


def test_a_run_that_was_ended_by_hand_fails_the_job(world):
    world.engine.script = [RunStatus(state=RunState.CANCELLED)]
    job = only_job(world, world.run(analysis()))
    assert (job.status, job.retries) == (JobStatus.FAILED, 0)
    assert job.message == f"the engine run {run_name(job)} was ended by hand"


def test_a_run_that_the_engine_forgot_is_started_again(world):
    identity = world.submit(analysis())
    world.engine.script = [RUNNING]
    until_step(world, identity, "analyzing")
    world.engine.runs.clear()
    assert world.carry(identity).status is ExecutionStatus.SUCCEEDED
    (job,) = world.jobs(identity)
    assert job.retries == 1


def test_a_run_without_results_fails_the_job(world):
    world.engine.script = [RunStatus(state=RunState.SUCCEEDED)]
    job = only_job(world, world.run(analysis()))
    assert job.message == f"the analysis of geostore v1 viirs ended without a result file under {job.output}"


def test_a_job_waits_for_a_busy_engine_as_long_as_it_takes(world, monkeypatch):
    began, start = world.clock.now(), world.engine.start

    def busy(request):
        if (world.clock.now() - began).total_seconds() < 2 * world.settings.patience_s:
            raise RemoteBusyError("waiting for its turn: the embedded engine is busy with 2 runs")
        start(request)

    monkeypatch.setattr(world.engine, "start", busy)
    execution = world.run(analysis())
    assert execution.status is ExecutionStatus.SUCCEEDED
    job = only_job(world, execution)
    # Its own time begins with its run.
    assert (job.start_time - began).total_seconds() > 2 * world.settings.patience_s


def test_a_run_that_is_to_be_started_again_waits_for_a_busy_engine_too(world, monkeypatch):
    world.engine.script = [RETRY]
    began, start = world.clock.now(), world.engine.start

    def busy(request):
        if world.engine.runs and (world.clock.now() - began).total_seconds() < 2 * world.settings.patience_s:
            raise RemoteBusyError("waiting for its turn: the embedded engine is busy with 2 runs")
        start(request)

    monkeypatch.setattr(world.engine, "start", busy)
    assert world.run(analysis()).status is ExecutionStatus.SUCCEEDED


def test_a_run_that_the_engine_refuses_fails_the_job(world, monkeypatch):
    def refuse(_):
        raise UnsupportedError("the layer slope is configured but cannot be sampled here")

    monkeypatch.setattr(world.engine, "start", refuse)
    job = only_job(world, world.run(analysis()))
    assert (job.status, job.step) == (JobStatus.FAILED, "starting")
    assert job.message == "the layer slope is configured but cannot be sampled here"


def test_a_second_execution_waits_for_the_tables_and_then_goes_on(world):
    world.engine.script = [RUNNING]
    first = world.submit(analysis())
    until_step(world, first, "analyzing")
    second = world.submit(analysis())
    world.carry_until(lambda: world.jobs(second) and world.jobs(second)[0].message)
    (waiting,) = world.jobs(second)
    assert waiting.message == f"waiting for execution {first}, which is writing the same tables"
    assert (waiting.status, waiting.start_time, len(world.engine.runs)) == (JobStatus.STARTING, None, 1)
    # However long: nothing of its own time runs meanwhile.
    world.clock.advance(waiting.timeout_sec - 3600)
    request_result(world, world.jobs(first)[0])
    assert world.carry(first).status is ExecutionStatus.SUCCEEDED
    assert world.carry(second).status is ExecutionStatus.SUCCEEDED


def test_two_executions_that_wait_for_each_other_are_parted_by_the_younger_giving_way(world):
    world.put_areas()
    both = analysis()
    both["parameters"]["tables"] = [
        {"dataset": "geostore", "version": "v1", "analysis": "viirs"},
        {"dataset": "geostore_more", "version": "v1", "analysis": "viirs"},
    ]
    other = {**both, "parameters": {**both["parameters"], "analysis_version": f"v{next(VERSIONS)}"}}
    older, younger = world.submit(both), world.submit(other)
    for execution, dataset in ((older, "geostore"), (younger, "geostore_more")):
        assert world.runs.acquire(f"{dataset}__viirs", execution, "") is None
    assert world.carry(older).status is ExecutionStatus.SUCCEEDED
    ended = world.carry(younger)
    jobs = {job.table.dataset: job for job in world.jobs(younger)}
    assert jobs["geostore_more"].status is JobStatus.COMPLETE
    assert (jobs["geostore"].status, jobs["geostore"].step) == (JobStatus.FAILED, "starting")
    assert "the younger gives way" in jobs["geostore"].message
    retried = {"command": "continue_jobs", "parameters": {"jobs": [jobs["geostore"].model_dump(mode="json")]}}
    assert ended.status is ExecutionStatus.FAILED
    assert world.run(retried).status is ExecutionStatus.SUCCEEDED


def test_the_same_command_twice_at_once_makes_its_tables_once(world):
    command = analysis()
    first, second = world.submit(command), world.submit(command)
    assert world.carry(first).status is ExecutionStatus.SUCCEEDED
    assert world.carry(second).status is ExecutionStatus.FAILED
    (job,) = world.jobs(second)
    assert "geostore v1 viirs is published already" in job.message
    assert len(world.engine.runs) == 1
