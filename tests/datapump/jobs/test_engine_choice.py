"""Which engine a job's run is on: chosen once, remembered in the job, told in plans, jobs and events."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from api.schemas.jobs import JobDocument
from datapump.engines import Cluster, Outlook, RunState, RunStatus
from datapump.engines.choice import ChoosingEngine, Limits
from datapump.engines.local.sizing import Sizer
from datapump.executions import ExecutionStatus
from datapump.planning.estimates import estimate_job
from datapump.planning.record import kept
from datapump.retries import plan_retry
from tests.support.deployment import SYNC, TABLE, night
from tests.support.inline_engine import InlineEngine
from tests.support.jobs import analysis_job

VERSIONS = count(100)
RUNNING = RunStatus(state=RunState.RUNNING, progress=0.5, message="joining")
ALL_LOCAL, ALL_EMR = Limits(above_hours=1000), Limits(above_hours=1e-12)


class Clusters(InlineEngine):
    """Computes as the other engine, under ids of its own."""

    def find(self, name, _run_id=None):
        found = super().find(name)
        return None if found is None else found.model_copy(update={"run_id": f"j-{name}"})

    def outlook(self, request):  # noqa: ARG002 - one kind of cluster
        machines = Cluster(master="r4.2xlarge", worker_types=("r5.2xlarge",), workers=9, on_demand=2)
        return Outlook(engine="emr", reason="", cluster=machines)

    def start(self, request):
        super().start(request)
        return f"j-{request.name}"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    with night(tmp_path_factory.mktemp("choice")) as deployment:
        yield deployment


@pytest.fixture
def world(deployment):
    """The deployment with two fresh engines."""
    deployment.local, deployment.emr = InlineEngine(deployment.objects), Clusters(deployment.objects)
    deployment.sizer = Sizer(deployment.objects, None, processes=2, cores=2)
    return deployment


def ports(world, limits, names=("local", "emr")):
    engines = {"local": world.local, "emr": world.emr}
    return replace(world.ports, engine=ChoosingEngine({name: engines[name] for name in names}, world.sizer, limits))


def analysis(**more):
    parameters = {"analysis_version": f"v{next(VERSIONS)}", "sync": False, "geotrellis_version": "2.6.20"}
    return {"command": "analysis", "parameters": {**parameters, "tables": [TABLE], **more}}


def only_job(world, execution):
    (stored,) = world.runs.list_jobs(execution.id)
    return stored.job, JobDocument.of(stored, world.clock.now())


def running(world, command, limits):
    """An execution whose run goes on, on the engine that is chosen."""
    world.local.script, world.emr.script = [RUNNING], [RUNNING]
    execution_id = world.submit(command)
    world.carry_until(lambda: [job.step for job in world.jobs(execution_id)] == ["analyzing"], ports(world, limits))
    return execution_id


def end(world, engine):
    """The engine's run computes its tables."""
    (request,) = engine.requests
    engine.runs.clear()
    engine.requests.clear()
    engine.start(request)


@pytest.mark.parametrize(("limits", "name", "words"), [(ALL_LOCAL, "local", "within"), (ALL_EMR, "emr", "more than")])
def test_the_estimate_against_the_limit_decides_and_job_and_events_say_so(world, limits, name, words):
    execution = world.run(analysis(), ports(world, limits))
    assert execution.status is ExecutionStatus.SUCCEEDED
    assert (len(world.local.runs), len(world.emr.runs)) == ((1, 0) if name == "local" else (0, 1))
    job, shown = only_job(world, execution)
    assert job.engine == shown.engine == name
    assert f"{words}" in shown.engine_reason
    assert "limit of" in shown.engine_reason
    (event,) = [event for event in world.runs.list_events(execution.id) if event.kind == "engine chosen"]
    assert event.message == f"on the engine {name}: {job.engine_reason}"
    assert event.data == {"engine": name}


@pytest.mark.parametrize(("limits", "name"), [(ALL_LOCAL, "emr"), (ALL_EMR, "local")])
def test_a_command_s_own_choice_goes_before_the_limit(world, limits, name):
    execution = world.run(analysis(engine=name), ports(world, limits))
    job, _ = only_job(world, execution)
    assert (execution.status, job.engine) == (ExecutionStatus.SUCCEEDED, name)
    assert job.engine_reason.startswith(f"the command asks for the engine {name}")


def test_a_sync_s_own_choice_goes_before_the_limit(world):
    world.put_feed("2026-01-16")
    world.run(analysis(sync=True, analysis_version=f"v{next(VERSIONS)}"), ports(world, ALL_LOCAL))
    command = {**SYNC, "parameters": {**SYNC["parameters"], "engine": "emr"}}
    execution = world.run(command, ports(world, ALL_LOCAL))
    engines = {job.engine for job in world.jobs(execution.id)}
    assert (execution.status, engines) == (ExecutionStatus.SUCCEEDED, {"emr"})


