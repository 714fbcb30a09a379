"""A plan changes nothing, and what is done afterwards is what it said."""

from __future__ import annotations

import pytest

from datapump.engines import Cluster, Outlook, RunState, RunStatus
from datapump.errors import InternalError, NotFoundError
from datapump.executions import ExecutionStatus
from datapump.planning.data_api import PlannedDataApi
from datapump.planning.objects import PlannedObjects
from datapump.planning.plans import Recorder
from datapump.planning.record import kept
from datapump.planning.stores import PlannedConfigs, PlannedRuns
from tests.support.deployment import ANALYSIS, SYNC, night
from tests.support.plans import made, planned, requests

SET_LATEST = {"command": "set_latest", "parameters": {"analysis_version": "v1"}}


def state(deployment):
    """All that a command could change outside the run store, and its leases."""
    folder = deployment.folder / "objects"
    files = {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    configs = deployment.sync_configs.list().items
    leases = deployment.database.rows("SELECT * FROM leases")
    return files, configs, deployment.server.log(), set(deployment.engine.runs), leases


@pytest.fixture
def deployment(tmp_path):
    with night(tmp_path) as made:
        yield made


@pytest.fixture
def published(deployment):
    """After the first analysis."""
    assert deployment.run(ANALYSIS).status == "succeeded"
    return deployment


def failed_job(deployment):
    """A continue_jobs command of an analysis whose engine run failed."""
    failure = RunStatus(state=RunState.FAILED, message="broken")
    deployment.engine.script = [failure]
    execution = deployment.run(ANALYSIS)
    job = deployment.jobs(execution.id)[0].model_dump(mode="json")
    return {"command": "continue_jobs", "parameters": {"jobs": [job]}}


COMMANDS = {
    "analysis": lambda _: ANALYSIS,
    "sync": lambda deployment: deployment.run(ANALYSIS) and SYNC,
    "set_latest": lambda deployment: deployment.run(ANALYSIS) and SET_LATEST,
    "continue_jobs": failed_job,
}


@pytest.mark.parametrize("prepare", COMMANDS.values(), ids=COMMANDS)
def test_a_plan_changes_nothing_and_the_work_then_done_equals_it(deployment, prepare):
    command = prepare(deployment)
    before = state(deployment)
    plan, execution = planned(deployment, command)
    assert execution.status is ExecutionStatus.SUCCEEDED
    assert state(deployment) == before
    logged = len(deployment.server.log())
    runs = set(deployment.engine.runs)
    assert deployment.run(command).status == "succeeded"
    assert requests(plan) == made(deployment, logged)
    assert requests(plan)
    started = [write for write in plan.writes if write.system == "engine"]
    assert len(started) == len(set(deployment.engine.runs) - runs)


def test_a_plan_names_the_objects_and_configs_that_a_sync_writes(published):
    files, configs, *_ = state(published)
    plan, _ = planned(published, SYNC)
    uploaded = [write.target for write in plan.before if write.system == "objects"]
    moved = [write.detail["sync_version"] for write in plan.after if write.system == "sync_configs"]
    published.run(SYNC)
    new = set(state(published)[0]) - set(files)
    assert [uri for uri in uploaded if any(path.endswith(uri.removeprefix("s3://")) for path in new)] == uploaded
    assert len(uploaded) == 1
    assert moved == ["v20260117"]
    assert state(published)[1] != configs


def test_a_second_plan_of_the_same_command_says_the_same(published):
    first, _ = planned(published, SYNC)
    second, _ = planned(published, SYNC)
    assert first.counts == second.counts
    assert requests(first) == requests(second)


def test_nothing_new_plans_nothing_and_says_why(published):
    published.run(SYNC)
    plan, execution = planned(published, SYNC)
    assert plan.writes == []
    assert plan.counts == {}
    assert any("nothing" in note or "no row" in note or "newer" in note for note in plan.notes), plan.notes
    assert execution.notes == plan.notes


def test_a_command_that_cannot_work_fails_as_it_would_and_has_no_plan(published):
    with pytest.raises(NotFoundError, match="is published already"):
        planned(published, ANALYSIS)


def test_an_execution_that_was_not_asked_to_plan_says_so(published):
    execution = published.runs.get_execution(published.submit(SYNC))
    with pytest.raises(NotFoundError, match="was not asked to plan"):
        kept(execution, published.runs)


def test_a_plan_waits_for_no_lease_and_takes_none(published):
    other = published.submit(SYNC)
    assert published.runs.acquire("feed viirs", other, "") is None
    plan, _ = planned(published, SYNC)
    assert plan.jobs
    assert published.runs.acquire("feed viirs", other, "") is None


def test_a_job_that_would_fail_is_said_to(published):
    published.data_api.delete_version("geostore__viirs__weekly_alerts", "v1")
    plan, execution = planned(published, SYNC)
    job = plan.jobs[0]
    assert job.outcome == "failed"
    assert "geostore__viirs__weekly_alerts v1 does not exist" in job.message
    assert execution.status is ExecutionStatus.SUCCEEDED


def test_the_estimate_comes_from_past_runs(published):
    published.run(SYNC)
    published.put_feed("2026-01-16", "2026-01-17")
    plan, _ = planned(published, {**SYNC, "parameters": {"types": ["viirs"], "sync_version": "v20260118"}})
    past = [job for job in published.jobs(published.runs.list_executions(limit=50).items[1].id) if job.change_only]
    assert plan.jobs[0].estimate.basis == "one past run"
    assert plan.jobs[0].estimate.duration_s == (past[0].end_time - past[0].start_time).total_seconds()


def test_without_past_runs_the_cluster_and_its_price_are_reckoned_from_the_settings(deployment):
    cluster = Cluster(master="r4.2xlarge", worker_types=("r5a.2xlarge", "r5.2xlarge"), workers=9, on_demand=1)
    deployment.engine.outlook = lambda _: Outlook(engine="emr", reason="it is large", cluster=cluster)
    plan, _ = planned(deployment, ANALYSIS)
    prices, hours = deployment.settings.prices_usd_per_hour, deployment.settings.expected_hours["viirs"]
    share = deployment.settings.spot_share
    expected = (prices["r4.2xlarge"] + prices["r5.2xlarge"] * (1 + 8 * share)) * hours
    assert plan.jobs[0].engine.cluster == cluster
    assert plan.estimate.cost_usd == pytest.approx(expected, abs=0.01)
    assert plan.estimate.duration_s == hours * 3600
    assert deployment.settings.prices_of in plan.jobs[0].estimate.basis


def test_planned_stores_let_nothing_through_that_is_not_known_to_read(deployment):
    execution = deployment.runs.get_execution(deployment.submit(ANALYSIS))
    runs = PlannedRuns(deployment.runs, execution, deployment.clock, Recorder())
    with pytest.raises(InternalError, match="request_stop"):
        runs.request_stop(execution.id, "why not")
    with pytest.raises(InternalError, match="switch_type"):
        PlannedConfigs(deployment.sync_configs, Recorder()).switch_type("viirs", sync=False, author=None)
    recorder = Recorder()
    objects = PlannedObjects(deployment.objects, deployment.folder / "planned", recorder)
    with pytest.raises(InternalError, match="PUT /asset/1"):
        PlannedDataApi(deployment.data_api, "gfw-data-lake", recorder, objects).exchange("PUT", "/asset/1")
