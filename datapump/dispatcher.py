"""The dispatcher: command -> jobs. Nothing is stored until all is checked; then all at once."""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from datapump.alerts import alert_files, last_time
from datapump.analyses import FeatureType, SyncType
from datapump.capabilities import refuse_unavailable
from datapump.commands import (
    COMMAND,
    AnalysisCommand,
    ContinueJobsCommand,
    SetLatestCommand,
    SyncCommand,
    VersionUpdateCommand,
)
from datapump.end_messages import tell_end
from datapump.errors import ConflictError, DatapumpError, InternalError, NotFoundError, UnsupportedError, UserError
from datapump.executions import ExecutionStatus
from datapump.features import find_features
from datapump.freshness import record, unread
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
from datapump.sources import source_of
from datapump.sources.configs import enabled
from datapump.targets import table_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datapump.commands import (
        AnalysisParameters,
        AnyCommand,
        ContinueJobsParameters,
        SetLatestParameters,
        SyncParameters,
    )
    from datapump.executions import Execution
    from datapump.ports import Ports
    from datapump.sources import Finding

logger = logging.getLogger(__name__)
HOUR = 3600
FIRE_TIMEOUT_S = 12 * HOUR
ANALYSIS_TIMEOUT_S = 16 * HOUR


class FeedBusyError(ConflictError):
    """Another execution is reading the same feed: two at once would save the same rows twice."""

    retryable = True


class Dispatched(NamedTuple):
    """What a command calls for.

    Attributes:
        notes: What the caller should know: why there is nothing to do, gaps in a feed.
        errors: What could not be dispatched, and why; the rest goes on.
        findings: What was found for each sync config.
    """

    jobs: list[AnyJob]
    notes: list[str]
    errors: list[str]
    findings: Mapping[str, Finding] = MappingProxyType({})


def dispatch(execution_id: str, ports: Ports, *, last_attempt: bool = False) -> list[str]:
    """Turn an accepted execution's command into stored jobs.

    A command that cannot work ends its execution as failed, with the reason and without any job. Dispatching again what
    is dispatched already changes nothing.

    Args:
        execution_id: Whose command.
        ports: The outside world.
        last_attempt: Whether what may come back later is a failure now.

    Returns:
        The ids of its jobs.

    Raises:
        DatapumpError: A retryable one, to be tried again, unless it is the last attempt.
    """
    execution = ports.runs.get_execution(execution_id)
    if execution.status is ExecutionStatus.ACCEPTED:
        try:
            if execution.stop_reason is not None:
                ports.runs.finish(execution_id, ExecutionStatus.STOPPED)
                return []
            if execution.plan_only:
                _plan(execution, ports, last_attempt=last_attempt)
                return []
            command = COMMAND.validate_python(execution.command, strict=False)
            found = jobs_for(execution_id, command, ports, last_attempt=last_attempt)
            record(found.findings, ports)
            ports.runs.begin(execution_id, found.jobs, found.notes, found.errors)
        except DatapumpError as error:
            if error.retryable and not last_attempt:
                raise
            tell_end(execution, ExecutionStatus.FAILED, [], [error.message], ports)
            ports.runs.finish(execution_id, ExecutionStatus.FAILED, [error.message])
    return [stored.job.id for stored in ports.runs.list_jobs(execution_id)]


def _plan(execution: Execution, ports: Ports, *, last_attempt: bool) -> None:
    """Find out what the command would do; the execution then has no jobs and ends."""
    from datapump.planning.planner import make_plan  # noqa: PLC0415 - a plan dispatches by this very module
    from datapump.planning.record import keep  # noqa: PLC0415 - the same

    plan = make_plan(execution, ports, last_attempt=last_attempt)
    keep(plan, ports.runs)
    ports.runs.begin(execution.id, [], plan.notes, plan.errors)


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
        _take_feeds(execution_id, command.parameters, ports)
        return _sync(execution_id, command.parameters, ports, last_attempt=last_attempt)
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
    check_engine(table, ports)
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
    )
    # Making a version that exists would fail after hours of work: it is refused before the first minute.
    existing = published_already(job, ports)
    if existing is not None:
        raise ConflictError(existing)
    return job


def check_engine(table: Table, ports: Ports) -> None:
    """Refuse a table that the engine cannot compute.

    Raises:
        UnsupportedError: The message names the table and what the engine can do.
    """
    if table.analysis not in ports.engine.analyses:
        can = ", ".join(sorted(ports.engine.analyses))
        raise UnsupportedError(f"the table {table} cannot be analysed here: this deployment's engine computes {can}")


def _take_feeds(execution_id: str, parameters: SyncParameters, ports: Ports) -> None:
    """Take the leases on the feeds, which are given back when the jobs are stored."""
    # Always in the same order, so that two executions never hold what the other one waits for.
    for sync_type in sorted(parameters.types):
        holder = ports.runs.acquire(f"feed {sync_type}", execution_id, "")
        if holder is not None:
            raise FeedBusyError(f"execution {holder[0]} is reading the feed of {sync_type}: sync again when it has")


def _take_area_tables(execution_id: str, ports: Ports) -> None:
    """Take the leases on the tables that hold user areas: none is written while a file of new areas is made.

    So of each analysis of all areas it is known whether it has read the file.
    """
    for target in sorted(
        {table_target(config.dataset, config.analysis) for config in enabled(SyncType.RW_AREAS, None, ports)}
    ):
        holder = ports.runs.acquire(target, execution_id, "")
        if holder is not None:
            raise FeedBusyError(
                f"execution {holder[0]} is writing {target}: the areas stay pending, sync them again when it has ended"
            )


def _sync(execution_id: str, parameters: SyncParameters, ports: Ports, *, last_attempt: bool) -> Dispatched:
    sync_version = parameters.sync_version or f"v{ports.clock.now():%Y%m%d}"
    jobs: list[AnyJob] = []
    notes: list[str] = []
    errors: list[str] = []
    findings: dict[str, Finding] = {}
    for sync_type in parameters.types:
        # One feed that fails must not take the others with it.
        try:
            if sync_type == SyncType.RW_AREAS:
                _take_area_tables(execution_id, ports)
            found = source_of(sync_type)(sync_type, sync_version, parameters.tables, ports)
        except DatapumpError as error:
            if error.retryable and not last_attempt:
                raise
            logger.warning("sync of %s failed: %s", sync_type, error.message)
            errors.append(f"{sync_type}: {error.message}")
            findings |= unread(sync_type, parameters.tables, error.message, ports)
            continue
        jobs += found.jobs
        notes += [f"{sync_type}: {note}" for note in found.notes]
        errors += [f"{sync_type}: {error}" for error in found.errors]
        findings |= found.findings
    return Dispatched(jobs, notes, errors, findings)


def _continue(parameters: ContinueJobsParameters, ports: Ports) -> Dispatched:
    for job in parameters.jobs:
        holder = ports.runs.open_job(job.id)
        if holder is not None:
            raise ConflictError(f"job {job.id} is not ended: execution {holder} is still working on it")
        if isinstance(job, AnalysisJob):
            check_engine(job.table, ports)
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
    pairs: set[tuple[str, str]] = set()
    after = None
    while True:
        page = ports.sync_configs.list(analysis_version=version, after=after)
        pairs |= {(config.dataset, config.analysis) for config in page.items}
        after = page.next
        if after is None:
            return pairs
