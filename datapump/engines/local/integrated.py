"""Integrated alerts: those of three systems and of disturbances, merged pixel by pixel, of the last two years."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from datapump.engines.local import decoding
from datapump.engines.local.decoding import HIGH, LOW, ContextCodes
from datapump.engines.local.glad import alert_amounts
from datapump.engines.local.picks import picked
from datapump.engines.local.sums import Sums, summed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datapump.engines.local.catalog import Catalog
    from datapump.engines.local.grouping import FloatArray, IntArray
    from datapump.engines.local.rasters import Pixels, Rasters
    from datapump.engines.local.spans import Spans

GLAD_L, GLAD_S2, RADD, DIST = (
    "umd_glad_landsat_alerts",
    "umd_glad_sentinel2_alerts",
    "wur_radd_alerts",
    "umd_glad_dist_alerts",
)
# Which system a row tells of.
ROW_S2, ROW_RADD, ROW_INTEGRATED = range(3)
CONFIDENCES = ("nominal", "high", "highest")
_NOMINAL, _HIGH, _HIGHEST = range(3)
_FIRST_DAY = date(2014, 12, 31)
_YEARS = 2
_APART = 180
_NEVER = 1 << 30


@dataclass(frozen=True)
class Dated:
    """Alerts of pixels, both of shape (n,).

    Attributes:
        day: Days since 2014-12-31; very many where there is no alert.
        confidence: Index in `CONFIDENCES`.
    """

    day: IntArray
    confidence: IntArray

    @property
    def there(self) -> NDArray[np.bool_]:
        """Where there is an alert."""
        return self.day < _NEVER


class IntegratedAlerts:
    """Sums of one window after the other: keys feature, context, system, day, confidence; count, area, CO2.

    Args:
        catalog: The analysis's layers.
        as_of: The day of the run: alerts count from the day after the one two years before.
    """

    keys, amounts = 5, 3

    def __init__(self, catalog: Catalog, as_of: date) -> None:
        self._catalog = catalog
        self.ahead = tuple(catalog.layer(name) for name in (GLAD_L, GLAD_S2, RADD, DIST))
        self._last_left_out = (years_before(as_of, _YEARS) - _FIRST_DAY).days
        self.contexts = ContextCodes([layer for layer in catalog.contexts if layer.uri is not None])

    def window(self, rasters: Rasters, spans: Spans, areas: FloatArray) -> Sums:
        """The sums of a window's pixels."""
        alerts = [self._recent(name, rasters) for name in (GLAD_L, GLAD_S2, RADD, DIST)]
        some = np.zeros((rasters.window.height, rasters.window.width), dtype=bool)
        for values in alerts:
            if values is not None:
                some |= values > 0
        if not some.any():
            none = np.zeros(0, dtype=np.int64)
            return Sums([none] * self.keys, np.zeros((0, self.amounts)))
        picks = picked(spans, some, areas)
        context = self.contexts.at(picks.pixel, rasters)
        amounts = alert_amounts(picks, rasters, self._catalog)
        landsat, sentinel, radd, disturbance = (_dated(picks.of(values)) for values in alerts)
        integrated = with_disturbances(merged(landsat, sentinel, radd), disturbance)
        keys, values_of = [], []
        for system, found in ((ROW_INTEGRATED, integrated), (ROW_RADD, radd), (ROW_S2, sentinel)):
            there = np.flatnonzero(found.there)
            kind = np.full(len(there), system, dtype=np.int64)
            columns = (picks.polygon[there], context[there], kind, found.day[there], found.confidence[there])
            keys.append(columns)
            values_of.append(amounts[there])
        return summed([np.concatenate(column) for column in zip(*keys, strict=True)], np.concatenate(values_of))

    def _recent(self, name: str, rasters: Rasters) -> NDArray[np.int32] | None:
        alerts = decoding.alerts(self._catalog.layer(name), rasters)
        if alerts is not None:
            alerts[alerts % (HIGH - LOW) <= self._last_left_out] = 0
        return alerts


def years_before(day: date, years: int) -> date:
    """The same day some years before; 28 February where there is no 29th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def merged(*systems: Dated) -> Dated:
    """The earliest day of several systems, "highest" where two of them saw it."""
    count = np.sum([system.there for system in systems], axis=0)
    day = np.min([system.day for system in systems], axis=0)
    best = np.max([np.where(system.there, system.confidence, _NOMINAL) for system in systems], axis=0)
    return Dated(day, np.where(count > 1, _HIGHEST, best))


def with_disturbances(integrated: Dated, disturbance: Dated) -> Dated:
    """The later one where they are more than 180 days apart, else the earlier day and "highest"."""
    both = integrated.there & disturbance.there
    apart = integrated.day - disturbance.day
    alone = np.where(disturbance.there & (~integrated.there | (apart < -_APART)), 1, 0)
    day = np.where(alone, disturbance.day, integrated.day)
    confidence = np.where(alone, disturbance.confidence, integrated.confidence)
    same = both & (np.abs(apart) <= _APART)
    return Dated(np.where(same, np.minimum(integrated.day, disturbance.day), day), np.where(same, _HIGHEST, confidence))


def _dated(values: Pixels) -> Dated:
    alerts = values.astype(np.int64)
    day = np.where(alerts > 0, alerts % (HIGH - LOW), _NEVER)
    return Dated(day, np.where(alerts >= HIGH, _HIGH, _NOMINAL))
