"""The Lambda entry points of the flow: thin, around the same steps that the embedded deployment takes.

Each answers with ids and counts for the state machine (`datapump.asl`). What may come back later is raised as
`TryAgainError`, which the state machine retries; anything else is not retried.
"""

from __future__ import annotations

import json
import math
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from datapump.aws import Aws
from datapump.effects import UnsettledError
from datapump.errors import DatapumpError, InvalidInputError
from datapump.executions import ExecutionStatus
from datapump.executor import give_up, tick
from datapump.jobs.documents import ENDED, JobStatus, SetLatestJob
from datapump.objects import split_uri
from datapump.postprocessor import postprocess
from datapump.settings import ExecutorSettings, PipelineSettings
from state_machine.flow import close_dispatch, close_jobs, take_dispatch, take_postprocess
from state_machine.production import Connected
from state_machine.step_functions import StepFunctionsOrchestrator
from state_machine.telemetry import Telemetry, request_id, telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from datapump.executions import Execution
    from datapump.jobs.documents import AnyJob
    from datapump.ports import Ports

Event = dict[str, Any]
# A look that follows at once is taken by the same invocation, as long as it has so much time left.
RESERVE_MS = 90_000
MOST_TICKS = 50
LONGEST_REASON = 1000
NAMED_JOBS = 20


class TryAgainError(Exception):
    """What was asked for may succeed later: the state machine's retry matches this name."""


class Invocation(NamedTuple):
    """One call of a handler, and what it has to work with."""

    execution_id: str
    event: Event
    context: Any
    ports: Ports
    tell: Telemetry


CONNECTED = {
    "dispatcher": Connected(PipelineSettings),
    "executor": Connected(ExecutorSettings),
    "postprocessor": Connected(PipelineSettings),
}


def dispatcher(event: Event, context: Any) -> Event:  # noqa: ANN401 - Lambda's context has no type at run time
    """Dispatch an execution's command: `{execution_id, attempts}` to `{..., wait_s, count, bucket, key}`.

    The ids of the jobs lie in an object: a thousand of them would weigh too much as payload.
    """
    return _invoke("dispatcher", _dispatch, event, context)


def executor(event: Event, context: Any) -> Event:  # noqa: ANN401 - as above
    """Tick a job, `{execution_id, job_id}` to `{..., status, ended, wait_s}`; with a `problem`, give it up."""
    return _invoke("executor", _execute, event, context)


def postprocessor(event: Event, context: Any) -> Event:  # noqa: ANN401 - as above
    """Record an execution's outcome, and start the executions that it calls for.

    `{state: {execution_id, attempts, problem?}, machine}` to `{execution_id, attempts, wait_s, status, message}`.
    """
    event = {**event["state"], "machine": event["machine"]}
    return _invoke("postprocessor", _postprocess, event, context)


def _invoke(
    function: str,
    step: Callable[[Invocation], Event],
    event: Event,
    context: Any,  # noqa: ANN401 - as above
) -> Event:
    execution_id = event.get("execution_id")
    if not isinstance(execution_id, str):
        raise InvalidInputError("the event names no execution", pointer="/execution_id")
    tell = telemetry(function)
    with tell.about(request_id(context), execution_id=execution_id, job_id=event.get("job_id")):
        try:
            return step(Invocation(execution_id, event, context, CONNECTED[function].ports(), tell))
        except (DatapumpError, UnsettledError) as error:
            tell.logger.warning("%s: %s", type(error).__name__, error)
            if isinstance(error, DatapumpError) and not error.retryable:
                raise
            raise TryAgainError(str(error)) from error


def _dispatch(call: Invocation) -> Event:
    attempts = int(call.event.get("attempts", 0))
    wait_s = take_dispatch(call.execution_id, attempts, call.ports)
    if wait_s is not None:
        return {"execution_id": call.execution_id, "attempts": attempts + 1, "wait_s": _whole(wait_s), "count": 0}
    ids = [stored.job.id for stored in call.ports.runs.list_jobs(call.execution_id)]
    uri = f"s3://{call.ports.settings.pipeline_bucket}/datapump/executions/{call.execution_id}/jobs.json"
    if ids:
        call.ports.objects.put(uri, json.dumps(ids).encode())
    _, bucket, key = split_uri(uri)
    call.tell.logger.info("dispatched to %d jobs", len(ids))
    return {
        "execution_id": call.execution_id,
        "attempts": 0,
        "wait_s": 0,
        "count": len(ids),
        "bucket": bucket,
        "key": key,
    }


