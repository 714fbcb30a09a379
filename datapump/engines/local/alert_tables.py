"""The tables of alerts."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from datapump.engines.local.columns import SUMMARY, WHITELIST
from datapump.engines.local.decoding import HIGH, LOW
from datapump.engines.local.doubles import rounded
from datapump.engines.local.glad import BIOMASS
from datapump.engines.local.integrated import CONFIDENCES, ROW_INTEGRATED
from datapump.engines.local.raster_tables import empty, integers, rows_of, whitelist
from datapump.engines.local.sums import summed
from datapump.engines.local.tables import Doubles, Part, id_texts, when_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.engines.local.grouping import FloatArray, IntArray
    from datapump.engines.local.raster_tables import RasterSources
    from datapump.engines.local.tables import Table

_FIRST_DAY = date(2014, 12, 31).toordinal()
_DAYS = HIGH - LOW
_PLACES = 4


def build_glad(sources: RasterSources, level: str, name: str) -> Table:
    """Make a table of Landsat alerts.

    Args:
        sources: Sums of `glad.LandsatAlerts`.
        level: Its level.
        name: Its name.
    """
    if name == WHITELIST:
        return whitelist(sources, level)
    rows = rows_of(sources, level, name)
    feature, context, alert = sources.sums.keys
    kept = alert == 0 if name == SUMMARY else alert > 0
    keys = [rows.feature[feature[kept]], alert[kept], rows.context(context[kept])]
    sums = summed(keys, sources.sums.values[kept])
    feature, alert, context = sums.keys
    ids, contexts = Part(id_texts(rows.ids), feature), Part(rows.texts, context)
    if name == SUMMARY:
        return rows.table(sources, [ids, contexts, Doubles(sums.values[:, 1])], len(sums))
    when = [_dates(alert % _DAYS), _flags(alert >= HIGH, "false", "true"), _flags(alert >= HIGH, "nominal", "high")]
    parts = [ids, *when, contexts, *_alerts(sources, sums.values)]
    return rows.table(sources, parts, len(sums), _count(sums.values))


def build_integrated(sources: RasterSources, level: str, name: str) -> Table:
    """Make a table of integrated alerts: a row of a system has that system's date and confidence alone.

    Args:
        sources: Sums of `integrated.IntegratedAlerts`.
        level: Its level.
        name: Its name.
    """
    rows = rows_of(sources, level, name)
    feature, context, *alert = sources.sums.keys
    sums = summed([rows.feature[feature], *alert, rows.context(context)], sources.sums.values)
    feature, system, day, confidence, context = sums.keys
    systems = range(ROW_INTEGRATED + 1)
    dates = [_only(system == number, _dates(day)) for number in systems]
    words = Part(pa.array(CONFIDENCES, pa.string()), confidence)
    confidences = [_only(system == number, words) for number in systems]
    values = sums.values.copy()
    values[:, 1:] = np.stack([rounded(sums.values[:, at], _PLACES) for at in (1, 2)], axis=1)
    texts = [text.split("\t", 1) for text in rows.texts.to_pylist()]
    contexts = [Part(pa.array([text[at] for text in texts], pa.string()), context) for at in range(2)]
    if level == "wdpa":
        before, behind = [], [Part(rows.texts, context)]
    else:
        before, behind = contexts[:1], contexts[1:]
    parts = [Part(id_texts(rows.ids), feature), *before, *dates, *confidences, *behind, *_alerts(sources, values)]
    return rows.table(sources, parts, len(sums), _count(sums.values))


def build_burned(sources: RasterSources, level: str, name: str) -> Table:
    """Make a table of burned areas.

    Args:
        sources: Sums of `burned.BurnedAreas`.
        level: Its level.
        name: Its name.
    """
    if name == WHITELIST:
        return whitelist(sources, level)
    rows = rows_of(sources, level, name)
    feature, context, day = sources.sums.keys
    when = when_part(name, day)
    sums = summed([rows.feature[feature], when.index, rows.context(context)], sources.sums.values)
    feature, number, context = sums.keys
    parts = [Part(id_texts(rows.ids), feature), Part(when.texts, number), Part(rows.texts, context)]
    return rows.table(sources, [*parts, Doubles(sums.values[:, 0])], len(sums))


def _alerts(sources: RasterSources, values: FloatArray) -> list[Part | Doubles]:
    known = sources.catalog.layer(BIOMASS).uri is not None
    co2 = Doubles(values[:, 2]) if known else empty(len(values))
    return [integers(values[:, 0].astype(np.int64)), Doubles(values[:, 1]), co2]


def _count(values: FloatArray) -> int:
    return int(values[:, 0].sum())


def _dates(day: IntArray) -> Part:
    distinct, index = np.unique(day, return_inverse=True)
    return Part(
        pa.array([date.fromordinal(int(value) + _FIRST_DAY).isoformat() for value in distinct], pa.string()), index
    )


def _flags(flag: Any, no: str, yes: str) -> Part:  # noqa: ANN401 - an array of flags
    return Part(pa.array([no, yes], pa.string()), flag.astype(np.int64))


def _only(there: Any, part: Part) -> Part:  # noqa: ANN401 - an array of flags
    """A part's texts where a flag is set, else an empty field."""
    texts: Sequence[str] = ["", *part.texts.to_pylist()]
    return Part(pa.array(texts, pa.string()), np.where(there, part.index + 1, 0))