@pytest.mark.parametrize(("before", "after", "name"), [(ALL_EMR, ALL_LOCAL, "emr"), (ALL_LOCAL, ALL_EMR, "local")])
def test_a_restart_with_another_limit_finds_the_run_where_it_is(world, before, after, name):
    execution_id = running(world, analysis(), before)
    engine, other = (world.emr, world.local) if name == "emr" else (world.local, world.emr)
    assert (len(engine.runs), len(other.runs)) == (1, 0)
    world.reborn()
    end(world, engine)
    execution = world.carry(execution_id, ports(world, after))
    job, _ = only_job(world, execution)
    assert (execution.status, job.engine, job.retries) == (ExecutionStatus.SUCCEEDED, name, 0)
    assert other.runs == {}


def test_a_lost_run_is_started_again_where_it_was(world):
    execution_id = running(world, analysis(), ALL_EMR)
    world.emr.runs.clear()
    world.emr.script = []
    execution = world.carry(execution_id, ports(world, ALL_LOCAL))
    job, _ = only_job(world, execution)
    assert (execution.status, job.engine, job.retries) == (ExecutionStatus.SUCCEEDED, "emr", 1)
    assert world.local.runs == {}


def test_without_its_engine_a_job_fails_with_the_reason_and_goes_on_when_it_is_there_again(world):
    execution_id = running(world, analysis(), ALL_EMR)
    execution = world.carry(execution_id, ports(world, ALL_LOCAL, names=("local",)))
    job, _ = only_job(world, execution)
    assert execution.status is ExecutionStatus.FAILED
    assert "on the engine emr, which this deployment does not have any more" in job.errors[-1].message
    assert world.local.runs == {}
    end(world, world.emr)
    again = plan_retry(execution, world.runs).command.model_dump(mode="json")
    execution = world.run(again, ports(world, ALL_LOCAL))
    job, _ = only_job(world, execution)
    assert (execution.status, job.engine, len(world.emr.runs)) == (ExecutionStatus.SUCCEEDED, "emr", 1)


def test_a_plan_retry_a_run_that_failed_chooses_anew(world):
    world.emr.script = [RunStatus(state=RunState.FAILED, message="no quota for clusters")]
    execution = world.run(analysis(), ports(world, ALL_EMR))
    assert execution.status is ExecutionStatus.FAILED
    again = plan_retry(execution, world.runs).command.model_dump(mode="json")
    execution = world.run(again, ports(world, Limits(prefer="local")))
    job, _ = only_job(world, execution)
    assert (execution.status, job.engine) == (ExecutionStatus.SUCCEEDED, "local")
    assert "the settings ask for the engine local" in job.engine_reason


def test_stopping_ends_the_run_on_its_own_engine(world):
    execution_id = running(world, analysis(), ALL_EMR)
    world.runs.request_stop(execution_id, "enough")
    world.carry(execution_id, ports(world, ALL_LOCAL))
    assert (world.emr.cancelled, world.local.cancelled) == (list(world.emr.runs), [])


@pytest.mark.parametrize(("limits", "name"), [(ALL_LOCAL, "local"), (ALL_EMR, "emr")])
def test_a_plan_names_engine_reason_and_cluster_and_starts_nothing(world, limits, name):
    execution_id = world.submit(analysis())
    execution = world.runs.get_execution(execution_id)
    planned = execution.model_copy(update={"id": world.clock.new_id(), "plan_only": True})
    world.runs.create_execution(planned)
    world.carry(planned.id, ports(world, limits))
    (job,) = kept(world.runs.get_execution(planned.id), world.runs).jobs
    assert (job.engine.engine, job.engine.cluster is None) == (name, name == "local")
    assert "less than a minute on this machine (" in job.engine.reason
    assert (world.local.runs, world.emr.runs) == ({}, {})
    world.carry(execution_id, ports(world, limits))


def test_without_a_past_run_a_plan_has_the_time_that_is_told_from_the_input(world):
    job = analysis_job("never", dataset="never_analyzed")
    outlook = Outlook(engine="local", reason="", duration_s=5400.0)
    estimate = estimate_job(job, outlook, world.ports)
    assert (estimate.duration_s, estimate.cost_usd) == (5400.0, 0.0)
    assert estimate.basis == "no past run: told from the input, without publishing"
    assert estimate_job(job, outlook.model_copy(update={"duration_s": None}), world.ports).duration_s is None


def test_a_command_that_asks_for_an_engine_that_is_not_there_is_refused(world):
    execution = world.run(analysis(engine="emr"), ports(world, ALL_LOCAL, names=("local",)))
    assert execution.status is ExecutionStatus.FAILED
    assert "this deployment has no engine emr; it has local" in execution.errors[0]
    assert world.jobs(execution.id) == []
