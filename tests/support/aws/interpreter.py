"""Moto's interpreter of Step Functions, whose waits move a clock instead, and the events that it writes down."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from unittest.mock import patch

import boto3
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication

from tests.support.aws.names import REGION

LONGEST_S = 60


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


class Interpreter:
    """Runs state machines, as fast as it can.

    Args:
        wait: Called with the seconds that are to be waited.
    """

    def __init__(self, wait):
        self.history = History()
        self._wait = wait
        self._ended = threading.Condition()

    @contextmanager
    def at_work(self):
        """Inside the block moto's runs are watched, and do not really wait."""
        end, add = BaseExecutionWorkerCommunication.terminated, EventManager.add_event

        def wait(waiting, env):
            self._wait(waiting._get_wait_seconds(env=env))

        def terminated(communication):
            end(communication)
            with self._ended:
                self._ended.notify_all()

        def add_event(manager, context, event_type, event_details=None, **more):
            self.history.add(manager, event_type, event_details)
            return add(manager, context, event_type, event_details, **more)

        with ExitStack() as stack:
            stack.enter_context(patch.object(WaitFunction, "_eval_body", wait))
            stack.enter_context(patch.object(BaseExecutionWorkerCommunication, "terminated", terminated))
            stack.enter_context(patch.object(EventManager, "add_event", add_event))
            stack.enter_context(patch.object(retrier_decl, "time", SimpleNamespace(sleep=self._wait)))
            yield

    def await_end(self, arn):
        """Wait until a run has ended; how."""
        client = boto3.client("stepfunctions", region_name=REGION)
        with self._ended:
            done = self._ended.wait_for(
                lambda: client.describe_execution(executionArn=arn)["status"] != "RUNNING", LONGEST_S
            )
        assert done, "the state machine goes on and on"
        return client.describe_execution(executionArn=arn)
