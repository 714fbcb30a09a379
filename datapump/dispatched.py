"""What a command calls for, before any of it is stored."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datapump.jobs.documents import AnyJob
    from datapump.sources import Finding


class Dispatched(NamedTuple):
    """The jobs, and what is to be told.

    Attributes:
        notes: What the caller should know: why there is nothing to do, gaps in a feed.
        errors: What could not be dispatched, and why; the rest goes on.
        findings: What was found for each sync config.
    """

    jobs: list[AnyJob]
    notes: list[str]
    errors: list[str]
    findings: Mapping[str, Finding] = MappingProxyType({})
