"""The production deployment on moto: the real state machine, handlers, stores and engine.

Step Functions is moto's interpreter, which calls the real handlers in this process. Clusters compute nothing there:
`GeoTrellis` reads their arguments, computes on this machine, and ends them as EMR would. A wait of the state machine
moves the clock instead.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import boto3
from botocore.client import BaseClient
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.core.exceptions import JsonRESTError
from moto.emr.models import Cluster, ElasticMapReduceBackend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import ThreadedMotoServer
from moto.stepfunctions import models as stepfunctions_models
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication
from moto.stepfunctions.parser.models import stepfunctions_parser_backends as parser_backends

from api import lambda_handler
from datapump.analyses import Analysis, FeatureType
from datapump.buckets import Buckets
from datapump.engines import AnalysisRequest, RunState
from datapump.engines.local.zonal import run
from datapump.objects import Objects
from datapump.results import FOLDERS
from state_machine import handlers, production
from tests.support.dynamodb import atomic_moto

REGION = "us-east-1"
ACCOUNT = "123456789012"
STAGE = "production"
ROOT = Path(__file__).parent.parent.parent
MACHINE = ROOT / "state_machine" / "datapump.asl"
BUCKETS = ("gfw-pipelines", "gfw-data-lake", "gfw-files")
# What moto can deploy of what is deployed.
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
FUNCTIONS = ("dispatcher", "executor", "postprocessor")
LONGEST_S = 60
CONFIG = {"lambda": {"use_docker": False}, "stepfunctions": {"execute_state_machine": True}}


def _empty_zip():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("empty.py", "")
    return content.getvalue()


class GeoTrellis:
    """What happens on the clusters: the arguments of each are run on this machine, results go to its output.

    Args:
        objects: S3.
        ending: Given the name of a run, tells how it ends as `RunStatus`; None: well.

    Clusters compute as long as `goes_on` says so.
    """

    def __init__(self, objects, ending):
        self.started = []
        self.throttled = 0
        self.goes_on = lambda: False
        self._ending = ending
        self._objects = objects
        self._lock = threading.Lock()

    def begin(self, cluster):
        with self._lock:
            self.started.append(cluster)
            cluster.told = self._ending(cluster.name)
            cluster.computed = False
            # moto leaves it waiting, although it has a step.
            cluster.state = "RUNNING"

    def work(self):
        """Bring every cluster to its end that is to end."""
        with self._lock:
            for cluster in self.started:
                if cluster.state == "RUNNING" and not cluster.computed and not self.goes_on():
                    self._end(cluster)

    def _end(self, cluster):
        told = cluster.told
        if told is None:
            cluster.computed = True
            run(self.request(cluster), self._objects, layers=None, progress=lambda *_: None)
            _close(cluster, "TERMINATED", "ALL_STEPS_COMPLETED")
        elif told.state is RunState.FAILED:
            _close(cluster, "TERMINATED_WITH_ERRORS", "INSTANCE_FAILURE" if told.retryable else "STEP_FAILURE")
        elif told.state is RunState.CANCELLED:
            _close(cluster, "TERMINATED", "USER_REQUEST")

    @staticmethod
    def request(cluster):
        """What a cluster was asked to compute, read off the arguments of its step as GeoTrellis does."""
        arguments = cluster.steps[0].args
        words = {name: [] for name in ("--features", "--fire_alert_source", "--output", "--feature_type")}
        for name, value in pairwise(arguments):
            words.get(name, []).append(value)
        analysis = Analysis(cluster.steps[0].name)
        return AnalysisRequest(
            name=cluster.name,
            analysis=analysis,
            feature_type=FeatureType(words["--feature_type"][0]),
            features=words["--features"],
            output=f"{words['--output'][0]}/{FOLDERS[analysis]}_20260201_0200",
            fire_sources=words["--fire_alert_source"],
            change_only="--change_only" in arguments,
        )


def _close(cluster, state, code):
    cluster.state = state
    cluster.code = code


def _status(cluster):
    """Moto tells no code of a state's change; a cluster that `TerminateJobFlows` ended was ended by a request."""
    code = getattr(cluster, "code", None) or ("USER_REQUEST" if cluster.state == "TERMINATED" else None)
    timeline = {"CreationDateTime": cluster.creation_datetime}
    return {"State": cluster.state, "StateChangeReason": {"Code": code, "Message": ""}, "Timeline": timeline}


