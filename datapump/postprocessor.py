"""The postprocessor: finished jobs -> sync configs and the execution's status. Doing it twice changes nothing."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from datapump.analyses import SyncType
from datapump.areas.owed import settle, stem_of
from datapump.chaining import start_followers
from datapump.end_messages import faults_of, tell_end
from datapump.errors import NotFoundError
from datapump.executions import ExecutionStatus, NewEvent
from datapump.freshness import record_published
from datapump.jobs.documents import AnalysisJob, JobStatus
from datapump.raster_records import record_rasters
from datapump.results import appends
from datapump.sync_configs import JobPlace, SyncConfig, SyncMetadata, config_id

if TYPE_CHECKING:
    from datapump.ports import Ports


class Outcome(NamedTuple):
    """How an execution ended, and what follows from it.

    Attributes:
        failed_jobs: Ids of the jobs that failed.
        triggered: Ids of the executions that its new versions call for. They are stored; whoever carries executions
            starts them, also when the outcome is told again.
    """

    status: ExecutionStatus
    failed_jobs: list[str]
    triggered: tuple[str, ...] = ()


def postprocess(execution_id: str, ports: Ports) -> Outcome:
    """Record what the jobs of an execution achieved, then its end.

    Raises:
        NotFoundError: There is no such execution.
        StorageError: A store refused a write; it can be repeated.
    """
    execution = ports.runs.get_execution(execution_id)
    jobs = [stored.job for stored in ports.runs.list_jobs(execution_id)]
    failed = [job.id for job in jobs if job.status is JobStatus.FAILED]
    if execution.ended:
        return Outcome(execution.status, failed, start_followers(execution, jobs, ports))
    for job in jobs:
        if isinstance(job, AnalysisJob) and job.status is JobStatus.COMPLETE:
            _record(execution_id, job, ports)
        elif (
            isinstance(job, AnalysisJob)
            and job.sync_type != SyncType.RW_AREAS
            and job.sync_config is not None
            and job.results
            and appends(job)
        ):
            _remember_unfinished(execution_id, job, job.sync_config, ports)
    record_rasters(jobs, ports)
    if execution.stop_reason is not None:
        status = ExecutionStatus.STOPPED
    else:
        status = ExecutionStatus.FAILED if failed or execution.errors else ExecutionStatus.SUCCEEDED
    triggered = start_followers(execution, jobs, ports)
    tell_end(execution, status, jobs, execution.errors, ports)
    ports.runs.finish(execution_id, status, faults=faults_of(jobs))
    return Outcome(status, failed, triggered)


def _record(execution_id: str, job: AnalysisJob, ports: Ports) -> None:
    if job.sync_config is not None and job.sync_version is not None:
        if ports.sync_configs.move(job.sync_config, job.sync_version, job.alerts_until, job.sources or None):
            _forget_unfinished(job, job.sync_config, ports)
            if job.sync_type == SyncType.RW_AREAS:
                settle(job.sync_config, stem_of(job.features[0]), ports)
            record_published(job.sync_config, job.alerts_until or job.sync_version, ports)
        else:
            message = f"sync config {job.sync_config} was deleted meanwhile: its sync version was not recorded"
            ports.runs.add_event(execution_id, NewEvent(kind="note", job_id=job.id, message=message))
    elif job.sync_config is None:
        for config in configs_of(job):
            _record_tables(job, config, ports)


def _record_tables(job: AnalysisJob, config: SyncConfig, ports: Ports) -> None:
    """Write what the new tables hold into their config: made if the job is to be synced, else if it is there."""
    if not job.sync and _find(config.id, ports) is None:
        return
    metadata = ports.sync_configs.put(config).metadata
    if metadata.areas_owed:
        # An analysis of all areas has just read every file that is owed: none is made while it runs.
        ports.sync_configs.patch(config.id, {"metadata": {"areas_owed": None}})
    unfinished = metadata.unfinished
    if unfinished is not None and _covers(job, unfinished, ports):
        ports.sync_configs.patch(config.id, {"metadata": {"unfinished": None}})


def _covers(job: AnalysisJob, unfinished: JobPlace, ports: Ports) -> bool:
    """Whether the new tables hold what that job was to append to the old ones."""
    try:
        other = ports.runs.get_job(unfinished.execution_id, unfinished.job_id).job
    except NotFoundError:
        return True
    return isinstance(other, AnalysisJob) and (other.alerts_until or "") <= (job.alerts_until or "")


def _find(config_id: str, ports: Ports) -> SyncConfig | None:
    try:
        return ports.sync_configs.get(config_id)
    except NotFoundError:
        return None


def _remember_unfinished(execution_id: str, job: AnalysisJob, config_id: str, ports: Ports) -> None:
    """Some of the job's rows may be in the tables: a new job for the same alerts would append them again."""
    place = {"execution_id": execution_id, "job_id": job.id}
    with suppress(NotFoundError):
        ports.sync_configs.patch(config_id, {"metadata": {"unfinished": place}})


def _forget_unfinished(job: AnalysisJob, config_id: str, ports: Ports) -> None:
    unfinished = ports.sync_configs.get(config_id).metadata.unfinished
    if unfinished is not None and unfinished.job_id == job.id:
        ports.sync_configs.patch(config_id, {"metadata": {"unfinished": None}})


def configs_of(job: AnalysisJob) -> list[SyncConfig]:
    """The sync configs of a completed analysis: one a sync type of its table."""
    table = job.table
    types = [SyncType(name) for name in SyncType if name.value == table.analysis.value]
    if "geostore" in table.dataset:
        types.append(SyncType.RW_AREAS)
    metadata = SyncMetadata(
        geotrellis_version=job.geotrellis_version,
        features_1x1=job.features[0],
        version_overrides=dict(job.version_overrides),
        alerts_until=job.alerts_until,
    )
    return [
        SyncConfig(
            id=config_id(table.analysis, job.analysis_version, table.dataset, table.version, sync_type),
            analysis=table.analysis,
            analysis_version=job.analysis_version,
            dataset=table.dataset,
            dataset_version=table.version,
            sync_type=sync_type,
            sync_version=job.sync_version,
            metadata=metadata if sync_type != SyncType.RW_AREAS else metadata.model_copy(update={"alerts_until": None}),
        )
        for sync_type in types
    ]
