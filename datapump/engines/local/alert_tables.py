"""The tables of alerts."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from datapump.engines.local.columns import SUMMARY
from datapump.engines.local.decoding import HIGH, LOW
from datapump.engines.local.doubles import rounded
from datapump.engines.local.glad import BIOMASS
from datapump.engines.local.integrated import CONFIDENCES, ROW_INTEGRATED
from datapump.engines.local.raster_tables import enumerated, integers, measure
from datapump.engines.local.sums import summed
from datapump.engines.local.tables import Doubles, Part, when_part

if TYPE_CHECKING:
    from datapump.engines.local.grouping import FloatArray, IntArray
    from datapump.engines.local.raster_tables import RasterSources, Rows
    from datapump.engines.local.tables import Table

_FIRST_DAY = date(2014, 12, 31).toordinal()
_DAYS = HIGH - LOW
_PLACES = 4


def glad(sources: RasterSources, rows: Rows) -> Table:
    """Make a table of Landsat alerts.

    Args:
        sources: Sums of `glad.LandsatAlerts`.
        rows: How its rows are told apart.
    """
    feature, context, alert = sources.sums.keys
    feature, context = rows.places(feature, context)
    kept = alert == 0 if rows.name == SUMMARY else alert > 0
    sums = summed([key[kept] for key in (feature, alert, context)], sources.sums.values[kept])
    feature, alert, context = sums.keys
    ids, contexts = rows.identity(feature), rows.contextual(context)
    if rows.name == SUMMARY:
        return rows.table(sources, [ids, contexts, Doubles(sums.values[:, 1])], len(sums))
    words = (("false", "true"), CONFIDENCES[:2])
    when = [_dates(alert % _DAYS), *(enumerated(pair, alert >= HIGH) for pair in words)]
    parts = [ids, *when, contexts, *_alerts(sources, sums.values)]
    return rows.table(sources, parts, len(sums), _count(sums.values))


def integrated(sources: RasterSources, rows: Rows) -> Table:
    """Make a table of integrated alerts: a row of a system has that system's date and confidence alone.

    Args:
        sources: Sums of `integrated.IntegratedAlerts`.
        rows: How its rows are told apart.
    """
    feature, context, *alert = sources.sums.keys
    feature, context = rows.places(feature, context)
    sums = summed([feature, *alert, context], sources.sums.values)
    feature, system, day, confidence, context = sums.keys
    systems = range(ROW_INTEGRATED + 1)
    dates = [_only(system == number, _dates(day)) for number in systems]
    words = enumerated(CONFIDENCES, confidence)
    confidences = [_only(system == number, words) for number in systems]
    values = sums.values.copy()
    values[:, 1:] = np.stack([rounded(sums.values[:, at], _PLACES) for at in (1, 2)], axis=1)
    if rows.level == "wdpa":
        before, behind = [], [rows.contextual(context)]
    else:
        texts = [text.split("\t", 1) for text in rows.texts.to_pylist()]
        before, behind = ([enumerated([text[at] for text in texts], context)] for at in range(2))
    parts = [rows.identity(feature), *before, *dates, *confidences, *behind, *_alerts(sources, values)]
    return rows.table(sources, parts, len(sums), _count(sums.values))


def burned(sources: RasterSources, rows: Rows) -> Table:
    """Make a table of burned areas.

    Args:
        sources: Sums of `burned.BurnedAreas`.
        rows: How its rows are told apart.
    """
    feature, context, day = sources.sums.keys
    feature, context = rows.places(feature, context)
    when = when_part(rows.name, day)
    sums = summed([feature, when.index, context], sources.sums.values)
    feature, number, context = sums.keys
    parts = [rows.identity(feature), Part(when.texts, number), rows.contextual(context)]
    return rows.table(sources, [*parts, Doubles(sums.values[:, 0])], len(sums))


def _alerts(sources: RasterSources, values: FloatArray) -> list[Part | Doubles]:
    co2 = measure(values[:, 2], sources, [BIOMASS])
    return [integers(values[:, 0].astype(np.int64)), Doubles(values[:, 1]), co2]


def _count(values: FloatArray) -> int:
    return int(values[:, 0].sum())


def _dates(day: IntArray) -> Part:
    distinct, index = np.unique(day, return_inverse=True)
    return enumerated([date.fromordinal(int(value) + _FIRST_DAY).isoformat() for value in distinct], index)


def _only(there: Any, part: Part) -> Part:  # noqa: ANN401 - an array of flags
    """A part's texts where a flag is set, else an empty field."""
    return enumerated(["", *part.texts.to_pylist()], np.where(there, part.index + 1, 0))
