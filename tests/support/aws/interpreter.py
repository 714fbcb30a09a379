"""Moto's interpreter of Step Functions, whose waits move a clock instead, and the events that it writes down."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from unittest.mock import patch

import boto3
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

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
        self._runs = []

    @contextmanager
    def at_work(self):
        """Inside the block moto's runs are watched, and do not really wait."""
        end, add = BaseExecutionWorkerCommunication.terminated, EventManager.add_event
        execute = ExecutionWorker._execution_logic

        def wait(waiting, env):
            self._wait(waiting._get_wait_seconds(env=env))

        def terminated(communication):
            end(communication)
            with self._ended:
                self._ended.notify_all()

        def add_event(manager, context, event_type, event_details=None, **more):
            self.history.add(manager, event_type, event_details)
            return add(manager, context, event_type, event_details, **more)

        def execution_logic(worker):
            self._runs.append((worker, threading.current_thread()))
            execute(worker)

        with ExitStack() as stack:
            stack.enter_context(patch.object(ExecutionWorker, "_execution_logic", execution_logic))
            stack.enter_context(patch.object(WaitFunction, "_eval_body", wait))
            stack.enter_context(patch.object(BaseExecutionWorkerCommunication, "terminated", terminated))
            stack.enter_context(patch.object(EventManager, "add_event", add_event))
            stack.enter_context(patch.object(retrier_decl, "time", SimpleNamespace(sleep=self._wait)))
            stack.callback(self._end_all)
            yield

    def _end_all(self):
        """Stop what still runs, and wait: it would go on in the next test, whose executions have the same ids."""
        for worker, thread in self._runs:
            if thread.is_alive() and worker.env is not None:
                worker.stop(datetime.now(UTC), None, None)
            thread.join(LONGEST_S)
            assert not thread.is_alive(), "the state machine goes on and on"

    def await_end(self, arn):
        """Wait until a run has ended; how."""
        client = boto3.client("stepfunctions", region_name=REGION)
        with self._ended:
            done = self._ended.wait_for(
                lambda: client.describe_execution(executionArn=arn)["status"] != "RUNNING", LONGEST_S
            )
        assert done, "the state machine goes on and on"
        return client.describe_execution(executionArn=arn)
