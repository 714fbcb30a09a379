"""The four Lambda functions: the real handlers, called in this process as Lambda calls them."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from moto.awslambda_simple.models import LambdaSimpleBackend

from api import lambda_handler
from state_machine import handlers, production

NAMES = ("dispatcher", "executor", "postprocessor")


class Context:
    """What Lambda tells a handler of its invocation."""

    aws_request_id = "request"

    @staticmethod
    def get_remaining_time_in_millis():
        return 600_000


class Functions:
    """Calls the handlers, and breaks them as `faults` say.

    Args:
        clock: What they take the time from.
        calls: Is told which of them is at work.
        ticking: Called before each tick, with the ids of the execution and of the job.
    """

    def __init__(self, clock, calls, ticking):
        self.faults = []
        self._clock = clock
        self._calls = calls
        self._ticking = ticking
        self._one = threading.Lock()

    @contextmanager
    def on_lambda(self):
        """Inside the block moto's Lambda calls them."""
        real = handlers.tick

        def tick(execution_id, job_id, ports):
            self._ticking(execution_id, job_id)
            return real(execution_id, job_id, ports)

        def invoke(_backend, function_name, _qualifier, body, _headers, response_headers):
            return self._invoke(function_name.rsplit("-", 1)[-1], json.loads(body), response_headers)

        with ExitStack() as stack:
            loop = asyncio.new_event_loop()
            stack.callback(loop.close)
            self._api = stack.enter_context(ThreadPoolExecutor(1, initializer=lambda: asyncio.set_event_loop(loop)))
            for place in (production, lambda_handler):
                stack.enter_context(patch.object(place, "SystemClock", lambda: self._clock))
            stack.enter_context(patch.object(handlers, "tick", tick))
            stack.enter_context(patch.object(lambda_handler, "_made", None))
            stack.callback(self.forget)
            stack.enter_context(patch.object(LambdaSimpleBackend, "invoke", invoke))
            yield

    def api(self, event):
        """Answer an event as the API's function does: one at a time, in a thread that has an event loop."""

        def answer():
            with self._calls.of("api"):
                return lambda_handler.handler(event, Context())

        return self._api.submit(answer).result()

    @staticmethod
    def forget():
        """Let every function read its settings and secrets again."""
        for connected in handlers.CONNECTED.values():
            connected.close()
        if lambda_handler._made is not None:
            lambda_handler._made.close()
            lambda_handler._made = None

    def _invoke(self, name, event, headers):
        """Call a handler as Lambda does; `faults` may break it before or after."""
        fault = next((one for one in self.faults if one.matches(name, event)), None)
        try:
            if fault is not None:
                fault.strike("before")
            # One at a time: a Lambda container serves one event.
            with self._one, self._calls.of(name):
                answer = getattr(handlers, name)(event, Context())
            if fault is not None:
                fault.strike("after")
        except Exception as error:  # noqa: BLE001 - Lambda answers whatever its handler raises
            headers["x-amz-function-error"] = "Unhandled"
            told = {"errorType": getattr(error, "name", type(error).__name__), "errorMessage": str(error)}
            return json.dumps(told).encode()
        return json.dumps(answer).encode()
