"""Tree cover loss, `tcl`: amounts by year of loss, canopy density and contexts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from datapump.engines.local import decoding
from datapump.engines.local.codes import Codes
from datapump.engines.local.decoding import ContextCodes
from datapump.engines.local.sums import Amount, Sums, by_code, summed, together

if TYPE_CHECKING:
    from datapump.engines.local.blocks import Block
    from datapump.engines.local.catalog import Catalog, Layer
    from datapump.engines.local.grouping import BoolArray, FloatArray, IntArray
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
_STOCKS = slice(_AT["biomass"], _AT["below"] + 1)
_FLUXES = slice(_AT["removals_above"], _AT["emissions"] + 1)


class TreeCoverLoss:
    """Sums of one window after the other.

    Args:
        catalog: The analysis's layers.
    """

    keys, amounts = KEYS, len(AMOUNTS)

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.contexts = ContextCodes(context_layers(catalog))

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
        parts = by_code(spans, rasters.shape, coded, areas, amounts)
        return together([self._rows(sums, codes) for sums, codes in parts])

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

    def _rows(self, sums: Sums, codes: Codes) -> Sums:
        """Sums by code as rows by year and bin, each amount in the bin from which it counts upwards."""
        feature, code = sums.keys
        columns = codes.columns(code)
        bin_2000, bin_2010, year, gain, mangrove, plantation = columns[-6:]
        context = self.contexts.packed(columns[:-6], len(code))
        area = sums.values[:, 0]
        cover, later, flux = (np.zeros((len(code), len(AMOUNTS))) for _ in range(3))
        cover[:, _AT["area"]] = area
        cover[:, _AT["gain"]] = area * gain
        cover[:, _STOCKS] = sums.values[:, 1:6]
        later[:, _AT["extent_2010"]] = area
        flux[:, _FLUXES] = sums.values[:, 6:]
        counted, all_ = plantation == 0, np.ones(len(code), dtype=bool)
        always = (gain > 0) | (mangrove > 0)
        parts = (
            (bin_2000, cover, all_),
            (bin_2010, later, all_),
            (np.where(always, _TOP, bin_2000), flux, counted),
        )
        return _stacked([feature, context, year], parts)


def context_layers(catalog: Catalog) -> list[Layer]:
    """The configured layers that rows are told apart by."""
    return [layer for layer in catalog.contexts if layer.kind != "bins" and layer.uri is not None]


def _single(values: Pixels | None) -> Pixels | None:
    return None if values is None else values.astype(np.float32, copy=False)


def _stacked(keys: list[IntArray], parts: tuple[tuple[IntArray, FloatArray, BoolArray], ...]) -> Sums:
    columns = [np.concatenate([key[which] for _, _, which in parts]) for key in keys]
    bins = np.concatenate([bin_[which] for bin_, _, which in parts])
    return summed([*columns, bins], np.concatenate([values[which] for _, values, which in parts]))
