"""Integrated alerts: a new version of one of the three alerts calls for a raster, and an analysis of each config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from datapump.analyses import Analysis, SyncType
from datapump.errors import DatapumpError
from datapump.recipes import recipe_of
from datapump.sources import News
from datapump.sources.alert_tables import Kind, is_behind, latest_versions, news_of, nothing_published
from datapump.sources.configs import enabled, none_enabled
from datapump.sources.rasters import raster_news

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datapump.jobs.documents import Table
    from datapump.ports import Ports
    from datapump.sync_configs import SyncConfig

RASTER: Final = "gfw_integrated_alerts"
SYSTEMS: Final = ("umd_glad_landsat_alerts", "umd_glad_sentinel2_alerts", "wur_radd_alerts")
KIND: Final = Kind(Analysis.INTEGRATED_ALERTS, change_only=False, timeout_sec=12 * 3600)


def news(sync_type: SyncType, sync_version: str, tables: Sequence[Table] | None, ports: Ports) -> News:
    """The jobs that new versions of the three alerts call for: the raster's, and beside it each config's.

    Raises:
        DatapumpError: The Data API did not answer well.
    """
    configs = [config for config in enabled(sync_type, tables, ports) if config.analysis == KIND.analysis]
    found = _tables(configs, sync_version, ports) if configs else News([], [none_enabled(tables)], [])
    return _joined(_raster(sync_version, ports), found) if _makes_raster(configs, tables, ports) else found


def _makes_raster(configs: Sequence[SyncConfig], tables: Sequence[Table] | None, ports: Ports) -> bool:
    """Whether this sync makes the raster: once, beside the table of countries; or first, while no table follows it."""
    if any(config.dataset == "gadm" for config in configs):
        return True
    known = ports.sync_configs.list(sync_type=SyncType.INTEGRATED_ALERTS.value, analysis=KIND.analysis.value, limit=1)
    return tables is None and not known.items


def _raster(sync_version: str, ports: Ports) -> News:
    try:
        return raster_news(recipe_of(RASTER, ports.settings.recipes), sync_version, ports)
    except DatapumpError as error:
        if error.retryable:
            raise
        # The tables are made from the three alerts, not from this raster.
        return News([], [], [f"{RASTER}: {error.message}"])


def _joined(raster: News, tables: News) -> News:
    notes = [f"{RASTER}: {note}" for note in raster.notes]
    return News(
        [*raster.jobs, *tables.jobs],
        [*notes, *tables.notes],
        [*raster.errors, *tables.errors],
        {**raster.findings, **tables.findings},
    )


def _tables(configs: Sequence[SyncConfig], sync_version: str, ports: Ports) -> News:
    """An analysis of each config whose tables lack what is new; one that a night missed is made up for."""
    systems = latest_versions(SYSTEMS, ports)
    if not systems:
        return nothing_published(configs, SYSTEMS)
    is_new = _is_new(systems, ports)
    behind = [config.id for config in configs if _is_behind(config, systems, is_new=is_new)]
    return news_of(configs, behind, sync_version, systems, KIND, ports)


def _is_behind(config: SyncConfig, systems: Mapping[str, str], *, is_new: bool) -> bool:
    return is_new if config.metadata.sources is None else is_behind(config, systems)


def _is_new(systems: Mapping[str, str], ports: Ports) -> bool:
    """Whether one of the three has a latest version that was made after the latest integrated one."""
    published = ports.data_api.latest(RASTER)
    made = "" if published is None else _made(RASTER, published, ports)
    return any(_made(dataset, version, ports) > made for dataset, version in systems.items())


def _made(dataset: str, version: str, ports: Ports) -> str:
    """When a version was made: ISO 8601, in UTC, always of the same length."""
    known = ports.data_api.version(dataset, version)
    return "" if known is None else str(known["created_on"])
