"""What people are told when an execution ends: what failed and why, and what was published."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from datapump.executions import ExecutionStatus, JobFaults
from datapump.jobs.documents import AnalysisJob, AreaStatusJob, JobStatus, RasterJob, SetLatestJob
from datapump.notifications import post
from datapump.notifier import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.executions import Execution
    from datapump.jobs.documents import JobBase
    from datapump.ports import Ports

MOST_LINES: Final = 10
MOST_LETTERS: Final = 300
EVENT: Final = "ended"
LOGGED: Final = {Level.INFO: logging.INFO, Level.WARNING: logging.WARNING, Level.ERROR: logging.ERROR}
logger = logging.getLogger(__name__)


def tell_end(
    execution: Execution, status: ExecutionStatus, jobs: Sequence[JobBase], errors: Sequence[str], ports: Ports
) -> None:
    """Log what became of an execution, and post it, once: no post where nothing was to do, or somebody stopped it.

    Raises:
        StorageError: The run store refused a write.
    """
    failed = [job for job in jobs if job.status is JobStatus.FAILED]
    faults = [*errors, *(f"{subject(job)}: {job.message}" for job in failed)]
    done = [job for job in jobs if job.status is JobStatus.COMPLETE]
    what = " ".join([execution.name, *execution.command.get("parameters", {}).get("types", [])])
    came_to = f"{len(done)} of {len(jobs)} jobs are done" if jobs else "no job was started"
    lines = [f"{what} has {status}: {came_to}"]
    lines += faults or [f"{subject(job)}: {job.message}" for job in done]
    lines += execution.notes
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"and {len(lines) - MOST_LINES} more"]
    level = Level.INFO if not faults else Level.WARNING if done else Level.ERROR
    told = logging.INFO if status is ExecutionStatus.STOPPED else LOGGED[level]
    logger.log(told, "execution %s: %s", execution.id, " ".join("; ".join(lines).split()))
    if status is ExecutionStatus.STOPPED or execution.plan_only or not (faults or done):
        return
    post(EVENT, execution.id, level, "\n".join(lines), ports)


def faults_of(jobs: Sequence[JobBase]) -> JobFaults | None:
    """How many jobs failed and why the first did, as lists of executions show it; None: none failed."""
    failed = [job for job in jobs if job.status is JobStatus.FAILED]
    if not failed:
        return None
    first = min(failed, key=lambda job: (job.end_time is None, job.end_time))
    message = first.message if len(first.message) <= MOST_LETTERS else f"{first.message[: MOST_LETTERS - 3]}..."
    return JobFaults(failed=len(failed), jobs=len(jobs), job_id=first.id, subject=subject(first), message=message)


def subject(job: JobBase) -> str:
    """What a job is about, in words."""
    if isinstance(job, AnalysisJob):
        return str(job.table)
    if isinstance(job, SetLatestJob):
        return f"{job.dataset} {job.analysis_version} {job.analysis}"
    if isinstance(job, RasterJob):
        return f"{job.dataset} {job.version}"
    if isinstance(job, AreaStatusJob):
        return f"areas of {job.subject}"
    return job.id
