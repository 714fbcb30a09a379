"""What only the production deployment can meet: functions that keep failing, runs that are closed from outside."""

from __future__ import annotations

import io
import json
import logging

import boto3
import pytest

from datapump.commands import parse_command
from datapump.engines import RunState, RunStatus
from datapump.executions import Execution
from datapump.jobs.documents import JobStatus
from datapump.postprocessor import postprocess
from state_machine import handlers
from state_machine.telemetry import telemetry
from tests.support.aws.faults import Fault
from tests.support.aws.names import REGION
from tests.support.deployment import ANALYSIS, SYNC
from tests.support.twins import AwsTwin

ENDLESS = RunStatus(state=RunState.RUNNING)
FOREVER = 10**6


@pytest.fixture
def world(tmp_path):
    with AwsTwin(tmp_path, viirs_url=str(tmp_path / "feed.csv")) as d:
        d.prepare()
        yield d


def two_tables():
    tables = [{**ANALYSIS["parameters"]["tables"][0], "dataset": name} for name in ("geostore", "geostore_two")]
    return {"command": "analysis", "parameters": {**ANALYSIS["parameters"], "tables": tables}}


def machine(d, execution_id):
    """How the newest run of an execution ended."""
    arn = d.orchestrator.describe(execution_id).arn
    return boto3.client("stepfunctions", region_name=REGION).describe_execution(executionArn=arn)


def names(d, execution_id):
    return {job.table.dataset: job for job in d.jobs(execution_id)}


def test_a_tick_that_keeps_failing_fails_its_own_job_and_ends_its_cluster(world):
    world.ends("geostore_two", ENDLESS)
    bad = []

    def breaks(event):
        if not bad and "geostore_two" in str(world.running()):
            jobs = [(job.id, job.run_id) for job in world.jobs(event["execution_id"]) if job.step == "analyzing"]
            bad.extend(name for name, _ in jobs if names(world, event["execution_id"])["geostore_two"].id == name)
        return event["job_id"] in bad and "problem" not in event

    world.disturb(Fault("executor", "before", "Sandbox.Timedout", times=FOREVER, only=breaks))
    execution = world.run(two_tables())
    assert execution.status == "failed"
    jobs = names(world, execution.id)
    assert {name: job.status for name, job in jobs.items()} == {
        "geostore": JobStatus.COMPLETE,
        "geostore_two": JobStatus.FAILED,
    }
    assert "Sandbox.Timedout" in jobs["geostore_two"].errors[-1].message
    assert world.running() == []
    told = machine(world, execution.id)
    assert (told["status"], told["error"]) == ("FAILED", "JobsFailed")
    assert told["cause"] == f"1 of 2 jobs failed: {jobs['geostore_two'].id}"


def test_a_job_that_cannot_even_be_given_up_is_failed_by_the_postprocessor(world):
    world.ends("geostore", ENDLESS)
    began = []

    def breaks(_):
        began.extend(world.running())
        return bool(began)

    world.disturb(Fault("executor", "before", "Runtime.ExitError", times=FOREVER, only=breaks))
    execution = world.run(ANALYSIS)
    assert execution.status == "failed"
    [job] = world.jobs(execution.id)
    assert job.status is JobStatus.FAILED
    assert world.running() == []


@pytest.mark.parametrize("error", ["Sandbox.Timedout", "KeyError"])
def test_a_dispatch_that_keeps_failing_ends_its_execution_with_the_reason(world, error):
    world.disturb(Fault("dispatcher", "before", error, times=FOREVER))
    execution = world.run(ANALYSIS)
    assert execution.status == "failed"
    assert [error in message for message in execution.errors] == [True]
    assert machine(world, execution.id)["status"] == "FAILED"


def test_a_postprocessor_that_keeps_failing_fails_loudly_and_can_be_made_up_for(world):
    fault = Fault("postprocessor", "before", "Sandbox.Timedout", times=FOREVER)
    world.disturb(fault)
    execution = world.run(ANALYSIS)
    assert execution.status == "running"
    assert machine(world, execution.id)["error"] == "NotRecorded"
    world.account.functions.faults.clear()
    world.stop(execution.id, "its end was not recorded")
    assert world.carry(execution.id).status == "stopped"
    assert world.jobs(execution.id)[0].status is JobStatus.COMPLETE