def one_session():
    """A maker of sessions that are all the same one: to make many reads the models of AWS as many times."""
    session = boto3.Session()
    lock = threading.Lock()
    make = session.client

    def client(*args, **kwargs):
        with lock:
            return make(*args, **kwargs)

    session.client = client
    return lambda: session


class Context:
    """What Lambda tells a handler of its invocation."""

    aws_request_id = "request"

    @staticmethod
    def get_remaining_time_in_millis():
        return 600_000


class Calls:
    """What each function asks AWS to do: `(function, action, resource)`, as IAM names them.

    The calls of the SDK are seen in the context of the function; those to objects, at an address of S3 of their own.
    """

    def __init__(self):
        self.seen = set()
        self.serving = None
        self._function = ContextVar("function", default=None)

    @contextmanager
    def of(self, function):
        """Inside the block, and in the threads that it hands its work to, calls are those of that function."""
        token = self._function.set(function)
        try:
            yield
        finally:
            self._function.reset(token)

    def asked(self, client, operation, parameters):
        function = self._function.get()
        if function is not None:
            service = client.meta.service_model.signing_name
            self.seen |= {(function, *one) for one in actions(service, operation, parameters)}

    def objects(self, method, path, query):
        bucket, _, key = path.lstrip("/").partition("/")
        names = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "POST": "PutObject"}
        action = "ListBucket" if "list-type" in query else names.get(method, "DeleteObject")
        resource = f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")
        self.seen.add((self.serving, f"s3:{action}", resource))


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
    clusters = parameters.get("JobFlowIds") or [parameters.get("ClusterId")]
    return [
        (f"{service}:{operation}", f"arn:aws:{service}:{REGION}:{ACCOUNT}:cluster/{name}" if name else "*")
        for name in clusters
    ]


def _table(name):
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


class History:
    """The events of the interpreter, which keeps those of all children of a map in one list."""

    def __init__(self):
        self._lists = {}

    def add(self, manager, event_type, details):
        self._lists.setdefault(manager, []).append((str(event_type.value), details))

    def of_machine(self):
        """The events of the runs of the machine."""
        return [event for events in self._lists.values() if events[0][0] == "ExecutionStarted" for event in events]

    def of_jobs(self):
        """The events of the child executions; the interpreter leaves out their start and their end."""
        return [event for events in self._lists.values() if events[0][0] != "ExecutionStarted" for event in events]