def _execute(call: Invocation) -> Event:
    job_id = str(call.event["job_id"])
    if "problem" in call.event:
        reason = f"its tick kept failing: {_reason(call.event['problem'])}"
        give_up(call.execution_id, job_id, reason, call.ports)
        job = call.ports.runs.get_job(call.execution_id, job_id).job
        call.tell.ended(job.kind, job.status)
        return _told(call, job_id, job.status, 0.0)
    for _ in range(MOST_TICKS):
        began = time.monotonic()
        result = tick(call.execution_id, job_id, call.ports)
        call.tell.ticked(result, time.monotonic() - began)
        if result.status in ENDED:
            call.tell.ended(result.kind, result.status)
            break
        if result.wait_s > 0 or call.context.get_remaining_time_in_millis() < RESERVE_MS:
            break
    return _told(call, job_id, result.status, result.wait_s)


def _told(call: Invocation, job_id: str, status: JobStatus, wait_s: float) -> Event:
    told = {"status": status.value, "ended": status in ENDED, "wait_s": _whole(wait_s)}
    return {"execution_id": call.execution_id, "job_id": job_id, **told}


def _postprocess(call: Invocation) -> Event:
    attempts = int(call.event.get("attempts", 0))
    reason = _reason(call.event["problem"]) if "problem" in call.event else "nothing carries it any more"
    close_dispatch(call.execution_id, reason, call.ports)
    close_jobs(call.execution_id, reason, call.ports)
    wait_s = take_postprocess(call.execution_id, attempts, call.ports)
    told = {"execution_id": call.execution_id, "attempts": attempts + 1, "wait_s": _whole(wait_s or 0.0)}
    if wait_s is not None:
        return {**told, "status": "running", "message": "", "failed": 0}
    execution = call.ports.runs.get_execution(call.execution_id)
    jobs = [stored.job for stored in call.ports.runs.list_jobs(call.execution_id)]
    failed = [job.id for job in jobs if job.status is JobStatus.FAILED]
    _start_followers(call)
    call.tell.finished(execution.status)
    for sync_type in synced(execution, jobs):
        call.tell.synced(sync_type, call.ports.settings.environment)
    message = _message(execution.status, failed, len(jobs), execution.errors)
    return {**told, "status": execution.status.value, "failed": len(failed), "message": message}


def _start_followers(call: Invocation) -> None:
    """Start what the execution calls for; those that have been started stay as they are."""
    outcome = postprocess(call.execution_id, call.ports)
    if outcome.triggered:
        aws = Aws.of(call.ports.settings)
        orchestrator = StepFunctionsOrchestrator(aws, call.ports.runs, str(call.event["machine"]))
        for execution_id in outcome.triggered:
            orchestrator.start(execution_id)


def synced(execution: Execution, jobs: Sequence[AnyJob]) -> list[str]:
    """The sync types of which an execution brought all up to date, also where there was nothing new."""
    if execution.name != "sync" or execution.stop_reason is not None:
        return []
    open_or_failed = [job for job in jobs if job.status is not JobStatus.COMPLETE]
    failed = {job.sync_type for job in open_or_failed if not isinstance(job, SetLatestJob)}
    refused = {error.split(":", 1)[0] for error in execution.errors}
    types = execution.command["parameters"]["types"]
    if not refused <= {*types}:
        # The execution has failed as a whole.
        return []
    return [name for name in types if name not in failed and name not in refused]


def _message(status: ExecutionStatus, failed: list[str], jobs: int, errors: list[str]) -> str:
    if status is not ExecutionStatus.FAILED:
        return ""
    named = ", ".join(failed[:NAMED_JOBS]) + (f" and {len(failed) - NAMED_JOBS} more" if failed[NAMED_JOBS:] else "")
    parts = [f"{len(failed)} of {jobs} jobs failed: {named}"] if failed else []
    return "; ".join([*parts, *errors])[:LONGEST_REASON]


def _reason(problem: Any) -> str:  # noqa: ANN401 - whatever the state machine caught
    """What the state machine caught, in words; a function's own error is JSON inside of it."""
    error, cause = str(problem.get("Error", "")), str(problem.get("Cause", ""))
    try:
        told = json.loads(cause)
        cause = str(told["errorMessage"])
    except (ValueError, KeyError, TypeError):
        pass
    return f"{error}: {cause}".strip(": ")[:LONGEST_REASON]


def _whole(seconds: float) -> int:
    """The state machine waits whole seconds."""
    return math.ceil(seconds)