def test_a_run_that_was_closed_from_outside_is_made_up_for_by_stopping(world):
    world.ends("geostore", ENDLESS)
    closed = []

    def close(execution_id):
        arn = world.orchestrator.describe(execution_id).arn
        boto3.client("stepfunctions", region_name=REGION).stop_execution(executionArn=arn)
        closed.append(arn)

    world.before_tick("analyzing", close)
    execution = world.run(ANALYSIS)
    assert closed
    assert execution.status == "running"
    assert world.running() != []
    world.stop(execution.id, "closed by hand")
    assert world.carry(execution.id).status == "stopped"
    assert world.running() == []
    assert world.orchestrator.describe(execution.id).number == 2


def test_two_runs_of_the_same_execution_do_everything_once(world):
    execution = world.submit(ANALYSIS)
    client = boto3.client("stepfunctions", region_name=REGION)
    second = client.start_execution(
        stateMachineArn=world.account.machine,
        name=f"{execution}-twin",
        input=json.dumps({"execution_id": execution, "attempts": 0}),
    )
    world.carry(execution)
    world.account.interpreter.await_end(second["executionArn"])
    assert world.runs.get_execution(execution).status == "succeeded"
    assert len(world.account.geotrellis.states()) == 1
    writes = [line for line in world.server.log() if line.method == "PUT"]
    assert len({line.path for line in writes}) == len(writes)


def test_a_schedule_that_fires_twice_starts_one_execution(world):
    event = {"source": "datapump.schedule", "name": "nightly-viirs", "time": "2026-02-01T02:00:00Z", "command": SYNC}
    first, second = world.account.functions.api(event), world.account.functions.api(event)
    assert first == second
    assert world.carry(first["execution_id"]).caller == "schedule"
    assert world.account.functions.api({**event, "time": "2026-02-02T02:00:00Z"}) != first


def test_the_executions_that_one_calls_for_are_started_once(world, monkeypatch):
    world.disturb(Fault("postprocessor", "after"))
    command = parse_command(json.dumps({"command": "set_latest", "parameters": {"analysis_version": "v1"}}))
    wanted = Execution(
        id=world.clock.new_id(),
        command=command.model_dump(mode="json"),
        fingerprint="",
        caller="datapump",
        created=world.clock.now(),
    )
    follower = world.runs.create_execution(wanted)[0].id
    first = []

    def calls_for(execution_id, ports):
        first.append(execution_id)
        outcome = postprocess(execution_id, ports)
        return outcome._replace(triggered=(follower,)) if execution_id == first[0] else outcome

    monkeypatch.setattr(handlers, "postprocess", calls_for)
    world.run(ANALYSIS)
    assert world.carry(follower).status == "succeeded"
    assert world.orchestrator.describe(follower).number == 1


def test_every_line_of_a_log_names_its_execution_and_job(world, monkeypatch):
    lines = io.StringIO()
    for function in ("dispatcher", "executor", "postprocessor"):
        monkeypatch.setattr(telemetry(function).logger.registered_handler, "stream", lines)
    world.disturb(Fault("executor", "after"))
    world.before_tick("uploading", lambda _: logging.getLogger("datapump.jobs").warning("seen"))
    execution = world.run(ANALYSIS)
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    told = [line for line in told if not line["message"].startswith("request ")]
    *messages, last = [line["message"] for line in told]
    assert messages == ["dispatched to 1 jobs", "seen"]
    assert last.startswith(f"execution {execution.id}: analysis has succeeded")
    assert {line["execution_id"] for line in told} == {execution.id}
    assert told[1]["job_id"] == world.jobs(execution.id)[0].id


def test_a_command_that_is_not_to_wait_is_refused_while_another_writes_the_same(world):
    holder = world.submit(ANALYSIS)
    with pytest.raises(AssertionError, match=f"(?s)409.*/executions/{holder}"):
        world.submit({**ANALYSIS, "on_conflict": "refuse"})
    world.carry(holder)
    assert world.submit({**ANALYSIS, "on_conflict": "refuse"}) != holder
