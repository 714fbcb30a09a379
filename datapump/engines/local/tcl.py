"""Tree cover loss, `tcl`: amounts by year of loss, canopy density and contexts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from datapump.engines.local import decoding
from datapump.engines.local.codes import Codes
from datapump.engines.local.decoding import ContextCodes
from datapump.engines.local.grouping import packed
from datapump.engines.local.sums import Amount, Sums, by_code

if TYPE_CHECKING:
    from datapump.engines.local.blocks import Block
    from datapump.engines.local.catalog import Catalog, Layer
    from datapump.engines.local.grouping import FloatArray, IntArray
    from datapump.engines.local.rasters import Pixels, Rasters
    from datapump.engines.local.spans import Spans

LOSS = "umd_tree_cover_loss"
DENSITY = "umd_tree_cover_density_2000"
DENSITY_2010 = "umd_tree_cover_density_2010"
GAIN = "umd_tree_cover_gain"
MANGROVES = "jpl_mangrove_aboveground_biomass_stock_2000"
PLANTATIONS = "gfw_pre_2000_plantations"
BIOMASS = "whrc_aboveground_biomass_density_2000"
FIRES = "umd_tree_cover_loss_from_fires"
SOIL = "gfw_soil_carbon_stock_2000"
ABOVE = "gfw_aboveground_carbon_stock_2000"
BELOW = "gfw_belowground_carbon_stock_2000"
_FLUX = "gfw_forest_flux_full_extent_"
REMOVALS = (f"{_FLUX}gross_removals_aboveground", f"{_FLUX}gross_removals_belowground")
NET = f"{_FLUX}net_flux"
EMISSIONS = (f"{_FLUX}gross_emissions_co2_only_biomass_soil", f"{_FLUX}gross_emissions_non_co2_biomass_soil")
# Masks decide which pixels these count: without one of them, or one of these, none is right.
FLUX_SET = (*REMOVALS, NET, *EMISSIONS, GAIN, MANGROVES, PLANTATIONS)

# What is summed, beside the keys feature, context, year (0: no loss) and bin.
AMOUNTS = (
    *("area", "gain", "extent_2010", "biomass", "fires", "soil", "above", "below"),
    *("removals_above", "removals_below", "net", "co2", "non_co2", "emissions"),
)
KEYS = 4
BINS = 8
_TOP = BINS - 1
_AT = {name: number for number, name in enumerate(AMOUNTS)}
_STOCKS = range(_AT["biomass"], _AT["below"] + 1)
_FLUXES = range(_AT["removals_above"], _AT["emissions"] + 1)
# By their place behind the area among the amounts of a window.
_NEVER_NEGATIVE = {1: BIOMASS, 3: SOIL, 4: ABOVE, 5: BELOW}


class TreeCoverLoss:
    """Sums of one window after the other.

    Args:
        catalog: The analysis's layers.
    """

    keys, amounts = KEYS, len(AMOUNTS)

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.contexts = ContextCodes(context_layers(catalog))
        self.ahead = tuple(layer for layer in catalog.layers if layer.uri is not None)

    def window(self, rasters: Rasters, spans: Spans, areas: FloatArray) -> Sums:
        """The sums of a window's pixels."""
        years = decoding.years(self._catalog.layer(LOSS), rasters)
        masks = [decoding.mask(self._catalog.layer(name), rasters) for name in (GAIN, MANGROVES, PLANTATIONS)]

        def coded(block: Block) -> Codes:
            codes = Codes(block.shape)
            self.contexts.add_to(codes, block, rasters)
            for name in (DENSITY, DENSITY_2010):
                layer = self._catalog.layer(name)
                codes.add(decoding.categories(layer, block.of(rasters.pixels(layer))))
            codes.add(block.of(years))
            for values in masks:
                codes.add(decoding.flags(block.of(values)))
            return codes

        amounts = self._amounts(rasters, years)
        parts = [self._decoded(*part) for part in by_code(spans, rasters.shape, coded, areas, amounts)]
        keys = [np.concatenate(columns) for columns in zip(*(keys for keys, _ in parts), strict=True)]
        values = np.concatenate([values for _, values in parts])
        for at, name in _NEVER_NEGATIVE.items():
            decoding.check_amounts(values[:, at], self._catalog.layer(name), rasters)
        return _rows(keys, values)

    def _amounts(self, rasters: Rasters, years: Pixels | None) -> list[Amount]:
        """Biomass, fires, stocks and fluxes, per hectare; fires and emissions count where there is loss."""
        layer = self._catalog.layer
        stocks = [_single(rasters.pixels(layer(name))) for name in (SOIL, ABOVE, BELOW)]
        fluxes = [_single(rasters.pixels(layer(name))) for name in (*REMOVALS, NET)]
        everywhere = [Amount(values) for values in (rasters.pixels(layer(BIOMASS)), *stocks, *fluxes)]
        if years is None:
            return [everywhere[0], Amount(None), *everywhere[1:], *[Amount(None)] * 3]
        fires = decoding.flags(rasters.pixels(layer(FIRES)))
        co2, non_co2 = (_single(rasters.pixels(layer(name))) for name in EMISSIONS)
        lost = [Amount(values, within=years) for values in (fires, co2, non_co2)]
        # As published: the two gases are added in single precision.
        both = Amount(co2, years, non_co2) if co2 is not None else Amount(non_co2, years)
        return [everywhere[0], lost[0], *everywhere[1:], *lost[1:], both]

    def _decoded(self, sums: Sums, codes: Codes) -> tuple[list[IntArray], FloatArray]:
        """Sums by code with what the codes stand for: feature, context, bins 2000 and 2010, year and the masks."""
        feature, code = sums.keys
        columns = codes.columns(code)
        return [feature, self.contexts.packed(columns[:-6], len(code)), *columns[-6:]], sums.values


def context_layers(catalog: Catalog) -> list[Layer]:
    """The configured layers that rows are told apart by."""
    return [layer for layer in catalog.contexts if layer.kind != "bins" and layer.uri is not None]


def _single(values: Pixels | None) -> Pixels | None:
    return None if values is None else values.astype(np.float32, copy=False)


def _rows(keys: list[IntArray], values: FloatArray) -> Sums:
    """Decoded sums as rows by feature, context, year and bin, each amount in the bin from which it counts upwards."""
    *group, bin_2000, bin_2010, year, gain, mangrove, plantation = keys
    counted = plantation == 0
    bin_flux = np.where((gain > 0) | (mangrove > 0), _TOP, bin_2000)
    columns = [np.concatenate([key, key, key[counted]]) for key in (*group, year)]
    columns.append(np.concatenate([bin_2000, bin_2010, bin_flux[counted]]))
    _, first, place = np.unique(packed(columns), return_index=True, return_inverse=True)
    cover, later, flux = np.split(place, [len(year), 2 * len(year)])
    area = values[:, 0]
    amounts = {_AT["area"]: (cover, area), _AT["gain"]: (cover, area * gain), _AT["extent_2010"]: (later, area)}
    amounts |= {at: (cover, values[:, number]) for number, at in enumerate(_STOCKS, 1)}
    amounts |= {at: (flux, values[counted, number]) for number, at in enumerate(_FLUXES, 1 + len(_STOCKS))}
    total = np.zeros((len(first), len(AMOUNTS)))
    for at, (row, amount) in amounts.items():
        total[:, at] = np.bincount(row, amount, len(first))
    return Sums([column[first] for column in columns], total)
