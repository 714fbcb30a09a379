"""A packaged template in moto's CloudFormation, as far as moto can deploy it."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import contextmanager
from unittest.mock import patch

import boto3
from moto.stepfunctions import models
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from tests.support.aws.names import REGION, STAGE

DEPLOYED = {
    "AWS::DynamoDB::Table",
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::StepFunctions::StateMachine",
}


@contextmanager
def deployed(template):
    """The environment of each function, as long as the block lasts in which its state machine is executed."""
    known = {name: one for name, one in template.items() if one["Type"] in DEPLOYED}
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="code")
    for one in known.values():
        properties = one["Properties"]
        if one["Type"] == "AWS::StepFunctions::StateMachine":
            text, values = properties["DefinitionString"]["Fn::Sub"]
            # Where AWS leaves it, moto halves `$$` with each value that it puts in.
            properties["DefinitionString"]["Fn::Sub"][0] = text.replace("$$", "$$" * 2 ** len(values))
        code = properties.get("Code", {})
        if "S3Bucket" in code:
            code["S3Bucket"] = "code"
            s3.put_object(Bucket="code", Key=code["S3Key"], Body=_empty_zip())
    # Only the machines of the interpreter are executed.
    with patch.object(models, "stepfunctions_backends", stepfunctions_parser_backends):
        client = boto3.client("cloudformation", region_name=REGION)
        client.create_stack(StackName=f"datapump-{STAGE}", TemplateBody=json.dumps({"Resources": known}))
        functions = boto3.client("lambda", region_name=REGION).list_functions()["Functions"]
        yield {one["FunctionName"].rsplit("-", 1)[1]: one["Environment"]["Variables"] for one in functions}


def _empty_zip():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("empty.py", "")
    return content.getvalue()
