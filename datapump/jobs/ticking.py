"""What the ticks of every kind of job share: moving on, waiting, ending."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.jobs.documents import JobBase, JobError, JobStatus

if TYPE_CHECKING:
    from datetime import datetime

    from datapump.settings import Settings

GROWTH = 1.5


class JobFailedError(Exception):
    """The job cannot go on; the message says why and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def advance(
    job: JobBase, *, step: str | None = None, message: str | None = None, progress: float | None = None
) -> None:
    """Record that something has changed: look again at once."""
    job.step = step or job.step
    job.message = job.message if message is None else message
    job.progress = max(job.progress, progress or 0.0)
    job.polls = 0
    job.next_poll_s = 0.0


def wait(job: JobBase, settings: Settings, *, message: str | None = None, progress: float | None = None) -> None:
    """Record that nothing has changed: look again later, the longer nothing changes the later, up to the cap."""
    if progress is not None and progress > job.progress:
        job.progress = min(progress, 1.0)
    if message is not None:
        job.message = message
    job.next_poll_s = min(settings.poll_max_s, settings.poll_min_s * GROWTH**job.polls)
    job.polls = min(job.polls + 1, 64)


def complete(job: JobBase, now: datetime, message: str) -> None:
    """Record that the job has done all it was for."""
    job.status = JobStatus.COMPLETE
    job.step = "complete"
    job.message = message
    job.progress = 1.0
    job.end_time = now
    job.next_poll_s = 0.0


def fail(job: JobBase, now: datetime, message: str) -> None:
    """Record that the job has failed; its step stays the one it failed in, to be taken up from there."""
    job.errors.append(JobError(at=now, step=job.step, message=message))
    job.status = JobStatus.FAILED
    job.message = message
    job.end_time = now
    job.next_poll_s = 0.0


def reopen(job: JobBase) -> None:
    """Make a failed job ready to go on from the step it failed in; its errors stay for the record."""
    if job.status is JobStatus.FAILED:
        job.status = JobStatus.STARTING if job.step == "starting" else JobStatus.EXECUTING
    if not job.ended:
        job.start_time = None
        job.end_time = None
        job.retries = 0
        job.polls = 0
        job.next_poll_s = 0.0
        job.outage_since = None
        job.held_up_by = None
