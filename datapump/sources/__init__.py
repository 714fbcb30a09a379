"""Feeds: one module per kind of feed; what is new in it, and which jobs that calls for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from datapump.analyses import SyncType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.jobs.documents import AnyJob, Table
    from datapump.ports import Ports

# A feed is one line here. The modules load what they read files with, so each is imported when it is first needed.
SOURCES = {
    SyncType.VIIRS: "datapump.sources.fires",
    SyncType.MODIS: "datapump.sources.fires",
}


class News(NamedTuple):
    """What a feed calls for: jobs, what the caller should know, and what went wrong with single configs."""

    jobs: Sequence[AnyJob]
    notes: list[str]
    errors: list[str]


class Source(Protocol):
    """Looks for news in a feed."""

    def __call__(self, sync_type: SyncType, sync_version: str, tables: Sequence[Table] | None, ports: Ports) -> News:
        """The jobs that a feed's news call for, of the enabled sync configs (of the given tables).

        Raises:
            DatapumpError: The feed cannot be read.
        """
        ...


def source_of(sync_type: SyncType) -> Source:
    """The source of a sync type."""
    return cast("Source", import_module(SOURCES[sync_type]).news)
