"""Whose turn it is: one job at a time writes the tables of one analysis of one dataset, and earlier alerts go first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.alerts import later
from datapump.errors import NotFoundError
from datapump.jobs.documents import JobStatus
from datapump.jobs.ticking import JobFailedError, wait
from datapump.jobs.waiting import wait_for
from datapump.sources.fire_time import FireTime
from datapump.targets import table_target

if TYPE_CHECKING:
    from datapump.jobs.documents import AnalysisJob
    from datapump.ports import Ports
    from datapump.sync_configs import JobPlace, SyncConfig


def take_turn(job: AnalysisJob, execution_id: str, ports: Ports) -> bool:
    """Whether the job may go on. If not, it waits, and its message says for whom.

    Raises:
        JobFailedError: An earlier job of its sync config failed while it appended, and is not taken up again; or its
            execution and another one wait for each other.
    """
    earlier = _earlier(job, ports)
    if earlier is not None and ports.runs.open_job(earlier.job_id) is not None:
        wait(job, ports.settings, message=f"waiting for job {earlier.job_id}, whose alerts come first")
        return False
    holder = ports.runs.acquire(table_target(job.table.dataset, job.table.analysis), execution_id, job.id)
    if holder is not None:
        wait_for(job, holder[0], execution_id, ports, "which is writing the same tables")
        return False
    job.held_up_by = None
    # Read again: as long as the lease is ours, nobody else changes it.
    earlier = _earlier(job, ports)
    if earlier is not None and not _completed(earlier, execution_id, ports):
        raise JobFailedError(
            f"job {earlier.job_id} of execution {earlier.execution_id} failed while it appended, and its alerts come "
            "first: sync again once its cause is gone, which takes that job up"
        )
    return True


def leave_out_published(job: AnalysisJob, ports: Ports) -> str | None:
    """Drop alert files that another execution has published since this job was made.

    Returns:
        Why nothing is left to do; None if something is.
    """
    if job.sync_config is None:
        return None
    config = _config(job.sync_config, ports)
    if config is None:
        return "nothing to do: its sync config was deleted meanwhile"
    if job.sources and config.metadata.sources == job.sources:
        return "nothing to do: another execution has brought its tables to the same sources meanwhile"
    published = config.metadata.alerts_until
    if job.alerts_until is None or published is None:
        return None
    job.alert_sources = later(job.alert_sources, FireTime.parse(published))
    return None if job.alert_sources else "nothing to do: its alerts are in the tables already"


def _earlier(job: AnalysisJob, ports: Ports) -> JobPlace | None:
    """The job that has to end well before this one starts: it has appended some of its rows, of earlier alerts."""
    if job.step != "starting" or job.sync_config is None:
        return None
    config = _config(job.sync_config, ports)
    unfinished = None if config is None else config.metadata.unfinished
    return None if unfinished is None or unfinished.job_id == job.id else unfinished


def _completed(place: JobPlace, execution_id: str, ports: Ports) -> bool:
    """Whether this execution has taken that job up and brought it to its end."""
    try:
        return ports.runs.get_job(execution_id, place.job_id).status is JobStatus.COMPLETE
    except NotFoundError:
        return False


def _config(config_id: str, ports: Ports) -> SyncConfig | None:
    try:
        return ports.sync_configs.get(config_id)
    except NotFoundError:
        return None
