"""The jobs that a sync calls for: each feed by itself, so that one that fails takes no other with it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from datapump.analyses import SyncType
from datapump.dispatched import Dispatched
from datapump.errors import ConflictError, DatapumpError
from datapump.freshness import unread
from datapump.sources import source_of
from datapump.sources.configs import enabled
from datapump.targets import table_target

if TYPE_CHECKING:
    from datapump.commands import (
        SyncParameters,
    )
    from datapump.jobs.documents import AnyJob
    from datapump.ports import Ports
    from datapump.sources import Finding

logger = logging.getLogger(__name__)


class FeedBusyError(ConflictError):
    """Another execution is reading the same feed: two at once would save the same rows twice."""

    retryable = True


def sync_jobs(execution_id: str, parameters: SyncParameters, ports: Ports, *, last_attempt: bool) -> Dispatched:
    """The jobs that the news of feeds call for; the execution holds the feeds until they are stored.

    Args:
        execution_id: Whose leases on the feeds are.
        parameters: Which feeds, and of which tables.
        ports: The outside world.
        last_attempt: Whether what may come back later is a failure now.

    Raises:
        FeedBusyError: Another execution is reading one of the feeds.
        DatapumpError: A retryable one, unless it is the last attempt: nothing is dispatched yet.
    """
    _take_feeds(execution_id, parameters, ports)
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
