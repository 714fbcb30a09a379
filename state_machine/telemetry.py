"""Logs, metrics and traces of the Lambda functions.

Every line, also one that a module of ours writes by the standard library, is JSON and names the execution and the job
that it belongs to.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.metrics import MetricUnit, single_metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datapump.executor import TickResult

SERVICE = "datapump"
NAMESPACE = "datapump"
PACKAGES = ("api", "datapump", "state_machine")


class Telemetry:
    """What one function tells of itself.

    Args:
        function: Its name: `dispatcher`, `executor`, `postprocessor`, `api`.
    """

    def __init__(self, function: str) -> None:
        self._function = function
        self.logger = Logger(service=SERVICE, logger_name=f"{SERVICE}.{function}.lambda")
        self.logger.append_keys(function=function)
        self._tracer = Tracer(service=SERVICE, patch_modules=("botocore", "httpx"))
        handler = self.logger.registered_handler
        for package in PACKAGES:
            logger = logging.getLogger(package)
            logger.handlers = [handler]
            logger.setLevel(logging.INFO)
            logger.propagate = False

    @contextmanager
    def about(self, request_id: str, **ids: str | None) -> Iterator[None]:
        """Inside the block every line and the trace name these ids, and the invocation's duration is measured."""
        keys = {name: value for name, value in ids.items() if value is not None}
        began = time.monotonic()
        self.logger.thread_safe_append_keys(request_id=request_id, **keys)
        try:
            with self._tracer.provider.in_subsegment(name=f"## {self._function}") as segment:
                for name, value in keys.items():
                    segment.put_annotation(key=name, value=value)
                yield
        finally:
            self._put("Duration", (time.monotonic() - began) * 1000, MetricUnit.Milliseconds)
            self.logger.thread_safe_clear_keys()

    def ticked(self, result: TickResult, seconds: float) -> None:
        """A job was looked at: how long that took, and how late it was; where it ended, how."""
        self._put("TickDuration", seconds * 1000, MetricUnit.Milliseconds, kind=result.kind)
        self._put("Polls", 1, MetricUnit.Count, kind=result.kind)
        self._put("SecondsBehind", result.behind_s, MetricUnit.Seconds, kind=result.kind)

    def ended(self, kind: str, outcome: str) -> None:
        """A job ended."""
        self._put("Jobs", 1, MetricUnit.Count, kind=kind, outcome=outcome)

    def finished(self, outcome: str) -> None:
        """An execution ended."""
        self._put("Executions", 1, MetricUnit.Count, outcome=outcome)

    def synced(self, sync_type: str, environment: str) -> None:
        """A sync type was brought up to date; an alarm waits for it."""
        with single_metric(name="SyncSucceeded", unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
            metric.add_dimension(name="environment", value=environment)
            metric.add_dimension(name="sync_type", value=sync_type)

    def carried(self, environment: str) -> None:
        """All running backfills were carried on; an alarm waits for it."""
        with single_metric(name="BackfillsCarried", unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
            metric.add_dimension(name="environment", value=environment)

    def _put(self, name: str, value: float, unit: MetricUnit, **dimensions: str) -> None:
        with single_metric(name=name, unit=unit, value=value, namespace=NAMESPACE) as metric:
            metric.add_dimension(name="function", value=self._function)
            for dimension, value_of in dimensions.items():
                metric.add_dimension(name=dimension, value=value_of)


@lru_cache
def telemetry(function: str) -> Telemetry:
    """The one of a function in this process."""
    return Telemetry(function)


def request_id(context: Any) -> str:  # noqa: ANN401 - Lambda's context has no type at run time
    """The id of an invocation."""
    return str(getattr(context, "aws_request_id", "none"))
