"""The schedules and their alarms, as CloudFormation resources: `python -m deployment.schedules FILE`.

The times are those of the recipes and of `datapump.schedules`. An event names its schedule and the time that it was to
start at, by which a night that is delivered twice is started once. Backfills are carried on once a minute.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datapump.schedules import slots_of
from datapump.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.schedules import Slot

STAGE = "${sls:stage}"
MOST_HOURS = 36
HOUR_S = 3600
MINUTE_S = 60


def resources(slots: Sequence[Slot]) -> dict[str, Any]:
    """The part of the template that starts and watches the nightly syncs, and carries backfills on."""
    found = {"BackfillsSchedule": _backfills_rule(), "BackfillsStuckAlarm": _backfills_alarm()}
    for slot in slots:
        found[f"{_camel(slot.types[0])}Schedule"] = _rule(slot)
        found |= {f"{_camel(sync_type)}BehindAlarm": _alarm(sync_type) for sync_type in slot.types}
    return {"Resources": found}


def _rule(slot: Slot) -> dict[str, Any]:
    types = [sync_type.value for sync_type in slot.types]
    command = {"command": "sync", "parameters": {"types": types}}
    # EventBridge puts the time, a JSON text, where it is named.
    event = {"source": "datapump.schedule", "name": f"sync {' '.join(types)}", "time": "TIME", "command": command}
    template = json.dumps(event).replace('"TIME"', "<time>")
    asked = {"InputTransformer": {"InputPathsMap": {"time": "$.time"}, "InputTemplate": template}}
    return {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "Name": f"datapump-{STAGE}-{types[0]}",
            "Description": f"Syncs {', '.join(types)} every night.",
            "ScheduleExpression": f"cron({slot.at.minute} {slot.at.hour} * * ? *)",
            "State": "${self:custom.stage.schedules}",
            "Targets": [_target(asked, attempts=20, age_s=6 * HOUR_S)],
        },
    }


def _backfills_rule() -> dict[str, Any]:
    """Enabled on every stage: there is nothing to carry where nobody has asked for a backfill."""
    event = {"source": "datapump.schedule", "carry": "backfills"}
    return {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "Name": f"datapump-{STAGE}-backfills",
            "Description": "Carries running backfills on.",
            "ScheduleExpression": "rate(1 minute)",
            "State": "ENABLED",
            # The next event does the same.
            "Targets": [_target({"Input": json.dumps(event)}, attempts=2, age_s=2 * MINUTE_S)],
        },
    }


def _backfills_alarm() -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": f"datapump-{STAGE}-backfills-stuck",
            "AlarmDescription": "Some backfill has not been carried on for 15 minutes: the log of the API's function.",
            "Namespace": "datapump",
            "MetricName": "BackfillsCarried",
            "Dimensions": [{"Name": "environment", "Value": STAGE}],
            "Statistic": "Sum",
            "Period": 15 * MINUTE_S,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "LessThanThreshold",
            "TreatMissingData": "breaching",
            "AlarmActions": [{"Ref": "Alarms"}],
            "OKActions": [{"Ref": "Alarms"}],
        },
    }


def _target(asked: dict[str, Any], *, attempts: int, age_s: int) -> dict[str, Any]:
    return {
        "Id": "api",
        "Arn": _arn("ApiLambdaFunction"),
        **asked,
        "RetryPolicy": {"MaximumRetryAttempts": attempts, "MaximumEventAgeInSeconds": age_s},
        "DeadLetterConfig": {"Arn": _arn("DeadLetters")},
    }


def _alarm(sync_type: str) -> dict[str, Any]:
    dimensions = {"environment": STAGE, "sync_type": sync_type}
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": f"datapump-{STAGE}-{sync_type}-behind",
            "AlarmDescription": f"No sync of {sync_type} has succeeded for {MOST_HOURS} h: GET /freshness.",
            "Namespace": "datapump",
            "MetricName": "SyncSucceeded",
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            "Statistic": "Sum",
            "Period": HOUR_S,
            "EvaluationPeriods": MOST_HOURS,
            "DatapointsToAlarm": MOST_HOURS,
            "Threshold": 1,
            "ComparisonOperator": "LessThanThreshold",
            "TreatMissingData": "breaching",
            # Where no nights are run, everything is behind.
            "ActionsEnabled": "${self:custom.stage.nights}",
            "AlarmActions": [{"Ref": "Alarms"}],
            "OKActions": [{"Ref": "Alarms"}],
        },
    }


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _arn(resource: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [resource, "Arn"]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the schedules as part of a CloudFormation template.")
    parser.add_argument("target", type=Path, help="the JSON file to write")
    made = resources(slots_of(get_settings().recipes))
    parser.parse_args().target.write_text(json.dumps(made, indent=1))
