"""The three steps of the flow as an orchestrator takes them, and how often they are tried again."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from datapump.chaining import CALLER
from datapump.dispatcher import dispatch
from datapump.end_messages import tell_end
from datapump.errors import DatapumpError
from datapump.executions import ExecutionStatus, NewEvent
from datapump.executor import give_up, tick
from datapump.postprocessor import postprocess

if TYPE_CHECKING:
    from datapump.ports import Ports

logger = logging.getLogger(__name__)
ATTEMPTS = 8
LONGEST_WAIT_S = 60.0
# Who asks when nobody is there: the nightly schedule here and on AWS, and what starts after a new version.
UNATTENDED = frozenset({CALLER, "schedule"})
SEE_LOG = "see the log for this execution's id"


def take_dispatch(execution_id: str, attempts: int, ports: Ports) -> float | None:
    """Dispatch; the seconds after which to try again, None if that is done, well or badly."""
    try:
        last = attempts + 1 >= ATTEMPTS and not _is_patient(execution_id, ports)
        dispatch(execution_id, ports, last_attempt=last)
    except DatapumpError as error:
        return _again(execution_id, "dispatch", attempts, error.message, ports)
    except Exception as error:  # a defect must end its execution, not the loop
        logger.exception("dispatch of execution %s failed by a defect", execution_id)
        _fail(execution_id, f"internal error ({type(error).__name__}) in dispatch: {SEE_LOG}", ports)
    return None


def take_tick(execution_id: str, job_id: str, ports: Ports) -> float | None:
    """Tick a job; the seconds after which to try again if its document could not be saved, else None."""
    try:
        tick(execution_id, job_id, ports)
    except DatapumpError as error:
        logger.warning("tick of job %s could not be saved: %s", job_id, error.message)
        return _wait(0, ports)
    return None


def take_postprocess(execution_id: str, attempts: int, ports: Ports) -> float | None:
    """Postprocess; the seconds after which to try again, None if that is done."""
    try:
        postprocess(execution_id, ports)
    except DatapumpError as error:
        return _again(execution_id, "postprocess", attempts, error.message, ports)
    except Exception as error:  # a defect must end its execution, not the loop
        logger.exception("postprocessing of execution %s failed by a defect", execution_id)
        _fail(execution_id, f"internal error ({type(error).__name__}) in postprocessing: {SEE_LOG}", ports)
    return None


def close_dispatch(execution_id: str, reason: str, ports: Ports) -> None:
    """End an execution whose command could not be dispatched by any try; one that is past that stays as it is.

    Raises:
        StorageError: The run store refused the write; it can be repeated.
    """
    if ports.runs.get_execution(execution_id).status is ExecutionStatus.ACCEPTED:
        _fail(execution_id, f"the command could not be dispatched: {reason}", ports)


def close_jobs(execution_id: str, reason: str, ports: Ports) -> None:
    """Fail the jobs that nothing carries any more, and end what they run.

    Raises:
        DatapumpError: A retryable one: something could not be ended or saved.
        UnsettledError: Too early to tell what a job runs.
    """
    for stored in ports.runs.list_jobs(execution_id):
        if not stored.job.ended:
            give_up(execution_id, stored.job.id, reason, ports)


def _is_patient(execution_id: str, ports: Ports) -> bool:
    """Whether a night's sync still waits for what may come back: nobody is there to ask for it again."""
    execution = ports.runs.get_execution(execution_id)
    waited_s = (ports.clock.now() - execution.created).total_seconds()
    return execution.caller in UNATTENDED and waited_s < ports.settings.patience_s


def _fail(execution_id: str, message: str, ports: Ports) -> None:
    """End an execution that cannot go on, then tell people of it: whatever becomes of that, it has ended."""
    ports.runs.finish(execution_id, ExecutionStatus.FAILED, [message])
    with suppress(DatapumpError):
        tell_end(ports.runs.get_execution(execution_id), ExecutionStatus.FAILED, [], [message], ports)


def _again(execution_id: str, phase: str, attempts: int, message: str, ports: Ports) -> float:
    wait_s = _wait(attempts, ports)
    text = f"{phase} will be tried again in {wait_s:.0f} s (attempt {attempts + 1}): {message}"
    logger.warning("execution %s: %s", execution_id, text)
    ports.runs.add_event(execution_id, NewEvent(kind="retry", message=text))
    return wait_s


def _wait(attempts: int, ports: Ports) -> float:
    """Doubling, capped, spread by up to a half."""
    longest = min(LONGEST_WAIT_S, ports.settings.backoff_s * float(2**attempts))
    return longest * (0.5 + ports.clock.jitter() / 2)
