"""The roles of `deployment/resources/roles.yml`, read as IAM reads them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

import yaml

from tests.support.aws.names import ACCOUNT, REGION, STAGE, function_arn

RESOURCES = Path(__file__).parents[3] / "deployment" / "resources"
BUCKETS = {"pipelineBucket": "gfw-pipelines", "dataLakeBucket": "gfw-data-lake"}
NAMES = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "sls:stage": STAGE,
    "self:custom.configTable": "datapump-sync-configs",
    "RunTable.Arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/datapump-runs",
    "StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:datapump-{STAGE}",
    **{
        f"{name.capitalize()}LambdaFunction.Arn": function_arn(name)
        for name in ("dispatcher", "executor", "postprocessor")
    },
    **{f"self:custom.stage.{name}": bucket for name, bucket in BUCKETS.items()},
}
FUNCTIONS = {
    "api": "ApiRole",
    "dispatcher": "DispatcherRole",
    "executor": "ExecutorRole",
    "postprocessor": "PostprocessorRole",
}
ROLES = {**FUNCTIONS, "state machine": "StateMachineRole"}


def loaded(path):
    """YAML with the short forms of CloudFormation's functions."""
    loader = yaml.SafeLoader(path.read_text())
    loader.yaml_multi_constructors = {"!": _short}
    return loader.get_single_data()


@lru_cache
def statements(who):
    """`(action, resources)` of each action that a role allows."""
    policies = _roles()[ROLES[who]]["Properties"]["Policies"]
    found = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    return [(action, [_resolved(one) for one in each["Resource"]]) for each in found for action in each["Action"]]


def refused(calls):
    """The calls, `(who, action, resource)`, that no statement of their role allows."""
    return sorted({call for call in calls if not _allowed(*call)})


def _allowed(who, action, resource):
    return any(
        action == name and any(fnmatchcase(resource, pattern) for pattern in patterns)
        for name, patterns in statements(who)
    )


@lru_cache
def _roles():
    return loaded(RESOURCES / "roles.yml")["Resources"]


def _short(loader, tag, node):
    scalar = isinstance(node, yaml.ScalarNode)
    return {tag: loader.construct_scalar(node) if scalar else loader.construct_sequence(node)}


def _resolved(value):
    """An ARN of a statement, in which only IAM's own wildcards are left."""
    if isinstance(value, dict):
        ((function, value),) = value.items()
        if function in {"GetAtt", "Ref"}:
            return NAMES.get(value, f"unknown {value}")
    return re.sub(r"\$\{([^}]+)\}", lambda found: NAMES.get(found[1], "unknown"), value)
