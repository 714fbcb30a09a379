"""GLAD-L alerts: a new version of their raster calls for an analysis of each config whose tables lack it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from datapump.analyses import Analysis
from datapump.sources import News
from datapump.sources.alert_tables import Kind, is_behind, latest_versions, news_of, nothing_published
from datapump.sources.configs import enabled, none_enabled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.analyses import SyncType
    from datapump.jobs.documents import Table
    from datapump.ports import Ports

RASTER: Final = "umd_glad_landsat_alerts"
KIND: Final = Kind(Analysis.GLAD, change_only=True, timeout_sec=16 * 3600)


def news(sync_type: SyncType, sync_version: str, tables: Sequence[Table] | None, ports: Ports) -> News:
    """A job for each config whose tables are older than the latest version of the alerts.

    Raises:
        DatapumpError: The Data API did not answer well.
    """
    configs = enabled(sync_type, tables, ports)
    if not configs:
        return News([], [none_enabled(tables)], [])
    rasters = latest_versions((RASTER,), ports)
    if not rasters:
        return nothing_published(configs, (RASTER,))
    behind = [config.id for config in configs if is_behind(config, rasters)]
    return news_of(configs, behind, sync_version, rasters, KIND, ports)
