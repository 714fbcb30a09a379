"""The jobs that a command calls for. Nothing is stored here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.alerts import alert_files, last_time
from datapump.analyses import FeatureType
from datapump.capabilities import refuse_unavailable
from datapump.commands import (
    AnalysisCommand,
    ContinueJobsCommand,
    SetLatestCommand,
    SyncCommand,
    VersionUpdateCommand,
)
from datapump.dispatched import Dispatched
from datapump.engines.choice import ChoosingEngine
from datapump.errors import ConflictError, InternalError, NotFoundError, UnsupportedError, UserError
from datapump.features import find_features
from datapump.jobs import area_statuses, raster_version
from datapump.jobs.analysis import take_up
from datapump.jobs.documents import (
    AnalysisJob,
    AnyJob,
    AreaStatusJob,
    LatestTarget,
    RasterJob,
    SetLatestJob,
    Table,
)
from datapump.jobs.publishing import published_already
from datapump.jobs.ticking import reopen
from datapump.jobs.version_update import version_job
from datapump.stores.config_pages import every_config
from datapump.syncing import sync_jobs

if TYPE_CHECKING:
    from datapump.commands import (
        AnalysisParameters,
        AnyCommand,
        ContinueJobsParameters,
        SetLatestParameters,
    )
    from datapump.engines import EngineName
    from datapump.ports import Ports

HOUR = 3600
FIRE_TIMEOUT_S = 12 * HOUR
ANALYSIS_TIMEOUT_S = 16 * HOUR


def jobs_for(execution_id: str, command: AnyCommand, ports: Ports, *, last_attempt: bool) -> Dispatched:
    """The jobs that an execution's command calls for.

    Raises:
        UserError: It cannot work; the message names the table, job or version.
        RemoteError: A remote system that must be asked did not answer well.
    """
    refuse_unavailable(command)
    if isinstance(command, AnalysisCommand):
        return _analysis(command.parameters, ports)
    if isinstance(command, SyncCommand):
        found = sync_jobs(execution_id, command.parameters, ports, last_attempt=last_attempt)
        for job in found.jobs:
            if isinstance(job, AnalysisJob):
                job.engine_asked = command.parameters.engine
        return found
    if isinstance(command, ContinueJobsCommand):
        return _continue(command.parameters, ports)
    if isinstance(command, SetLatestCommand):
        return _set_latest(command.parameters, ports)
    if isinstance(command, VersionUpdateCommand):
        return Dispatched([version_job(command.parameters, ports)], [], [])
    raise InternalError(f"no jobs are known for the command {command.command}")


def _analysis(parameters: AnalysisParameters, ports: Ports) -> Dispatched:
    jobs: list[AnyJob] = []
    refusals = []
    for table in parameters.tables:
        try:
            jobs.append(_analysis_job(table, parameters, ports))
        except UserError as error:
            refusals.append(error.message)
    if refusals:
        raise ConflictError("nothing was started: " + "; ".join(refusals))
    return Dispatched(jobs, [], [])


def _analysis_job(table: Table, parameters: AnalysisParameters, ports: Ports) -> AnalysisJob:
    check_engine(table, ports, parameters.engine)
    sources = alert_files(table, ports)
    job = AnalysisJob(
        id=ports.clock.new_id(),
        table=table,
        analysis_version=parameters.analysis_version,
        geotrellis_version=parameters.geotrellis_version,
        feature_type=FeatureType.of_dataset(table.dataset),
        features=[find_features(table, ports)],
        sync=parameters.sync,
        alert_sources=sources,
        alerts_until=last_time(sources),
        timeout_sec=FIRE_TIMEOUT_S if sources else ANALYSIS_TIMEOUT_S,
        engine_asked=parameters.engine,
    )
    # Making a version that exists would fail after hours of work: it is refused before the first minute.
    existing = published_already(job, ports)
    if existing is not None:
        raise ConflictError(existing)
    return job


def check_engine(table: Table, ports: Ports, asked: EngineName | None = None) -> None:
    """Refuse a table that the engine cannot compute, or not the one that is asked for.

    Raises:
        UnsupportedError: The message names the table and what the engine can do.
    """
    if table.analysis not in ports.engine.analyses:
        can = ", ".join(sorted(ports.engine.analyses))
        raise UnsupportedError(f"the table {table} cannot be analysed here: this deployment's engine computes {can}")
    if isinstance(ports.engine, ChoosingEngine):
        ports.engine.refuse(table.analysis, asked)


def _continue(parameters: ContinueJobsParameters, ports: Ports) -> Dispatched:
    for job in parameters.jobs:
        holder = ports.runs.open_job(job.id)
        if holder is not None:
            raise ConflictError(f"job {job.id} is not ended: execution {holder} is still working on it")
        if isinstance(job, AnalysisJob):
            check_engine(job.table, ports, job.engine_asked)
            take_up(job, ports)
        elif isinstance(job, RasterJob):
            raster_version.take_up(job, ports)
        elif isinstance(job, AreaStatusJob):
            area_statuses.take_up(job)
        else:
            reopen(job)
    return Dispatched(list(parameters.jobs), [], [])


def _set_latest(parameters: SetLatestParameters, ports: Ports) -> Dispatched:
    version = parameters.analysis_version
    pairs = sorted(_analysed(version, ports))
    if not pairs:
        raise NotFoundError(f"no sync config has the analysis version {version}: nothing to mark latest")
    datasets = ports.data_api.datasets()
    jobs: list[AnyJob] = []
    notes = []
    for dataset, analysis in pairs:
        prefix = f"{dataset}__{analysis}__"
        targets = [
            LatestTarget(dataset=known["dataset"], version=version)
            for known in datasets
            if str(known["dataset"]).startswith(prefix) and version in (known.get("versions") or [])
        ]
        if targets:
            job = {"dataset": dataset, "analysis": analysis, "analysis_version": version, "targets": targets}
            jobs.append(SetLatestJob.model_validate({"id": ports.clock.new_id(), **job}, strict=False))
        else:
            notes.append(f"no dataset {prefix}* has a version {version}")
    return Dispatched(jobs, notes, [])


def _analysed(version: str, ports: Ports) -> set[tuple[str, str]]:
    return {(config.dataset, config.analysis) for config in every_config(ports.sync_configs, analysis_version=version)}
