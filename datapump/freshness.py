"""What syncs found: it is recorded with each sync config, also where nothing was new, and where a feed failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.sources import Finding
from datapump.sources.configs import enabled
from datapump.sync_configs import Freshness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datapump.analyses import SyncType
    from datapump.jobs.documents import Table
    from datapump.ports import Ports


def unread(sync_type: SyncType, tables: Sequence[Table] | None, reason: str, ports: Ports) -> dict[str, Finding]:
    """What is found for the enabled configs of a feed that could not be read."""
    return {config.id: Finding(None, None, reason) for config in enabled(sync_type, tables, ports)}


def record(findings: Mapping[str, Finding], ports: Ports) -> None:
    """Keep what was found; a config that is gone meanwhile is left out."""
    now = ports.clock.now()
    for config_id, finding in findings.items():
        ports.sync_configs.record_freshness(config_id, Freshness(**finding._asdict(), at=now))


def record_published(config_id: str, published: str, ports: Ports) -> None:
    """Keep that what a sync had decided to publish is published."""
    known = ports.sync_configs.get(config_id).metadata.freshness
    if known is not None and known.published != published:
        now = ports.clock.now()
        ports.sync_configs.record_freshness(config_id, known.model_copy(update={"published": published, "at": now}))
