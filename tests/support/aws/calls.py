"""What the functions ask AWS to do, as IAM names it."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from types import SimpleNamespace
from unittest.mock import patch
from urllib.parse import unquote

import boto3
from botocore.client import BaseClient
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.stepfunctions.parser.asl.utils import boto_client

from tests.support.aws.names import ACCOUNT, REGION

SIGNED = "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=any"


class Calls:
    """What each function asks AWS to do: `(function, action, resource)`, as IAM names them.

    The calls of the SDK are seen in the context of the function; those to objects, as requests of S3; those of the
    state machine itself, by the clients of its interpreter.
    """

    def __init__(self):
        self.seen = set()
        self._serving = None
        self._of_machine = set()
        self._function = ContextVar("function", default=None)

    @contextmanager
    def of(self, function):
        """Inside the block, and in the threads that it hands its work to, calls are those of that function."""
        token = self._function.set(function)
        if function != "api":
            # The others are called one at a time; the API never asks for objects.
            self._serving = function
        try:
            yield
        finally:
            self._function.reset(token)

    @contextmanager
    def recorded(self):
        """Inside the block calls are seen."""
        call, serve = BaseClient._make_api_call, DomainDispatcherApplication.__call__

        def make_api_call(client, operation, parameters):
            self._asked(client, operation, parameters)
            return call(client, operation, parameters)

        def serve_request(application, environ, start_response):
            if not environ.get("HTTP_AUTHORIZATION", "").startswith("AWS4"):
                # A bucket of Google, for which moto's S3 answers: it cannot read the token, nor quoted names.
                environ["HTTP_AUTHORIZATION"] = SIGNED
                environ["RAW_URI"] = unquote(environ["RAW_URI"])
            else:
                self._objects(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"])
            return serve(application, environ, start_response)

        with (
            patch.object(BaseClient, "_make_api_call", make_api_call),
            patch.object(boto_client, "boto3", SimpleNamespace(client=self._machine_client)),
            patch.object(DomainDispatcherApplication, "__call__", serve_request),
        ):
            yield

    def _machine_client(self, **asked):
        client = boto3.client(**asked)
        self._of_machine.add(client)
        return client

    def _asked(self, client, operation, parameters):
        function = "state machine" if client in self._of_machine else self._function.get()
        if function is not None:
            service = client.meta.service_model.signing_name
            self.seen |= {(function, *one) for one in actions(service, operation, parameters)}

    def _objects(self, method, path, query):
        bucket, _, key = path.lstrip("/").partition("/")
        names = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "POST": "PutObject"}
        action = "ListBucket" if "list-type" in query else names.get(method, "DeleteObject")
        resource = f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")
        self.seen.add((self._serving, f"s3:{action}", resource))


def actions(service, operation, parameters):
    """The actions of IAM, each with its resource, that an operation of the SDK needs."""
    if service == "dynamodb":
        if operation == "TransactWriteItems":
            writes = [(kind, one) for item in parameters["TransactItems"] for kind, one in item.items()]
            return [(f"dynamodb:{kind}Item", _table(one["TableName"])) for kind, one in writes]
        tables = [parameters["TableName"]] if "TableName" in parameters else list(parameters["RequestItems"])
        index = f"/index/{parameters['IndexName']}" if "IndexName" in parameters else ""
        return [(f"dynamodb:{operation}", _table(name) + index) for name in tables]
    if service == "states":
        arn = parameters.get("stateMachineArn") or parameters.get("executionArn")
        return [(f"states:{operation}", arn)]
    if service == "secretsmanager":
        name = parameters["SecretId"]
        return [(f"secretsmanager:{operation}", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-abcdef")]
    if service in {"lambda", "s3"}:
        return [_of_machine(operation, parameters)]
    clusters = parameters.get("JobFlowIds") or [parameters.get("ClusterId")]
    return [
        (f"{service}:{operation}", f"arn:aws:{service}:{REGION}:{ACCOUNT}:cluster/{name}" if name else "*")
        for name in clusters
    ]


def _of_machine(operation, parameters):
    """What only the state machine asks by the SDK."""
    if operation == "Invoke":
        return "lambda:InvokeFunction", parameters["FunctionName"]
    return f"s3:{operation}", f"arn:aws:s3:::{parameters['Bucket']}/{parameters['Key']}"


def _table(name):
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"
