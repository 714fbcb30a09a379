"""The compiled template of production: what is deployed, and what it may do."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from api.lambda_handler import SCHEDULE
from api.scheduled import BACKFILLS
from datapump.analyses import SyncType
from datapump.stores.dynamodb import definitions
from state_machine.telemetry import telemetry
from tests.deployment.conftest import package
from tests.support.programs import ROOT, need_node

FUNCTION = "AWS::Lambda::Function"
ROLES = {
    "ApiLambdaFunction": "ApiRole",
    "DispatcherLambdaFunction": "DispatcherRole",
    "ExecutorLambdaFunction": "ExecutorRole",
    "PostprocessorLambdaFunction": "PostprocessorRole",
}


def of_type(template, kind):
    return {name: one["Properties"] for name, one in template.items() if one["Type"] == kind}


def statements(role):
    return [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]


def test_the_linter_finds_only_what_the_framework_does_itself(template_file):
    done = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), "--format", "json", "--", str(template_file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert {one["Rule"]["Id"] for one in json.loads(done.stdout)} == {"W3005"}, done.stdout


def test_the_transitions_of_the_state_machine_are_sound():
    done = subprocess.run(
        [need_node("asl-validator"), "--json-path", str(ROOT / "state_machine/datapump.asl")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_four_functions_with_a_role_each(template):
    functions = of_type(template, FUNCTION)
    assert {name: one["Role"]["Fn::GetAtt"][0] for name, one in functions.items()} == ROLES
    for name, one in functions.items():
        assert one["TracingConfig"] == {"Mode": "Active"}
        if name == "DispatcherLambdaFunction":
            assert one["PackageType"] == "Image"
            assert "@sha256:" in one["Code"]["ImageUri"]
        else:
            module, _, handler = one["Handler"].rpartition(".")
            assert callable(getattr(importlib.import_module(module), handler))


def test_the_image_starts_the_dispatcher():
    command = re.search(r'(?m)^CMD \["(.+)"\]$', (ROOT / "Dockerfile").read_text())[1]
    module, _, handler = command.rpartition(".")
    assert callable(getattr(importlib.import_module(module), handler))
    copied = re.findall(r"(?m)^COPY (\S+) ", (ROOT / "Dockerfile").read_text())
    assert set(copied) == {"build/package/dispatcher-requirements.txt", "datapump", "state_machine", "api"}


def test_no_secret_is_in_an_environment(template):
    for one in of_type(template, FUNCTION).values():
        for name, value in one["Environment"]["Variables"].items():
            assert name.endswith("_HOSTS") or not re.search("TOKEN|SECRET|PASSWORD|KEY|WEBHOOK", name), name
            assert isinstance(value, str | dict)


def test_new_versions_may_be_told_to_prefect(template):
    variables = template["PostprocessorLambdaFunction"]["Properties"]["Environment"]["Variables"]
    assert json.loads(variables["DATAPUMP_WEBHOOK_HOSTS"]) == ["hooks.slack.com", "api.prefect.cloud"]


def test_what_is_chosen_when_packaging_is_in_the_environments(tmp_path):
    known = {"DATAPUMP_RW_API_URL": "https://rw.example", "DATAPUMP_RW_SECRET": "gfw-api/rw-key"}
    functions = of_type(json.loads(package(tmp_path, "staging", **known).read_text())["Resources"], FUNCTION)
    told = {name: one["Environment"]["Variables"] for name, one in functions.items()}
    assert {one["DATAPUMP_RW_SECRET"] for one in told.values()} == {"gfw-api/rw-key"}
    assert told["ApiLambdaFunction"]["DATAPUMP_RW_API_URL"] == "https://rw.example"


def test_the_tables_are_those_that_the_stores_ask(template):
    tables = of_type(template, "AWS::DynamoDB::Table")
    runs, configs = tables["RunTable"], tables["ConfigTable"]
    for table, expected in zip(
        (runs, configs), definitions(runs["TableName"], configs["TableName"]).values(), strict=True
    ):
        assert {name: table[name] for name in expected} == expected
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        assert table["SSESpecification"]["SSEEnabled"]
        assert table["DeletionProtectionEnabled"]
    assert runs["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert "TimeToLiveSpecification" not in configs
    assert all(template[name]["DeletionPolicy"] == "Retain" for name in tables)


def test_the_api_is_throttled_and_logs_who_asked(template):
    (stage,) = of_type(template, "AWS::ApiGatewayV2::Stage").values()
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] > 0
    assert "$context.status" in stage["AccessLogSettings"]["Format"]


def test_every_log_ends_some_day(template):
    groups = of_type(template, "AWS::Logs::LogGroup")
    assert len(groups) == 6
    assert all(group["RetentionInDays"] for group in groups.values())


@pytest.mark.parametrize(
    ("types", "hour", "minute"),
    [
        ("rw_areas", 22, 0),
        ("umd_glad_landsat_alerts umd_glad_sentinel2_alerts wur_radd_alerts", 22, 0),
        ("glad", 1, 0),
        ("viirs", 2, 0),
        ("modis", 2, 0),
        ("integrated_alerts", 2, 0),
        ("gfw_integrated_dist_alerts", 10, 30),
        ("umd_glad_dist_alerts", 19, 0),
    ],
)
def test_each_feed_is_synced_at_its_time_of_day(template, types, hour, minute):
    rules = of_type(template, "AWS::Events::Rule")
    rule = next(one for one in rules.values() if one["Name"] == f"datapump-production-{types.split()[0]}")
    assert (rule["ScheduleExpression"], rule["State"]) == (f"cron({minute} {hour} * * ? *)", "ENABLED")
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["ApiLambdaFunction", "Arn"]}
    assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}
    assert target["InputTransformer"]["InputPathsMap"] == {"time": "$.time"}
    event = json.loads(target["InputTransformer"]["InputTemplate"].replace("<time>", '"2026-02-01T02:00:00Z"'))
    assert event == {
        "source": SCHEDULE,
        "name": f"sync {types}",
        "time": "2026-02-01T02:00:00Z",
        "command": {"command": "sync", "parameters": {"types": types.split()}},
    }


def test_backfills_are_carried_on_every_minute(template):
    rule = template["BackfillsSchedule"]["Properties"]
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "ENABLED")
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["ApiLambdaFunction", "Arn"]}
    assert json.loads(target["Input"]) == {"source": SCHEDULE, "carry": BACKFILLS}
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 120}
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}


def test_every_rule_may_call_the_function_and_leave_dead_letters(template):
    may_call = template["SchedulesMayInvokeApi"]["Properties"]["SourceArn"]["Fn::Sub"].rpartition("/")[2]
    (statement,) = template["DeadLettersPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    may_send = statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"].rpartition("/")[2]
    for rule in of_type(template, "AWS::Events::Rule").values():
        assert fnmatchcase(rule["Name"], may_call)
        assert fnmatchcase(rule["Name"], may_send)


def measured(capsys):
    """The metric that was written last, with its namespace, name and dimensions."""
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    (metric,) = told["_aws"]["CloudWatchMetrics"]
    dimensions = {name: told[name] for name in metric["Dimensions"][0]}
    return metric["Namespace"], metric["Metrics"][0]["Name"], dimensions


def watched(alarm):
    """The metric that an alarm watches."""
    dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
    return alarm["Namespace"], alarm["MetricName"], dimensions


def test_the_alarm_of_backfills_watches_what_the_api_counts(template, capsys):
    telemetry("postprocessor").carried("production")
    assert measured(capsys) == watched(template["BackfillsStuckAlarm"]["Properties"])
    assert template["BackfillsStuckAlarm"]["Properties"]["TreatMissingData"] == "breaching"


def test_every_feed_has_a_time_and_an_alarm(template):
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    behind = {
        dimension["Value"]: one
        for one in alarms.values()
        for dimension in one["Dimensions"]
        if dimension["Name"] == "sync_type"
    }
    assert set(behind) == set(SyncType)
    for one in behind.values():
        assert one["Period"] * one["EvaluationPeriods"] == 36 * 3600
        assert (one["TreatMissingData"], one["ActionsEnabled"]) == ("breaching", True)


def test_the_alarm_of_a_feed_watches_what_the_postprocessor_counts(template, capsys):
    telemetry("postprocessor").synced("viirs", "production")
    assert measured(capsys) == watched(template["ViirsBehindAlarm"]["Properties"])


def test_what_goes_wrong_has_an_alarm(template):
    watched = {
        (one["Namespace"], one["MetricName"], json.dumps(one["Dimensions"][0]["Value"]))
        for one in of_type(template, "AWS::CloudWatch::Alarm").values()
    }
    machine = json.dumps({"Ref": "StateMachine"})
    for metric in ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionThrottled"):
        assert ("AWS/States", metric, machine) in watched
    for function in ROLES:
        assert ("AWS/Lambda", "Errors", json.dumps({"Ref": function})) in watched
    assert any(namespace == "AWS/SQS" for namespace, _, _ in watched)
    alarms = of_type(template, "AWS::CloudWatch::Alarm").values()
    assert all(one["AlarmActions"] == [{"Ref": "Alarms"}] for one in alarms)


def test_an_event_that_comes_to_nothing_is_kept(template):
    (asynchronous,) = of_type(template, "AWS::Lambda::EventInvokeConfig").values()
    assert asynchronous["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}
    may_send = [one for one in statements(template["ApiRole"]["Properties"]) if one["Action"] == ["sqs:SendMessage"]]
    assert len(may_send) == 1


def test_each_role_may_do_named_actions_on_named_resources(template):
    roles = of_type(template, "AWS::IAM::Role")
    assert set(roles) == {*ROLES.values(), "StateMachineRole"}
    for role in roles.values():
        for one in statements(role):
            assert not [action for action in one["Action"] if "*" in action]
            assert one["Effect"] == "Allow"


def test_each_resource_that_is_everything_has_its_reason_beside_it():
    lines = (ROOT / "deployment/resources/roles.yml").read_text().splitlines()
    everything = [number for number, line in enumerate(lines) if line.strip() == '- "*"']
    assert everything
    for number in everything:
        start = max(place for place in range(number) if "- Sid:" in lines[place])
        assert lines[start - 1].strip().startswith("#"), lines[start]


def test_the_state_machine_may_call_the_functions_that_it_names(template):
    machine = template["StateMachine"]["Properties"]
    definition, named = machine["DefinitionString"]["Fn::Sub"]
    assert set(re.findall(r"\$\{(\w+)\}", definition)) == set(named)
    allowed = [one for one in statements(template["StateMachineRole"]["Properties"]) if one["Sid"] == "Functions"]
    assert allowed[0]["Resource"] == list(named.values())


def test_a_table_that_is_there_already_is_used_as_it_is(tmp_path):
    known = {"DATAPUMP_CONFIG_TABLE": "gfw-sync-configs", "DATAPUMP_MAKES_CONFIG_TABLE": "false"}
    resources = json.loads(package(tmp_path, "staging", **known).read_text())["Resources"]
    assert list(of_type(resources, "AWS::DynamoDB::Table")) == ["RunTable"]
    for one in of_type(resources, FUNCTION).values():
        assert one["Environment"]["Variables"]["DATAPUMP_CONFIG_TABLE"] == "gfw-sync-configs"
    rules = {name: one["State"] for name, one in of_type(resources, "AWS::Events::Rule").items()}
    assert rules.pop("BackfillsSchedule") == "ENABLED"
    assert {*rules.values()} == {"DISABLED"}
    assert "table/gfw-sync-configs" in json.dumps(statements(resources["ApiRole"]["Properties"]))


def test_every_stage_says_the_same_of_itself():
    stages = yaml.safe_load(re.sub(r"!\w+", "", (ROOT / "serverless.yml").read_text()))["custom"]["of"]
    assert set(stages) == {"dev", "staging", "production"}
    assert len({frozenset(stage) for stage in stages.values()}) == 1
