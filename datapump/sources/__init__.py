"""Feeds: one module per kind of feed; what is new in it, and which jobs that calls for."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from datapump.sources.registry import RASTERS, SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datapump.analyses import SyncType
    from datapump.jobs.documents import AnyJob, Table
    from datapump.ports import Ports


class Finding(NamedTuple):
    """What a source found for one sync config.

    Attributes:
        source_newest: The newest that the source has: a release, a version, a time. None if that is not known.
        published: What is published of it. None if nothing is, or that is not known.
        decided: What was decided and why, in words: `a job for v20261122`, `nothing to do: ...`.
    """

    source_newest: str | None
    published: str | None
    decided: str


class News(NamedTuple):
    """What a feed calls for: jobs, what the caller should know, and what went wrong with single configs.

    Attributes:
        findings: By id of sync config: what was found for it. It is recorded as the config's freshness.
    """

    jobs: Sequence[AnyJob]
    notes: list[str]
    errors: list[str]
    findings: Mapping[str, Finding] = MappingProxyType({})


class Source(Protocol):
    """Looks for news in a feed."""

    def __call__(self, sync_type: SyncType, sync_version: str, tables: Sequence[Table] | None, ports: Ports) -> News:
        """The jobs that a feed's news call for, of the enabled sync configs (of the given tables).

        Raises:
            DatapumpError: The feed cannot be read.
        """
        ...


def source_of(sync_type: SyncType) -> Source:
    """The source of a sync type; where no module is registered for it, its recipe says all."""
    return cast("Source", import_module(SOURCES.get(sync_type, RASTERS)).news)
