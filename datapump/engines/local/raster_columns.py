"""The columns of the tables that are made from rasters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.analyses import Analysis
from datapump.engines.local.catalog import WDPA_LAYER
from datapump.engines.local.columns import CHANGE, DAILY, SUMMARY, WEEKLY, WHITELIST, context_columns, layers_of
from datapump.engines.local.ids import ID_COLUMNS

if TYPE_CHECKING:
    from datapump.engines.local.catalog import Catalog, Layer

THRESHOLD = "umd_tree_cover_density_2000__threshold"
LOSS_YEAR = "umd_tree_cover_loss__year"

_SUMMARY = (
    "umd_tree_cover_extent_2000__ha",
    "umd_tree_cover_extent_2010__ha",
    "area__ha",
    "umd_tree_cover_gain__ha",
    "whrc_aboveground_biomass_stock_2000__Mg",
    "whrc_aboveground_co2_stock_2000__Mg",
    "umd_tree_cover_loss__ha",
    "whrc_aboveground_biomass_loss__Mg",
    "gfw_full_extent_aboveground_gross_removals__Mg_CO2",
    "gfw_full_extent_belowground_gross_removals__Mg_CO2",
    "gfw_full_extent_gross_removals__Mg_CO2",
    "gfw_full_extent_net_flux__Mg_CO2e",
    "gfw_full_extent_gross_emissions_CO2_only__Mg_CO2",
    "gfw_full_extent_gross_emissions_non_CO2__Mg_CO2e",
    "gfw_full_extent_gross_emissions__Mg_CO2e",
    "gfw_soil_carbon_stocks_2000__Mg_C",
    "umd_tree_cover_loss_from_fires__ha",
)
_FORMER = (
    "gfw_gross_cumulative_aboveground_belowground_co2_removals__Mg",
    "gfw_net_flux_co2e__Mg",
    "gfw_gross_emissions_co2e_all_gases__Mg",
)
_STOCKS = ("gfw_aboveground_carbon_stocks_2000__Mg_C", "gfw_belowground_carbon_stocks_2000__Mg_C")
_CHANGE = (
    "umd_tree_cover_loss__ha",
    "whrc_aboveground_biomass_loss__Mg",
    "whrc_aboveground_co2_emissions__Mg",
    "gfw_full_extent_gross_emissions_CO2_only__Mg_CO2",
    "gfw_full_extent_gross_emissions_non_CO2__Mg_CO2e",
    "gfw_full_extent_gross_emissions__Mg_CO2e",
    "gfw_gross_emissions_co2e_all_gases__Mg",
    "umd_tree_cover_loss_from_fires__ha",
)
_ABOVE = ("adm1", "iso")
_PRIMARY, _SITES, _PLANTED = (
    "is__umd_regional_primary_forest_2001",
    "is__birdlife_alliance_for_zero_extinction_sites",
    "gfw_planted_forests__type",
)
_SBTN = "sbtn_natural_forests__class"
# The whitelist begins with these three, the other tables with the second, third and first.
_TCL_WHITELIST_FIRST = (_PRIMARY, _SITES, _PLANTED)

_ALERTS = ("alert__count", "alert_area__ha", "whrc_aboveground_co2_emissions__Mg")
_GLAD_KEYS = ("umd_glad_landsat_alerts__date", "is__confirmed_alert", "umd_glad_landsat_alerts__confidence")
INTEGRATED_SYSTEMS = ("umd_glad_sentinel2_alerts", "wur_radd_alerts", "gfw_integrated_alerts")
_INTEGRATED_KEYS = tuple(f"{name}__{part}" for part in ("date", "confidence") for name in INTEGRATED_SYSTEMS)

Contexts = list[tuple[str, "Layer"]]


def contexts(analysis: Analysis, level: str, table: str, catalog: Catalog) -> Contexts:
    """The columns of a table that hold contexts, in their order, and whose they are."""
    if analysis is Analysis.BURNED_AREAS:
        return context_columns(layers_of(level, table, catalog))
    layers = [layer for layer in catalog.contexts if layer.kind != "bins"]
    if level == "wdpa":
        # A protected area's own category is in its id already.
        layers = [layer for layer in layers if layer.name != WDPA_LAYER]
    if analysis is Analysis.TCL:
        return _tcl_contexts([(column, layer) for layer in layers for column in layer.columns], table)
    columns = context_columns(layers)
    if analysis is Analysis.GLAD and table == WHITELIST:
        last = [(column, layer) for column, layer in columns if column == _SBTN and level not in _ABOVE]
        columns = [(column, layer) for column, layer in columns if column != _SBTN] + last
    return columns


def columns(analysis: Analysis, level: str, table: str, catalog: Catalog) -> tuple[str, ...]:
    """The columns of a table in their order."""
    names = tuple(name for name, _ in contexts(analysis, level, table, catalog))
    before, after = keys(analysis, table), measures(analysis, level, table)
    if analysis is Analysis.INTEGRATED_ALERTS and level != "wdpa":
        # The category of protected areas stands before the dates, all other contexts behind them.
        return (*ID_COLUMNS[level], names[0], *before, *names[1:], *after)
    return (*ID_COLUMNS[level], *before, *names, *after)


def keys(analysis: Analysis, table: str) -> tuple[str, ...]:
    """The columns between ids and contexts."""
    if analysis is Analysis.TCL:
        return {SUMMARY: (THRESHOLD,), CHANGE: (LOSS_YEAR, THRESHOLD), WHITELIST: ()}[table]
    if analysis is Analysis.BURNED_AREAS:
        return {DAILY: ("alert__date",), WEEKLY: ("alert__year", "alert__week"), WHITELIST: ()}[table]
    if table != DAILY:
        return ()
    return _GLAD_KEYS if analysis is Analysis.GLAD else _INTEGRATED_KEYS


def measures(analysis: Analysis, level: str, table: str) -> tuple[str, ...]:
    """The columns behind the contexts."""
    if table == WHITELIST:
        return ()
    if analysis is Analysis.TCL:
        if table == CHANGE:
            return _CHANGE
        return _SUMMARY + (_STOCKS + _FORMER if level in _ABOVE else _FORMER + _STOCKS)
    if analysis is Analysis.BURNED_AREAS:
        return ("burned_area__ha",)
    return _ALERTS if table == DAILY else _ALERTS[1:2]


def _tcl_contexts(found: Contexts, table: str) -> Contexts:
    if table != WHITELIST:
        return found
    by_name = dict(found)
    first = [(name, by_name[name]) for name in _TCL_WHITELIST_FIRST]
    return first + [(name, layer) for name, layer in found if name not in _TCL_WHITELIST_FIRST]
