"""The executor: job -> the next job document, and when to look again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from datapump.effects import UnsettledError
from datapump.errors import DatapumpError, RemoteUnavailableError, StorageError
from datapump.executions import NewEvent
from datapump.jobs import analysis, area_statuses, latest, raster_version
from datapump.jobs.documents import AnalysisJob, AnyJob, AreaStatusJob, JobStatus, RasterJob
from datapump.jobs.ticking import JobFailedError, fail, wait

if TYPE_CHECKING:
    from datapump.executions import Execution, StoredJob
    from datapump.ports import Ports

logger = logging.getLogger(__name__)


class TickResult(NamedTuple):
    """What the flow needs to know of a job: whether it has ended, else in how many seconds to look again.

    Attributes:
        kind: Which kind of job it is.
        behind_s: How many seconds after it was due it was looked at.
    """

    status: JobStatus
    wait_s: float
    kind: str = ""
    behind_s: float = 0.0


def tick(execution_id: str, job_id: str, ports: Ports) -> TickResult:
    """Move one job on by at most one remote write, and save it if nobody else has meanwhile.

    Raises:
        NotFoundError: There is no such job.
        StorageError: The run store refused the write; the tick can be repeated.
    """
    stored = ports.runs.get_job(execution_id, job_id)
    if stored.job.ended:
        return TickResult(stored.job.status, 0.0, stored.job.kind)
    execution = ports.runs.get_execution(execution_id)
    behind_s = max((ports.clock.now() - stored.due).total_seconds(), 0.0)
    job = stored.job.model_copy(deep=True)
    move(job, execution, ports)
    saved = ports.runs.save_job(execution_id, job, stored.revision, _events(stored, job))
    if not saved:
        job = ports.runs.get_job(execution_id, job_id).job
    elif execution.stop_reason is None and ports.runs.get_execution(execution_id).stop_reason is not None:
        # Somebody stopped it while it was looked at: it must not go on for a whole wait.
        return tick(execution_id, job_id, ports)
    return TickResult(job.status, job.next_poll_s, job.kind, behind_s)


def give_up(execution_id: str, job_id: str, reason: str, ports: Ports) -> None:
    """Fail a job that cannot be ticked any more, and end what it runs. One that has ended stays as it is.

    Raises:
        NotFoundError: There is no such job.
        DatapumpError: A retryable one: what it runs could not be ended, or its end not be saved.
        UnsettledError: Too early to tell what it runs.
    """
    while True:
        stored = ports.runs.get_job(execution_id, job_id)
        if stored.job.ended:
            return
        job = stored.job.model_copy(deep=True)
        _cancel(job, ports)
        fail(job, ports.clock.now(), reason)
        if ports.runs.save_job(execution_id, job, stored.revision, _events(stored, job)):
            return


def move(job: AnyJob, execution: Execution, ports: Ports) -> None:
    """Move a document on by at most one remote write; what goes wrong is written into it."""
    now = ports.clock.now()
    if job.status is JobStatus.EXECUTING and job.start_time is None:
        # It was taken up in the middle: its time counts from now.
        job.start_time = now
    try:
        if not _ended_from_outside(job, execution, ports):
            _tick(job, execution.id, ports)
        job.outage_since = None
    except UnsettledError as error:
        job.outage_since = None
        wait(job, ports.settings, message=error.reason)
    except (RemoteUnavailableError, StorageError) as error:
        _bear(job, error, ports)
    except (DatapumpError, JobFailedError) as error:
        fail(job, now, error.message)
    except Exception as error:  # a defect of one job must not take its siblings with it
        logger.exception("job %s of execution %s failed by a defect", job.id, execution.id)
        fail(job, now, f"internal error ({type(error).__name__}) in step {job.step}: see the log for this job's id")


def _tick(job: AnyJob, execution_id: str, ports: Ports) -> None:
    if isinstance(job, AnalysisJob):
        analysis.tick(job, execution_id, ports)
    elif isinstance(job, RasterJob):
        raster_version.tick(job, execution_id, ports)
    elif isinstance(job, AreaStatusJob):
        area_statuses.tick(job, execution_id, ports)
    else:
        latest.tick(job, ports)


def _ended_from_outside(job: AnyJob, execution: Execution, ports: Ports) -> bool:
    """End a job that somebody stopped or whose time is over, and with it what it runs."""
    now = ports.clock.now()
    if execution.stop_reason is not None:
        reason = f"stopped: {execution.stop_reason}"
    elif job.start_time is not None and (now - job.start_time).total_seconds() > job.timeout_sec:
        reason = f"not done after {job.timeout_sec / 3600:g} hours, last: {job.message}"
    else:
        return False
    _cancel(job, ports)
    fail(job, now, reason)
    return True


def _cancel(job: AnyJob, ports: Ports) -> None:
    if isinstance(job, AnalysisJob):
        analysis.cancel(job, ports)


def _bear(job: AnyJob, error: RemoteUnavailableError | StorageError, ports: Ports) -> None:
    """Wait for a remote system to come back, until patience or, with the next tick, the job's time is over."""
    now = ports.clock.now()
    job.outage_since = job.outage_since or now
    away = (now - job.outage_since).total_seconds()
    # A job that is to start its run may wait for its turn as long as there is; what it has begun has its timeout.
    turn = job.status is JobStatus.STARTING or (isinstance(job, AnalysisJob) and job.step == "starting")
    if away > ports.settings.patience_s and not turn:
        fail(job, now, f"gave up after {away / 60:.0f} minutes without an answer: {error.message}")
        return
    wait(job, ports.settings, message=error.message)


def _events(before: StoredJob, job: AnyJob) -> list[NewEvent]:
    old = before.job
    if (old.status, old.step, old.retries) != (job.status, job.step, job.retries):
        data = {"status": job.status, "step": job.step, "retries": job.retries}
        return [NewEvent(job_id=job.id, kind=f"job {job.status}", message=job.message, data=data)]
    if isinstance(job, AnalysisJob) and isinstance(old, AnalysisJob) and job.engine not in {None, old.engine}:
        why = f"on the engine {job.engine}: {job.engine_reason}"
        return [NewEvent(job_id=job.id, kind="engine chosen", message=why, data={"engine": job.engine})]
    if old.message != job.message and (job.outage_since is not None) != (old.outage_since is not None):
        return [NewEvent(job_id=job.id, kind="job waits" if job.outage_since else "job goes on", message=job.message)]
    return []
