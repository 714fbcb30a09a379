"""The tables of tree cover loss: cumulative thresholds made from sums by canopy bin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from datapump.analyses import Analysis
from datapump.engines.local import tcl
from datapump.engines.local.columns import CHANGE, SUMMARY
from datapump.engines.local.decoding import category_texts
from datapump.engines.local.ids import ID_COLUMNS
from datapump.engines.local.raster_columns import measures
from datapump.engines.local.raster_tables import configured, enumerated, integers, measure
from datapump.engines.local.sums import Sums, Total, summed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datapump.engines.local.grouping import BoolArray, FloatArray
    from datapump.engines.local.raster_tables import RasterSources, Rows
    from datapump.engines.local.tables import Doubles, Part, Table

_CO2_PER_BIOMASS = 0.47 * 44 / 12
_GROUPS = 20_000
_FIRST_YEAR = 2000
_THRESHOLDS = tcl.BINS - 1
_SOURCE = {name: at for at, name in enumerate(tcl.AMOUNTS)}

# Amounts of a row, by name: their sum is the table's. Added from the threshold's bin upwards, or from all bins.
_UPWARDS = (
    *("extent_2010", "biomass", "soil", "above", "below", "fires"),
    *("removals_above", "removals_below", "net", "co2", "non_co2", "emissions"),
)
_ALWAYS = ("area", "gain")
_AMOUNTS = ("extent_2000", "loss", "biomass_loss", *_ALWAYS, *_UPWARDS)
_AT = {name: at for at, name in enumerate(_AMOUNTS)}

# Of each column: the amounts that it is the sum of, a factor, and the layers without which it is null.
_COLUMNS: dict[str, tuple[tuple[str, ...], float, tuple[str, ...]]] = {
    "umd_tree_cover_extent_2000__ha": (("extent_2000",), 1, ()),
    "umd_tree_cover_extent_2010__ha": (("extent_2010",), 1, (tcl.DENSITY_2010,)),
    "area__ha": (("area",), 1, ()),
    "umd_tree_cover_gain__ha": (("gain",), 1, (tcl.GAIN,)),
    "whrc_aboveground_biomass_stock_2000__Mg": (("biomass",), 1, (tcl.BIOMASS,)),
    "whrc_aboveground_co2_stock_2000__Mg": (("biomass",), _CO2_PER_BIOMASS, (tcl.BIOMASS,)),
    "umd_tree_cover_loss__ha": (("loss",), 1, ()),
    "whrc_aboveground_biomass_loss__Mg": (("biomass_loss",), 1, (tcl.BIOMASS,)),
    "whrc_aboveground_co2_emissions__Mg": (("biomass_loss",), _CO2_PER_BIOMASS, (tcl.BIOMASS,)),
    "gfw_full_extent_aboveground_gross_removals__Mg_CO2": (("removals_above",), 1, tcl.FLUX_SET),
    "gfw_full_extent_belowground_gross_removals__Mg_CO2": (("removals_below",), 1, tcl.FLUX_SET),
    "gfw_full_extent_gross_removals__Mg_CO2": (("removals_above", "removals_below"), 1, tcl.FLUX_SET),
    "gfw_full_extent_net_flux__Mg_CO2e": (("net",), 1, tcl.FLUX_SET),
    "gfw_full_extent_gross_emissions_CO2_only__Mg_CO2": (("co2",), 1, tcl.FLUX_SET),
    "gfw_full_extent_gross_emissions_non_CO2__Mg_CO2e": (("non_co2",), 1, tcl.FLUX_SET),
    "gfw_full_extent_gross_emissions__Mg_CO2e": (("emissions",), 1, tcl.FLUX_SET),
    "gfw_soil_carbon_stocks_2000__Mg_C": (("soil",), 1, (tcl.SOIL,)),
    "umd_tree_cover_loss_from_fires__ha": (("fires",), 1, (tcl.FIRES,)),
    "gfw_aboveground_carbon_stocks_2000__Mg_C": (("above",), 1, (tcl.ABOVE,)),
    "gfw_belowground_carbon_stocks_2000__Mg_C": (("below",), 1, (tcl.BELOW,)),
}
_FORMER = {
    "gfw_gross_cumulative_aboveground_belowground_co2_removals__Mg": "gfw_full_extent_gross_removals__Mg_CO2",
    "gfw_net_flux_co2e__Mg": "gfw_full_extent_net_flux__Mg_CO2e",
    "gfw_gross_emissions_co2e_all_gases__Mg": "gfw_full_extent_gross_emissions__Mg_CO2e",
}


def loss(sources: RasterSources, rows: Rows) -> Table:
    """Make a table.

    Args:
        sources: Sums of `tcl.TreeCoverLoss`.
        rows: How its rows are told apart.
    """
    name = rows.name
    emissions_too = configured(sources.catalog, tcl.FLUX_SET) and "iso" in ID_COLUMNS[rows.level]
    total = Total(3 if name == SUMMARY else 4, len(_AMOUNTS))
    for chunk in _by_threshold(_without_years(sources.sums) if name == SUMMARY else _lost(sources.sums)):
        feature, context, year, threshold = chunk.keys
        feature, context = rows.places(feature, context)
        if name == SUMMARY:
            total.add(summed([feature, context, threshold], chunk.values))
        else:
            kept = _changed(chunk, emissions_too=emissions_too)
            keys = [key[kept] for key in (feature, context, year, threshold)]
            total.add(summed(keys, chunk.values[kept]))
    return _table(sources, rows, total.sums())


def _without_years(sums: Sums) -> Sums:
    """Rows with 1 in place of a year of loss: a summary does not tell years apart."""
    feature, context, year, bin_ = sums.keys
    return summed([feature, context, np.minimum(year, 1), bin_], sums.values)


def _lost(sums: Sums) -> Sums:
    """The rows that have a year of loss."""
    there = sums.keys[2] > 0
    return Sums([key[there] for key in sums.keys], sums.values[there])


def _changed(rows: Sums, *, emissions_too: bool) -> BoolArray:
    """Of GADM, a row with emissions is a change even where no canopy is lost above the threshold."""
    amount = rows.values[:, _AT["loss"]] > 0
    if emissions_too:
        amount |= rows.values[:, _AT["emissions"]] > 0
    return np.asarray(amount, dtype=bool)


def _by_threshold(sums: Sums) -> Iterator[Sums]:
    """Rows by canopy bin as rows by threshold, all thresholds for each feature, context and year."""
    group, bins = sums.keys[:3], sums.keys[3]
    new = np.any([np.diff(key, prepend=-1) != 0 for key in group], axis=0)
    starts = np.flatnonzero(new)
    number = np.cumsum(new) - 1
    for first in range(0, len(starts), _GROUPS):
        begin = starts[first]
        end = starts[first + _GROUPS] if first + _GROUPS < len(starts) else len(sums)
        count = int(number[end - 1]) - first + 1
        dense = np.zeros((count, tcl.BINS, len(tcl.AMOUNTS)))
        dense[number[begin:end] - first, bins[begin:end]] = sums.values[begin:end]
        keys = [np.repeat(key[starts[first : first + _GROUPS]], _THRESHOLDS) for key in group]
        lost = keys[2].reshape(count, _THRESHOLDS) > 0
        threshold = np.tile(np.arange(1, tcl.BINS), count)
        yield Sums([*keys, threshold], _cumulated(dense, lost).reshape(-1, len(_AMOUNTS)))


def _cumulated(dense: FloatArray, lost: BoolArray) -> FloatArray:
    """Amounts by bin, shape (n, bins, amounts), as amounts by threshold, shape (n, thresholds, amounts)."""
    upwards = dense[:, ::-1].cumsum(axis=1)[:, ::-1]
    result = np.zeros((len(dense), _THRESHOLDS, len(_AMOUNTS)))
    for name in _UPWARDS:
        result[:, :, _AT[name]] = upwards[:, 1:, _SOURCE[name]]
    for name in _ALWAYS:
        result[:, :, _AT[name]] = upwards[:, :1, _SOURCE[name]]
    result[:, :, _AT["extent_2000"]] = upwards[:, 1:, _SOURCE["area"]]
    result[:, :, _AT["loss"]] = upwards[:, 1:, _SOURCE["area"]] * lost
    result[:, :, _AT["biomass_loss"]] = upwards[:, 1:, _SOURCE["biomass"]] * lost
    return result


def _table(sources: RasterSources, rows: Rows, sums: Sums) -> Table:
    feature, context, *when = sums.keys
    parts: list[Part | Doubles] = [rows.identity(feature)]
    if rows.name == CHANGE:
        parts.append(integers(when[0] + _FIRST_YEAR))
    thresholds = category_texts(sources.catalog.layer(tcl.DENSITY))
    parts += [enumerated(thresholds, when[-1]), rows.contextual(context)]
    written: dict[str, Part | Doubles] = {}
    for column in measures(Analysis.TCL, rows.level, rows.name):
        source = _FORMER.get(column, column)
        if source not in written:
            names, factor, layers = _COLUMNS[source]
            values = np.sum([sums.values[:, _AT[name]] for name in names], axis=0) * factor
            written[source] = measure(values, sources, layers)
        parts.append(written[source])
    return rows.table(sources, parts, len(sums))