class Account:
    """An AWS account of this process: buckets, tables, secrets, the state machine, and what calls the handlers.

    Args:
        clock: Moved on by the waits of the state machine.
        settle: Waits for what goes on beside the state machine, before it waits.
        ticking: Called before each tick, with the ids of the execution and of the job.
        ending: Tells how a cluster ends, by its name.
        template: A packaged template, which is deployed; None: the state machine alone is made.
    """

    def __init__(self, clock, settle, ticking, ending, template=None):
        self.clock = clock
        self.history = History()
        self.calls = Calls()
        self.faults = []
        self._settle = settle
        self._ticking = ticking
        self._ended = threading.Condition()
        self._one = threading.Lock()
        self._stack = stack = ExitStack()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        loop = asyncio.new_event_loop()
        stack.callback(loop.close)
        self._api = stack.enter_context(ThreadPoolExecutor(1, initializer=lambda: asyncio.set_event_loop(loop)))
        stack.enter_context(patch.dict(os.environ))
        stack.enter_context(mock_aws(config=CONFIG))
        stack.enter_context(atomic_moto())
        stack.enter_context(patch("boto3.Session", one_session()))
        # Two addresses of the same S3: one for the functions, one for all others.
        self.s3, own = self._s3(), self._s3()
        os.environ["AWS_DEFAULT_REGION"] = REGION
        for bucket in BUCKETS:
            boto3.client("s3", region_name=REGION).create_bucket(Bucket=bucket)
        self.objects = Objects(None, Buckets(region=REGION, s3_endpoint=own))
        self.geotrellis = GeoTrellis(self.objects, ending)
        self._patch_moto()
        self._record_calls()
        self._handlers()
        self.machine = self._state_machine() if template is None else self._deploy(template)

    def _s3(self):
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        self._stack.callback(server.stop)
        host, port = server.get_host_and_port()
        return f"http://{host}:{port}"

    @staticmethod
    def configure(**settings):
        """Set settings of the functions, by name."""
        os.environ.update({f"DATAPUMP_{name.upper()}": str(value) for name, value in settings.items()})

    def close(self):
        self._stack.close()

    def secret(self, name, text):
        boto3.client("secretsmanager", region_name=REGION).create_secret(Name=name, SecretString=text)

    def clusters(self):
        """Names and states of all clusters."""
        return {cluster.name: cluster.state for cluster in self.geotrellis.started}

    def await_end(self, arn):
        """Wait until a run of the machine has ended; how."""
        client = boto3.client("stepfunctions", region_name=REGION)
        with self._ended:
            done = self._ended.wait_for(lambda: client.describe_execution(executionArn=arn)["status"] != "RUNNING", 60)
        assert done, "the state machine goes on and on"
        return client.describe_execution(executionArn=arn)

    def _handlers(self):
        for connected in handlers.CONNECTED.values():
            self._stack.callback(connected.close)
        self._functions = {name: getattr(handlers, name) for name in FUNCTIONS}
        real = handlers.tick

        def tick(execution_id, job_id, ports):
            self._ticking(execution_id, job_id)
            return real(execution_id, job_id, ports)

        for place in (production, lambda_handler):
            self._stack.enter_context(patch.object(place, "SystemClock", lambda: self.clock))
        self._stack.enter_context(patch.object(handlers, "tick", tick))
        self._stack.enter_context(patch.object(lambda_handler, "_made", None))

    def api(self, event):
        """Answer an event as the API's function does: one at a time, in a thread that has an event loop."""

        def answer():
            with self.calls.of("api"):
                return lambda_handler.handler(event, Context())

        return self._api.submit(answer).result()

    def _state_machine(self):
        definition = MACHINE.read_text()
        for name in FUNCTIONS:
            definition = definition.replace(f"${{{name.capitalize()}Arn}}", name)
        made = boto3.client("stepfunctions", region_name=REGION).create_state_machine(
            name=f"datapump-{STAGE}", definition=definition, roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine"
        )
        return made["stateMachineArn"]

    def _deploy(self, template):
        """Deploy what moto knows of a template, in the environment of its functions; the state machine's ARN."""
        known = {name: one for name, one in template.items() if one["Type"] in DEPLOYED}
        boto3.client("s3", region_name=REGION).create_bucket(Bucket="code")
        for one in known.values():
            if one["Type"] == "AWS::StepFunctions::StateMachine":
                text, values = one["Properties"]["DefinitionString"]["Fn::Sub"]
                # Where AWS leaves it, moto halves `$$` with each value that it puts in.
                one["Properties"]["DefinitionString"]["Fn::Sub"][0] = text.replace("$$", "$$" * 2 ** len(values))
            code = one["Properties"].get("Code", {})
            if "S3Bucket" in code:
                code["S3Bucket"] = "code"
                boto3.client("s3", region_name=REGION).put_object(Bucket="code", Key=code["S3Key"], Body=_empty_zip())
        # Only the machines of the interpreter are executed.
        self._stack.enter_context(patch.object(stepfunctions_models, "stepfunctions_backends", parser_backends))
        client = boto3.client("cloudformation", region_name=REGION)
        client.create_stack(StackName=f"datapump-{STAGE}", TemplateBody=json.dumps({"Resources": known}))
        functions = boto3.client("lambda", region_name=REGION).list_functions()["Functions"]
        self.environments = {
            one["FunctionName"].rsplit("-", 1)[1]: one["Environment"]["Variables"] for one in functions
        }
        for variables in self.environments.values():
            os.environ.update(variables)
        [machine] = boto3.client("stepfunctions", region_name=REGION).list_state_machines()["stateMachines"]
        return machine["stateMachineArn"]

    def _patch_moto(self):
        account = self

        def invoke(_backend, function_name, _qualifier, body, _headers, response_headers):
            return account._invoke(function_name.rsplit("-", 1)[-1], json.loads(body), response_headers)

        def wait(waiting, env):
            account._wait(waiting._get_wait_seconds(env=env))

        real = {"run": ElasticMapReduceBackend.run_job_flow, "end": BaseExecutionWorkerCommunication.terminated}

        def run_job_flow(backend, **asked):
            if account.geotrellis.throttled:
                account.geotrellis.throttled -= 1
                raise JsonRESTError("ThrottlingException", "Rate exceeded")
            cluster = real["run"](backend, **asked)
            account.geotrellis.begin(cluster)
            return cluster

        def terminated(communication):
            real["end"](communication)
            with account._ended:
                account._ended.notify_all()

        add = EventManager.add_event

        def add_event(manager, context, event_type, event_details=None, **more):
            account.history.add(manager, event_type, event_details)
            return add(manager, context, event_type, event_details, **more)

        patches = [
            patch.object(LambdaSimpleBackend, "invoke", invoke),
            patch.object(WaitFunction, "_eval_body", wait),
            patch.object(ElasticMapReduceBackend, "run_job_flow", run_job_flow),
            patch.object(BaseExecutionWorkerCommunication, "terminated", terminated),
            patch.object(Cluster, "status", property(_status)),
            patch.object(EventManager, "add_event", add_event),
            patch.object(retrier_decl.time, "sleep", self._pause),
        ]
        for one in patches:
            self._stack.enter_context(one)

    def _record_calls(self):
        call, serve = BaseClient._make_api_call, DomainDispatcherApplication.__call__

        def make_api_call(client, operation, parameters):
            self.calls.asked(client, operation, parameters)
            return call(client, operation, parameters)

        def serve_request(application, environ, start_response):
            if environ["SERVER_PORT"] == self.s3.rsplit(":", 1)[1]:
                self.calls.objects(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"])
            return serve(application, environ, start_response)

        self._stack.enter_context(patch.object(BaseClient, "_make_api_call", make_api_call))
        self._stack.enter_context(patch.object(DomainDispatcherApplication, "__call__", serve_request))

    def _pause(self, seconds):
        self._wait(seconds)

    def _wait(self, seconds):
        self.geotrellis.work()
        self._settle()
        self.clock.advance(max(seconds, 1))

    def _invoke(self, name, event, headers):
        """Call a handler as Lambda does; `faults` may break it before or after."""
        fault = next((one for one in self.faults if one.matches(name, event)), None)
        try:
            if fault is not None:
                fault.strike("before")
            # One at a time: moto's stores are not made for threads, and a Lambda container serves one event.
            with self._one, self.calls.of(name):
                self.calls.serving = name
                answer = self._functions[name](event, Context())
            if fault is not None:
                fault.strike("after")
        except Exception as error:  # noqa: BLE001 - Lambda answers whatever its handler raises
            headers["x-amz-function-error"] = "Unhandled"
            told = {"errorType": getattr(error, "name", type(error).__name__), "errorMessage": str(error)}
            return json.dumps(told).encode()
        return json.dumps(answer).encode()


class LambdaError(Exception):
    """What Lambda itself answers instead of a handler: `Sandbox.Timedout`, `Lambda.TooManyRequestsException`..."""

    def __init__(self, name):
        super().__init__(f"{name} on purpose")
        self.name = name


class Fault:
    """Breaks some calls of a function.

    Args:
        function: Which.
        when: `before` it is called, or `after`: it has done its work and its answer is lost.
        error: Name of the error.
        times: How often.
        only: Asked with the event whether it is meant.
    """

    def __init__(self, function, when, error="Sandbox.Timedout", times=1, only=lambda _: True):
        self._when = when
        self._function = function
        self._error = error
        self._times = times
        self._only = only

    def matches(self, name, event):
        if name != self._function or self._times == 0 or not self._only(event):
            return False
        self._times -= 1
        return True

    def strike(self, when):
        if when == self._when:
            raise LambdaError(self._error)
