"""The production deployment on moto: the real state machine, handlers, stores and engine.

Step Functions is moto's interpreter, which calls the real handlers in this process. Clusters compute nothing there:
`GeoTrellis` reads their arguments, computes on this machine, and ends them as EMR would. A wait of the state machine
moves the clock instead.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import boto3

from tests.support.aws.buckets import SharedBuckets
from tests.support.aws.calls import Calls
from tests.support.aws.clusters import GeoTrellis
from tests.support.aws.functions import NAMES, Functions
from tests.support.aws.interpreter import Interpreter
from tests.support.aws.moto import empty_account, s3_address
from tests.support.aws.names import ACCOUNT, REGION, STAGE, function_arn
from tests.support.aws.template import deployed

ROOT = Path(__file__).parents[3]
MACHINE = ROOT / "state_machine" / "datapump.asl"


class Account:
    """An AWS account of this process: buckets, tables, secrets, the state machine, and what calls the handlers.

    Args:
        objects: The folders of its buckets.
        clock: Moved on by the waits of the state machine.
        settle: Waits for what goes on beside the state machine, before it waits.
        ticking: Called before each tick, with the ids of the execution and of the job.
        ending: Tells how a cluster ends, by its name.
        template: A packaged template, which is deployed; None: the state machine alone is made.
    """

    def __init__(self, objects, clock, settle, ticking, ending, template=None):
        self._clock = clock
        self._settle = settle
        self._stack = ExitStack()
        self._stack.enter_context(patch.dict(os.environ, {"AWS_DEFAULT_REGION": REGION}))
        self._stack.enter_context(empty_account())
        self.s3 = s3_address()
        self.calls = Calls()
        self.geotrellis = GeoTrellis(objects, ending)
        self.functions = Functions(clock, self.calls, ticking)
        self.interpreter = Interpreter(self._wait)
        for part in (
            SharedBuckets(objects).on_s3(),
            self.calls.recorded(),
            self.geotrellis.on_emr(),
            self.functions.on_lambda(),
            self.interpreter.at_work(),
        ):
            self._stack.enter_context(part)
        self.environments = {}
        self.machine = self._state_machine() if template is None else self._deploy(template)

    @staticmethod
    def configure(**settings):
        """Set settings of the functions, by name."""
        os.environ.update({f"DATAPUMP_{name.upper()}": str(value) for name, value in settings.items()})

    def close(self):
        self._stack.close()

    def secret(self, name, text):
        boto3.client("secretsmanager", region_name=REGION).create_secret(Name=name, SecretString=text)

    def _state_machine(self):
        definition = MACHINE.read_text()
        for name in NAMES:
            definition = definition.replace(f"${{{name.capitalize()}Arn}}", function_arn(name))
        made = boto3.client("stepfunctions", region_name=REGION).create_state_machine(
            name=f"datapump-{STAGE}", definition=definition, roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine"
        )
        return made["stateMachineArn"]

    def _deploy(self, template):
        """Deploy a template, in the environment of its functions; the state machine's ARN."""
        self.environments = self._stack.enter_context(deployed(template))
        for variables in self.environments.values():
            os.environ.update(variables)
        [machine] = boto3.client("stepfunctions", region_name=REGION).list_state_machines()["stateMachines"]
        return machine["stateMachineArn"]

    def _wait(self, seconds):
        self.geotrellis.work()
        self._settle()
        self._clock.advance(max(seconds, 1))
