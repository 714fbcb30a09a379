"""Each role against what its function was seen to do: nothing is missing, and nothing is there that no test uses.

A new call of AWS without its statement fails here, and so does a statement whose last call is gone.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from datapump.engines import RunState, RunStatus
from tests.support.aws.faults import Fault
from tests.support.aws.names import ACCOUNT, REGION, STAGE
from tests.support.deployment import ANALYSIS, SYNC
from tests.support.twins import AwsTwin

ROLES = Path(__file__).parents[2] / "deployment" / "resources" / "roles.yml"
BUCKETS = {"pipelineBucket": "gfw-pipelines", "dataLakeBucket": "gfw-data-lake"}
NAMES = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "sls:stage": STAGE,
    "self:custom.configTable": "datapump-sync-configs",
    "RunTable.Arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/datapump-runs",
    "StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:datapump-{STAGE}",
    **{f"self:custom.stage.{name}": bucket for name, bucket in BUCKETS.items()},
}
FUNCTIONS = {
    "api": "ApiRole",
    "dispatcher": "DispatcherRole",
    "executor": "ExecutorRole",
    "postprocessor": "PostprocessorRole",
}
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
    ("dispatcher", "s3:GetObject"): "the extent by which user areas are cut: tests/datapump/sources",
}
ENDLESS = RunStatus(state=RunState.RUNNING)
LOST = RunStatus(state=RunState.FAILED, retryable=True)


def loaded(path):
    """YAML with the short forms of CloudFormation's functions."""
    loader = yaml.SafeLoader(path.read_text())
    loader.yaml_multi_constructors = {"!": _short}
    return loader.get_single_data()


def _short(loader, tag, node):
    scalar = isinstance(node, yaml.ScalarNode)
    return {tag: loader.construct_scalar(node) if scalar else loader.construct_sequence(node)}


def resolved(value):
    """An ARN of a statement, in which only IAM's own wildcards are left."""
    if isinstance(value, dict):
        ((function, value),) = value.items()
        if function in {"GetAtt", "Ref"}:
            return NAMES.get(value, f"unknown {value}")
    return re.sub(r"\$\{([^}]+)\}", lambda found: NAMES.get(found[1], "unknown"), value)


def statements(role):
    """`(action, resources)` of each action that a role allows."""
    for policy in loaded(ROLES)["Resources"][role]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            for action in statement["Action"]:
                yield action, [resolved(one) for one in statement["Resource"]]


def allowed(call, role):
    _, action, resource = call
    return any(
        action == name and any(fnmatchcase(resource, pattern) for pattern in resources)
        for name, resources in statements(role)
    )


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


@pytest.mark.parametrize(("function", "role"), FUNCTIONS.items())
def test_a_function_may_do_what_it_does(calls, function, role):
    done = [call for call in calls if call[0] == function]
    refused = sorted({call[1:] for call in done if not allowed(call, role)})
    assert refused == []


@pytest.mark.parametrize(("function", "role"), FUNCTIONS.items())
def test_a_function_may_do_nothing_that_it_never_does(calls, function, role):
    done = {action for name, action, _ in calls if name == function}
    rare = {action for name, action in RARE if name == function}
    assert sorted({action for action, _ in statements(role)} - done - set(IMPLIED) - rare) == []
    assert sorted(rare & done) == []
