"""Each role against what its function was seen to do: nothing is missing, and nothing is there that no test uses.

A new call of AWS without its statement fails here, and so does a statement whose last call is gone.
"""

from __future__ import annotations

import json
import re

import pytest

from datapump.engines import RunState, RunStatus
from tests.support.aws.account import MACHINE
from tests.support.aws.faults import Fault
from tests.support.aws.names import ACCOUNT, REGION, STAGE, function_arn
from tests.support.aws.roles import FUNCTIONS, RESOURCES, ROLES, loaded, refused, statements
from tests.support.deployment import ANALYSIS, SYNC
from tests.support.twins import AwsTwin

# What no call of ours asks for, and why it is needed all the same.
IMPLIED = {
    "logs:CreateLogStream": "Lambda writes the log",
    "logs:PutLogEvents": "Lambda writes the log",
    "xray:PutTraceSegments": "Lambda sends the traces",
    "xray:PutTelemetryRecords": "Lambda sends the traces",
    "sqs:SendMessage": "Lambda sends what failed to the dead letters",
    "iam:PassRole": "RunJobFlow hands the cluster its roles",
    "elasticmapreduce:AddTags": "RunJobFlow tags the cluster",
    "s3:AbortMultipartUpload": "only a large object is written in parts",
}
# What needs a world that this one is not, and where it happens.
_ONCE = "whoever lists configs first puts the rows of a table that was there before into the lists"
RARE = {
    ("dispatcher", "dynamodb:Scan"): _ONCE,
    ("postprocessor", "dynamodb:BatchWriteItem"): _ONCE,
    ("postprocessor", "dynamodb:Scan"): _ONCE,
    ("postprocessor", "elasticmapreduce:ListClusters"): "a start whose answer was lost: tests/datapump/jobs",
    ("postprocessor", "states:StartExecution"): "executions that a new raster version calls for: test_machine.py",
    ("executor", "dynamodb:Query"): "an earlier job that is open: tests/datapump/jobs",
    ("executor", "s3:PutObject"): "virtual rasters: tests/datapump/jobs",
}
# What AWS documents that a role needs for a distributed map, for a log, and for traces.
_OWN = f"arn:aws:states:{REGION}:{ACCOUNT}"
CHILDREN = {
    ("states:StartExecution", f"{_OWN}:stateMachine:datapump-{STAGE}"),
    ("states:DescribeExecution", f"{_OWN}:execution:datapump-{STAGE}:*"),
    ("states:StopExecution", f"{_OWN}:execution:datapump-{STAGE}:*"),
}
LOGS = {
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}
TRACES = {
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
ENDLESS = RunStatus(state=RunState.RUNNING)
LOST = RunStatus(state=RunState.FAILED, retryable=True)


def exercise(d):
    """All that the functions are asked for."""
    d.prepare()
    d.ends("geostore", LOST)
    d.throttle(2)
    done = d.run(ANALYSIS)
    assert done.status == "succeeded", done.errors
    d.run(SYNC)
    d.run({"command": "set_latest", "parameters": {"analysis_version": "v1"}})
    again = {**ANALYSIS, "parameters": {**ANALYSIS["parameters"], "tables": [{**ANALYSIS["parameters"]["tables"][0]}]}}
    again["parameters"]["tables"][0]["dataset"] = "geostore_two"
    d.ends("geostore_two", ENDLESS)
    d.before_tick("analyzing", d.stop)
    stopped = d.run(again)
    assert stopped.status == "stopped"
    d.carry(d.retry(stopped.id))
    jobs = [job.model_dump(mode="json") for job in d.jobs(stopped.id)]
    d.run({"command": "continue_jobs", "parameters": {"jobs": jobs}})
    # One whose start got no answer knows only the name of its run.
    d.run({"command": "continue_jobs", "parameters": {"jobs": [{**job, "run_id": None} for job in jobs]}})
    given_up(d, again)
    found = d.run({"command": "sync", "parameters": {"types": ["wur_radd_alerts"]}})
    assert "no complete release" in str(found.errors)
    for path in ("/executions", "/sync-configs", "/freshness", "/catalog", "/health", "/audit"):
        d.request("GET", path)
    d.request("GET", f"/executions/{done.id}/events")
    (found, *_) = d.request("GET", "/results")["items"]
    assert d.request("GET", f"/results/{found['dataset']}/{found['versions'][0]}")["rows"]
    backfill = d.request("POST", "/backfills", {"types": ["viirs"], "sync_versions": ["v20260115"], "start": True})
    d.account.functions.api({"source": "datapump.schedule", "carry": "backfills"})
    d.request("POST", f"/backfills/{backfill['id']}/stop", {"reason": "seen enough"})
    d.request("GET", "/backfills")
    config = d.sync_configs.list().items[0]
    d.request("GET", f"/sync-configs/{config.id}")


def given_up(d, command):
    """A job that nothing can tick nor give up, so that the postprocessor ends its cluster."""
    command["parameters"]["tables"][0]["dataset"] = "geostore_three"
    d.ends("geostore_three", ENDLESS)
    began = []

    def breaks(_):
        began.extend(d.running())
        return bool(began)

    d.disturb(Fault("executor", "before", "Runtime.ExitError", times=10**6, only=breaks))
    assert d.run(command).status == "failed"
    d.account.functions.faults.clear()


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("roles")
    with AwsTwin(folder, viirs_url=str(folder / "feed.csv")) as d:
        exercise(d)
        return set(d.account.calls.seen)


@pytest.mark.parametrize("who", ROLES)
def test_each_may_do_what_it_does(calls, who):
    assert refused(call for call in calls if call[0] == who) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_nothing_that_it_never_does(calls, function):
    done = {action for name, action, _ in calls if name == function}
    rare = {action for name, action in RARE if name == function}
    assert sorted({action for action, _ in statements(function)} - done - set(IMPLIED) - rare) == []
    assert sorted(rare & done) == []


def test_the_state_machine_may_do_what_its_definition_says_and_nothing_else(calls):
    wanted = definition_needs(json.loads(MACHINE.read_text())) | settings_need(loaded(RESOURCES / "flow.yml"))
    allowed = {(action, one) for action, patterns in statements("state machine") for one in patterns}
    assert allowed == wanted
    done = {action for name, action, _ in calls if name == "state machine"}
    assert done == {"lambda:InvokeFunction", "s3:GetObject"}
    assert {one for name, action, one in calls if action == "lambda:InvokeFunction"} == {
        one for action, one in wanted if action == "lambda:InvokeFunction"
    }


def definition_needs(machine):
    """What the role of a state machine must allow for its states: `(action, resource)`."""
    found = set()
    for state in machine["States"].values():
        if state["Type"] == "Task":
            assert state["Resource"] == "arn:aws:states:::lambda:invoke"
            function = re.fullmatch(r"\$\{(\w+)Arn\}", state["Parameters"]["FunctionName"])[1]
            found.add(("lambda:InvokeFunction", function_arn(function.lower())))
        if state["Type"] == "Map":
            assert state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
            assert state["ItemReader"]["Resource"] == "arn:aws:states:::s3:getObject"
            found |= CHILDREN | {("s3:GetObject", "arn:aws:s3:::gfw-pipelines/datapump/executions/*")}
            found |= definition_needs(state["ItemProcessor"])
    return found


def settings_need(resources):
    """What the role of a state machine must allow for its log and its traces."""
    properties = resources["Resources"]["StateMachine"]["Properties"]
    assert {"LoggingConfiguration", "TracingConfiguration"} <= set(properties)
    return {(action, "*") for action in LOGS | TRACES}
