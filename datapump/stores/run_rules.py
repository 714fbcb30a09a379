"""What the twins of the run store have in common: what may follow what, and what is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from datapump.errors import ConflictError, NotFoundError
from datapump.executions import ExecutionStatus, NewEvent
from datapump.jobs.documents import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from datapump.executions import Execution, JobFaults
    from datapump.jobs.documents import AnyJob

ORDER = {JobStatus.STARTING: 0, JobStatus.EXECUTING: 1, JobStatus.COMPLETE: 2, JobStatus.FAILED: 2}
MOST_TOLD = 20
# The filters of executions that many values of one execution may answer to.
Kind = Literal["dataset", "sync_type", "label"]


def forward(old: JobStatus, new: JobStatus) -> bool:
    """Whether a job may go from one status to another."""
    return new is old or ORDER[new] > ORDER[old]


def kinds_of(execution: Execution) -> list[tuple[Kind, str]]:
    """What an execution is found by from its making: the feeds that its command names, and its labels."""
    asked = execution.command.get("parameters", {}).get("types", []) if execution.name == "sync" else []
    labels = execution.command.get("labels", {}).items()
    feeds: list[tuple[Kind, str]] = [("sync_type", sync_type) for sync_type in asked]
    return [*feeds, *(("label", label) for name, value in labels for label in (name, f"{name}:{value}"))]


def kinds_of_jobs(jobs: Iterable[AnyJob]) -> list[tuple[Kind, str]]:
    """What an execution is found by once it has its jobs: their datasets, and the feeds that they follow."""
    found: set[tuple[Kind, str]] = set()
    for job in jobs:
        # Of an analysis, the table; any other job is about a dataset itself.
        named: Any = getattr(job, "table", job)
        found.add(("dataset", str(named.dataset)))
        sync_type = getattr(job, "sync_type", None)
        if sync_type is not None:
            found.add(("sync_type", str(sync_type)))
    return sorted(found)


def accepted(execution: Execution) -> NewEvent:
    """The first event of an execution."""
    return NewEvent(kind="accepted", message=f"{execution.caller} asked for {execution.name}")


def triggered(execution: Execution) -> NewEvent:
    """What is told in the execution that made another one be started."""
    message = f"its new versions started execution {execution.id}"
    return NewEvent(kind="triggered", message=message, data={"execution": execution.id})


def begun(
    execution: Execution, now: datetime, jobs: Sequence[AnyJob], notes: Sequence[str], errors: Sequence[str]
) -> list[NewEvent] | None:
    """Move an execution to `running`; the events that tell of it. None, changing nothing, if it is past that."""
    if execution.status is not ExecutionStatus.ACCEPTED:
        return None
    execution.status = ExecutionStatus.RUNNING
    execution.started = now
    execution.notes += notes
    execution.errors += errors
    nothing = (
        "a plan starts no jobs" if execution.plan_only else "there is no job" if errors else "there is nothing to do"
    )
    message = {0: nothing, 1: "1 job"}.get(len(jobs), f"{len(jobs)} jobs")
    dispatched = NewEvent(kind="dispatched", message=message, data={"jobs": [job.id for job in jobs]})
    return [dispatched, *_told("note", notes), *_told("error", errors)]


def finished(
    execution: Execution, now: datetime, status: ExecutionStatus, errors: Sequence[str], faults: JobFaults | None
) -> list[NewEvent] | None:
    """End an execution; the events that tell of it. None, changing nothing, if it has ended already."""
    if execution.ended:
        return None
    execution.status = status
    execution.finished = now
    execution.errors += errors
    execution.job_faults = faults
    message = f"the execution has {status}" if status is not ExecutionStatus.STOPPED else "stopped"
    return [NewEvent(kind="finished", message=message)]


def stop_requested(execution: Execution, reason: str) -> list[NewEvent]:
    """Enter a wish to stop; the events that tell of it.

    Raises:
        ConflictError: The execution has ended already.
    """
    if execution.ended:
        raise ConflictError(f"execution {execution.id} has already {execution.status}")
    execution.stop_reason = execution.stop_reason or reason
    return [NewEvent(kind="stop requested", message=reason)]


def retried(original: Execution | None, earlier: Execution | None, retry: Execution) -> NewEvent:
    """Enter a retry into the execution that it retries; the event that tells of it there.

    Args:
        original: What is retried.
        earlier: The newest retry of it until now.
        retry: The new one.

    Raises:
        NotFoundError: There is no such execution.
        ConflictError: It has not ended, or a retry of it has not.
    """
    if original is None:
        raise NotFoundError(f"there is no execution {retry.retry_of!r}")
    if not original.ended:
        raise ConflictError(f"execution {original.id} is {original.status}: only one that has ended can be retried")
    if earlier is not None and not earlier.ended:
        raise ConflictError(f"execution {original.id} is being retried already, by execution {earlier.id}")
    original.retried_by = retry.id
    message = f"{retry.caller} retried it, as execution {retry.id}"
    return NewEvent(kind="retried", message=message, data={"execution": retry.id})


def _told(kind: str, texts: Sequence[str]) -> list[NewEvent]:
    """An event each; of very many, one tells of the rest, all of which the execution itself holds."""
    events = [NewEvent(kind=kind, message=text) for text in texts[:MOST_TOLD]]
    if len(texts) > MOST_TOLD:
        rest = len(texts) - MOST_TOLD
        events.append(NewEvent(kind=kind, message=f"and {rest} more: the execution's {kind}s are all of them"))
    return events
