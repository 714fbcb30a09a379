"""What a command is going to write, told from the command alone, and what becomes of a second one for the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.commands import (
    AnalysisCommand,
    ContinueJobsCommand,
    OnConflict,
    SetLatestCommand,
    SyncCommand,
    VersionUpdateCommand,
)
from datapump.errors import ConflictError, UnsupportedError
from datapump.jobs.documents import AnalysisJob, RasterJob, SetLatestJob
from datapump.stores.config_pages import every_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datapump.commands import AnyCommand, SyncParameters
    from datapump.executions import Execution
    from datapump.stores import RunStore, SyncConfigStore
    from datapump.stores.targets import TargetStore


class TargetBusyError(ConflictError):
    """Another execution writes, or waits to write, what the command would.

    Attributes:
        holder: Its id.
    """

    def __init__(self, message: str, holder: str) -> None:
        super().__init__(message)
        self.holder = holder


def note_targets(execution_id: str, command: AnyCommand, configs: SyncConfigStore, store: TargetStore | None) -> None:
    """Note what an execution is going to write.

    Raises:
        TargetBusyError: Another open execution is going to write some of it, and the command is not to wait for it.
        UnsupportedError: The command is not to wait, and this deployment cannot tell.
    """
    alone = command.on_conflict is OnConflict.REFUSE
    if store is None:
        if alone:
            raise UnsupportedError('on_conflict "refuse" is not available here: leave it out to wait for a turn')
        return
    holder = store.note(execution_id, frozenset(targets_of(command, configs)), alone=alone)
    if holder is not None:
        raise TargetBusyError(
            f'execution {holder} writes some of the same: wait for it, or ask with on_conflict "queue"', holder
        )


def create_noting(
    wanted: Execution, command: AnyCommand, runs: RunStore, configs: SyncConfigStore, store: TargetStore | None
) -> tuple[Execution, bool]:
    """Store an execution, its targets noted; or find the one that its caller's idempotency key made before.

    Returns:
        The stored execution, and whether it is new.

    Raises:
        TargetBusyError: Another open execution is going to write some of the same, and this one is not to wait for it.
        UnsupportedError: It is not to wait, and this deployment cannot tell.
        ConflictError: It is a retry of what cannot be retried now.
    """
    note_targets(wanted.id, command, configs, store)
    is_new = False
    try:
        execution, is_new = runs.create_execution(wanted)
    finally:
        if not is_new and store is not None:
            store.forget(wanted.id)
    return execution, is_new


def targets_of(command: AnyCommand, configs: SyncConfigStore) -> Iterator[str]:
    """The names of what a command may write: the tables of an analysis of a dataset, a raster version, a feed."""
    if isinstance(command, AnalysisCommand):
        yield from (table_target(table.dataset, table.analysis) for table in command.parameters.tables)
    elif isinstance(command, SyncCommand):
        yield from _of_sync(command.parameters, configs)
    elif isinstance(command, VersionUpdateCommand):
        yield version_target(command.parameters.dataset, command.parameters.version)
    elif isinstance(command, SetLatestCommand):
        yield f"latest {command.parameters.analysis_version}"
    elif isinstance(command, ContinueJobsCommand):
        for job in command.parameters.jobs:
            if isinstance(job, AnalysisJob):
                yield table_target(job.table.dataset, job.table.analysis)
            elif isinstance(job, SetLatestJob):
                yield f"latest {job.analysis_version}"
            elif isinstance(job, RasterJob):
                yield version_target(job.dataset, job.version)
            else:
                yield f"areas {job.subject}"


def table_target(dataset: str, analysis: str) -> str:
    """What only one job at a time may write: the result tables of one analysis of one dataset."""
    return f"{dataset}__{analysis}"


def version_target(dataset: str, version: str) -> str:
    """What only one job at a time may write: a raster version."""
    return f"{dataset} {version}"


def _of_sync(parameters: SyncParameters, configs: SyncConfigStore) -> Iterator[str]:
    """The feeds, and the tables that follow them now."""
    if parameters.tables is not None:
        yield from (table_target(table.dataset, table.analysis) for table in parameters.tables)
    for sync_type in parameters.types:
        yield f"feed {sync_type}"
        if parameters.tables is None:
            followed = every_config(configs, sync_type=sync_type.value, sync=True)
            yield from (table_target(config.dataset, config.analysis) for config in followed)
