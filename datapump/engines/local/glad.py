"""Landsat alerts, `glad`: alerts by date, confidence and contexts, and the area of all pixels by contexts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from datapump.engines.local import decoding
from datapump.engines.local.codes import Codes
from datapump.engines.local.decoding import ContextCodes
from datapump.engines.local.picks import picked
from datapump.engines.local.sums import Sums, by_code, finite, summed, together

if TYPE_CHECKING:
    from datapump.engines.local.blocks import Block
    from datapump.engines.local.catalog import Catalog
    from datapump.engines.local.grouping import FloatArray
    from datapump.engines.local.picks import Picks
    from datapump.engines.local.rasters import Rasters
    from datapump.engines.local.spans import Spans

ALERTS = "umd_glad_landsat_alerts"
BIOMASS = "whrc_aboveground_biomass_density_2000"


class LandsatAlerts:
    """Sums of one window after the other: keys feature, context, alert; amounts count, area, CO2.

    Alert 0 stands for all pixels, with or without an alert.

    Args:
        catalog: The analysis's layers.
        change_only: Leave those out.
    """

    keys, amounts = 3, 3

    def __init__(self, catalog: Catalog, *, change_only: bool) -> None:
        self._catalog = catalog
        self._change_only = change_only
        self.ahead = (catalog.layer(ALERTS),)
        self.contexts = ContextCodes([layer for layer in catalog.contexts if layer.uri is not None])

    def window(self, rasters: Rasters, spans: Spans, areas: FloatArray) -> Sums:
        """The sums of a window's pixels."""
        alerts = decoding.alerts(self._catalog.layer(ALERTS), rasters)
        if alerts is None and self._change_only:
            return _nothing()
        parts = [] if self._change_only else self._everywhere(rasters, spans, areas)
        if alerts is not None:
            picks = picked(spans, alerts > 0, areas)
            context = self.contexts.at(picks.pixel, rasters)
            amounts = alert_amounts(picks, rasters, self._catalog)
            parts.append(summed([picks.polygon, context, picks.of(alerts).astype(np.int64)], amounts))
        return together(parts)

    def _everywhere(self, rasters: Rasters, spans: Spans, areas: FloatArray) -> list[Sums]:
        def coded(block: Block) -> Codes:
            codes = Codes(block.shape)
            self.contexts.add_to(codes, block, rasters)
            return codes

        parts = []
        for sums, codes in by_code(spans, rasters.shape, coded, areas, ()):
            feature, code = sums.keys
            context = self.contexts.packed(codes.columns(code), len(code))
            keys = [feature, context, np.zeros(len(code), dtype=np.int64)]
            parts.append(Sums(keys, np.pad(sums.values, ((0, 0), (1, 1)))))
        return parts


def alert_amounts(picks: Picks, rasters: Rasters, catalog: Catalog) -> FloatArray:
    """Count, hectares and tonnes of CO2 of each pixel, shape (n, 3).

    Raises:
        DataError: There is biomass below 0.
    """
    layer = catalog.layer(BIOMASS)
    biomass = finite(picks.of(rasters.pixels(layer))).astype(np.float64)
    decoding.check_amounts(biomass, layer, rasters)
    return np.stack([np.ones(len(picks)), picks.area, biomass * picks.area * 0.5 * 44 / 12], axis=1)


def _nothing() -> Sums:
    none = np.zeros(0, dtype=np.int64)
    return Sums([none, none, none], np.zeros((0, 3)))
