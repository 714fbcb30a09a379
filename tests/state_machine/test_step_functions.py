"""The orchestrator of production against moto's Step Functions."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from datapump.aws import Aws
from datapump.commands import parse_command
from datapump.errors import ConflictError, NotFoundError, RemoteBusyError
from datapump.executions import Execution, ExecutionStatus
from datapump.stores.sqlite import Database, SqliteRunStore
from state_machine.step_functions import StepFunctionsOrchestrator
from tests.support.clock import FakeClock
from tests.support.deployment import ANALYSIS

REGION = "us-east-1"
MACHINE = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 9999, "End": True}}}


@pytest.fixture
def client():
    with mock_aws():
        yield boto3.client("stepfunctions", region_name=REGION)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def runs(tmp_path, clock):
    database = Database(tmp_path / "runs.sqlite")
    yield SqliteRunStore(database, clock)
    database.close()


@pytest.fixture
def orchestrator(client, runs):
    arn = client.create_state_machine(
        name="datapump", definition=json.dumps(MACHINE), roleArn="arn:aws:iam::123456789012:role/machine"
    )["stateMachineArn"]
    return StepFunctionsOrchestrator(Aws(REGION), runs, arn)


@pytest.fixture
def execution(runs, clock):
    command = parse_command(json.dumps(ANALYSIS)).model_dump(mode="json")
    wanted = Execution(id=clock.new_id(), command=command, fingerprint="", caller="test", created=clock.now())
    return runs.create_execution(wanted)[0].id


def started(client, orchestrator):
    return client.list_executions(stateMachineArn=orchestrator._machine)["executions"]


def test_starting_starts_one_run_that_knows_only_the_id(client, orchestrator, execution):
    assert orchestrator.describe(execution) is None
    orchestrator.start(execution)
    orchestrator.start(execution)
    [run] = started(client, orchestrator)
    told = client.describe_execution(executionArn=run["executionArn"])
    assert json.loads(told["input"]) == {"execution_id": execution, "attempts": 0}
    described = orchestrator.describe(execution)
    assert (described.arn, described.state, described.number) == (run["executionArn"], "RUNNING", 1)
    assert [one.execution_id for one in orchestrator.list()] == [execution]


def test_a_closed_run_is_not_started_again(client, orchestrator, execution):
    orchestrator.start(execution)
    client.stop_execution(executionArn=orchestrator.describe(execution).arn)
    orchestrator.start(execution)
    assert len(started(client, orchestrator)) == 1
    assert orchestrator.describe(execution).state == "ABORTED"
    assert list(orchestrator.list()) == []


def test_a_start_whose_answer_was_lost_is_found_to_have_happened(client, orchestrator, execution, runs, monkeypatch):
    monkeypatch.setattr(runs, "complete", lambda *_: None)
    orchestrator.start(execution)
    client.stop_execution(executionArn=started(client, orchestrator)[0]["executionArn"])
    monkeypatch.undo()
    orchestrator.start(execution)
    assert len(started(client, orchestrator)) == 1
    assert orchestrator.describe(execution).number == 1


def test_an_execution_that_has_ended_is_not_started(client, orchestrator, execution, runs):
    runs.finish(execution, ExecutionStatus.FAILED, ["no"])
    orchestrator.start(execution)
    assert started(client, orchestrator) == []


def test_throttling_is_told_and_nothing_is_recorded_as_started(orchestrator, execution, monkeypatch):
    response = {"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    writing = orchestrator._aws.step_functions(writes=True)

    def throttled(**_):
        raise ClientError(response, "StartExecution")

    monkeypatch.setattr(writing, "start_execution", throttled)
    with pytest.raises(RemoteBusyError, match=execution):
        orchestrator.start(execution)
    assert orchestrator.describe(execution) is None
    monkeypatch.undo()
    orchestrator.start(execution)
    assert orchestrator.describe(execution).state == "RUNNING"


def test_stopping_is_a_wish_to_the_run_that_goes_on(client, orchestrator, execution, runs):
    orchestrator.start(execution)
    orchestrator.stop(execution, "wrong version")
    assert runs.get_execution(execution).stop_reason == "wrong version"
    assert len(started(client, orchestrator)) == 1


@pytest.mark.parametrize("begun", [True, False])
def test_stopping_what_no_run_carries_starts_one_that_ends_it(client, orchestrator, execution, begun):
    if begun:
        orchestrator.start(execution)
        client.stop_execution(executionArn=orchestrator.describe(execution).arn)
    orchestrator.stop(execution, "wrong version")
    run = orchestrator.describe(execution)
    assert (run.state, run.number) == ("RUNNING", 2 if begun else 1)
    assert [one.number for one in orchestrator.list()] == [run.number]


def test_stopping_what_is_not_there_or_has_ended_is_refused(orchestrator, execution, runs):
    with pytest.raises(NotFoundError):
        orchestrator.stop("0" * 32, "no")
    runs.finish(execution, ExecutionStatus.SUCCEEDED)
    with pytest.raises(ConflictError):
        orchestrator.stop(execution, "no")


def test_a_machine_that_is_there_is_no_trouble(orchestrator):
    assert orchestrator.trouble() is None
