"""Which tables an analysis writes, and the columns of those of fires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.analyses import FIRE_ANALYSES, Analysis, FeatureType
from datapump.engines.local.catalog import WDPA_LAYER
from datapump.engines.local.ids import ID_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.engines.local.catalog import Catalog, Layer

DAILY, WEEKLY, WHITELIST = "daily_alerts", "weekly_alerts", "whitelist"
SUMMARY, CHANGE = "summary", "change"

_LEVELS: dict[FeatureType, tuple[str, ...]] = {
    FeatureType.GADM: ("adm2", "adm1", "iso"),
    FeatureType.WDPA: ("wdpa",),
    FeatureType.GEOSTORE: ("geostore",),
    FeatureType.FEATURE: ("feature",),
}
_SUMMED = ("adm1", "iso")
_KEYS = {DAILY: ("alert__date", "confidence__cat"), WEEKLY: ("alert__year", "alert__week", "confidence__cat")}
_RASTER_TABLES = {
    Analysis.TCL: (WHITELIST, SUMMARY, CHANGE),
    Analysis.GLAD: (WHITELIST, SUMMARY, DAILY),
    Analysis.INTEGRATED_ALERTS: (DAILY,),
}
_CHANGING = {CHANGE, DAILY}


def tables(analysis: Analysis, feature_type: FeatureType, *, change_only: bool) -> list[tuple[str, str]]:
    """The (level, table) pairs that an analysis writes; `change_only` leaves out what new alerts do not change."""
    if analysis not in FIRE_ANALYSES:
        names = [name for name in _RASTER_TABLES[analysis] if name in _CHANGING or not change_only]
        return [(level, name) for level in _LEVELS[feature_type] for name in names]
    found: list[tuple[str, str]] = []
    for level in _LEVELS[feature_type]:
        written = (WHITELIST, WEEKLY) if level in _SUMMED else (WHITELIST, DAILY, WEEKLY)
        found += [(level, name) for name in written if not (change_only and name == WHITELIST)]
    return found


def layers_of(level: str, table: str, catalog: Catalog) -> list[Layer]:
    """The layers that have columns in a table; a protected area's own category is in its id already."""
    return [
        layer
        for layer in catalog.contexts
        if not (level == "wdpa" and layer.name == WDPA_LAYER) and (layer.whitelist or table != WHITELIST)
    ]


def context_columns(layers: Sequence[Layer]) -> list[tuple[str, Layer]]:
    """The layers' columns in their order: former names last, but those of the protected areas beside the new one."""
    first = [layer for layer in layers if layer.name == WDPA_LAYER]
    others = [layer for layer in layers if layer.name != WDPA_LAYER]
    return [
        *((column, layer) for layer in first for column in layer.columns),
        *((layer.columns[0], layer) for layer in others),
        *((column, layer) for layer in others for column in layer.columns[1:]),
    ]


def table_columns(level: str, table: str, catalog: Catalog) -> tuple[str, ...]:
    """The columns of a table of fires in their order."""
    contexts = tuple(column for column, _ in context_columns(layers_of(level, table, catalog)))
    if table == WHITELIST:
        return ID_COLUMNS[level] + contexts
    return (*ID_COLUMNS[level], *_KEYS[table], *contexts, "alert__count")
