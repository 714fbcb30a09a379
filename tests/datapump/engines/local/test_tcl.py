from __future__ import annotations

import random

import numpy as np
import pytest

from datapump.engines.local.catalog import load_catalog
from datapump.engines.local.tcl import FLUX_SET
from tests.datapump.engines.local import worlds
from tests.datapump.engines.local.rasterworlds import (
    RasterWorld,
    assert_rows,
    patch,
    random_polygons,
    run,
    sums,
    table,
)

CODES = {
    "birdlife_alliance_for_zero_extinction_sites": [1],
    "gfw_planted_forests": [3, 7, 99],
    "umd_regional_primary_forest_2001": [1],
    "landmark_indigenous_and_community_lands": [1],
    "birdlife_key_biodiversity_areas": [1],
    "gfw_peatlands": [1, 4],
    "idn_forest_moratorium": [1],
    "ifl_intact_forest_landscapes_2000": [1],
    "wri_google_tree_cover_loss_drivers": [1, 4, 7],
    "sbtn_natural_forests_map": [1, 2],
    "wdpa_protected_areas": [1, 2],
    "umd_tree_cover_loss": [1, 20, 25],
    "umd_tree_cover_density_2000": [10, 11, 15, 16, 20, 25, 26, 30, 31, 50, 51, 75, 76, 100],
    "umd_tree_cover_density_2010": [5, 12, 28, 90],
    "umd_tree_cover_gain": [1, 2, 3, 4],
    "gfw_pre_2000_plantations": [1],
    "jpl_mangrove_aboveground_biomass_stock_2000": [12, 300],
    "umd_tree_cover_loss_from_fires": [1, 20],
}
TEXTS = {
    "gfw_planted_forests": {0: "", 3: "Oil palm", 7: "Rubber", 99: ""},
    "wri_google_tree_cover_loss_drivers": {
        0: "Unknown",
        1: "Permanent agriculture",
        4: "Logging",
        7: "Other natural disturbances",
    },
    "sbtn_natural_forests_map": {0: "Unknown", 1: "Natural Forest", 2: "Non-Natural Forest"},
    "wdpa_protected_areas": {0: "", 1: "Category Ia/b or II", 2: "Other Category"},
}
SUMMARY_CONTEXTS = [
    "birdlife_alliance_for_zero_extinction_sites",
    "gfw_planted_forests",
    "umd_regional_primary_forest_2001",
    "landmark_indigenous_and_community_lands",
    "birdlife_key_biodiversity_areas",
    "gfw_peatlands",
    "idn_forest_moratorium",
    "ifl_intact_forest_landscapes_2000",
    "wri_google_tree_cover_loss_drivers",
    "sbtn_natural_forests_map",
    "wdpa_protected_areas",
]
CO2, NON_CO2, RA, RB, NET = (
    f"gfw_forest_flux_full_extent_{name}"
    for name in (
        "gross_emissions_co2_only_biomass_soil",
        "gross_emissions_non_co2_biomass_soil",
        "gross_removals_aboveground",
        "gross_removals_belowground",
        "net_flux",
    )
)
BIOMASS = "whrc_aboveground_biomass_density_2000"
FLOATS = [
    CO2,
    NON_CO2,
    RA,
    RB,
    NET,
    BIOMASS,
    *(f"gfw_{n}_carbon_stock_2000" for n in ("soil", "aboveground", "belowground")),
]
LEVELS = {"gadm": ["adm2", "adm1", "iso"], "wdpa": ["wdpa"], "geostore": ["geostore"]}
THRESHOLDS = (10, 15, 20, 25, 30, 50, 75)
K = 0.47 * 44 / 12
QUICK = 30


def random_world(seed: int) -> RasterWorld:
    dice, numbers = random.Random(seed), np.random.default_rng(seed)
    shape = (dice.randint(3, 9), dice.randint(3, 9))
    row, column = dice.choice([(320000, 760000), (360000, 720000), (316000, 1200), (40000 * 13 + 512, 40000 * 20)])
    world = RasterWorld(
        "tcl",
        dice.choice(["gadm", "gadm", "wdpa", "geostore"]),
        (row - dice.randint(0, 4), column - dice.randint(0, 4)),
        shape,
    )
    needed = ("umd_tree_cover_loss", "umd_tree_cover_density_2000")
    whole = dice.random() < 0.6
    for name, codes in CODES.items():
        if name in needed or whole or dice.random() < 0.5:
            dtype = np.int16 if "mangrove" in name else np.uint8
            world.layers[name] = patch(numbers, shape, codes, dice.choice([0.1, 0.5]), dtype)
    for name in FLOATS:
        if whole or dice.random() < 0.5:
            signed = numbers.normal(0 if name == NET else 60, 25, shape)
            values = (signed if name == NET else np.abs(signed)).astype(np.float32)
            values[numbers.random(shape) < 0.3] = 0
            world.layers[name] = values
    tiles = ["10N_010E", "00N_000E", "20N_010E", "10N_000E", "00N_010W"]
    world.absent = {(name, dice.choice(tiles)) for name in dice.sample(sorted(world.layers), 2)}
    world.features = random_polygons(dice, world, worlds.NAMES[world.feature_type], dice.randint(1, 4))
    return world


def bin_of(percent):
    return next((t for t in reversed(THRESHOLDS) if percent > t), 0)


def context(world, layer, row, column):
    value = world.value(layer, row, column)
    if value is None:
        return ""
    return TEXTS[layer][value] if layer in TEXTS else str(value != 0).lower()


def base_rows(world: RasterWorld):
    """Amounts by (id, year, threshold, contexts): a pixel, a threshold, an amount at a time."""
    rows = sums()
    required = ("umd_tree_cover_loss", "umd_tree_cover_density_2000", "umd_tree_cover_density_2010")
    for name, row, column, area in world.pixels():
        if any(layer in world.layers and world.missing(layer, row, column) for layer in required):
            continue

        def value(layer, row=row, column=column):
            return world.value(layer, row, column) or 0

        contexts = tuple(context(world, layer, row, column) for layer in SUMMARY_CONTEXTS)
        year, percent = value("umd_tree_cover_loss"), bin_of(value("umd_tree_cover_density_2000"))
        gain, mangrove = value("umd_tree_cover_gain"), value("jpl_mangrove_aboveground_biomass_stock_2000")
        for threshold in THRESHOLDS:
            into = rows[name, year, threshold, contexts]
            into["area"] += area
            into["gain"] += area if gain else 0
            into["extent_2010"] += area if bin_of(value("umd_tree_cover_density_2010")) >= threshold else 0
            covered = percent >= threshold
            if covered:
                into["extent"] += area
                into["biomass"] += value(BIOMASS) * area
                for kind in ("soil", "aboveground", "belowground"):
                    into[kind] += value(f"gfw_{kind}_carbon_stock_2000") * area
            if covered and year:
                into["loss"] += area
                into["biomass_loss"] += value(BIOMASS) * area
                into["fires"] += area if value("umd_tree_cover_loss_from_fires") else 0
            if not value("gfw_pre_2000_plantations") and (covered or gain or mangrove):
                into["ra"] += value(RA) * area
                into["rb"] += value(RB) * area
                into["net"] += value(NET) * area
                if year:
                    into["co2"] += value(CO2) * area
                    into["non"] += value(NON_CO2) * area
                    into["all"] += float(np.float32(value(NON_CO2)) + np.float32(value(CO2))) * area
    return rows


def measures(world, amounts):
    """A summary's amounts by column."""
    layers = world.layers
    flux = all(name in layers for name in FLUX_SET)

    def known(layer, amount):
        return amount if layer in layers else None

    def fluxes(amount):
        return amount if flux else None

    a = amounts
    return {
        "umd_tree_cover_extent_2000__ha": a["extent"],
        "umd_tree_cover_extent_2010__ha": known("umd_tree_cover_density_2010", a["extent_2010"]),
        "area__ha": a["area"],
        "umd_tree_cover_gain__ha": known("umd_tree_cover_gain", a["gain"]),
        "whrc_aboveground_biomass_stock_2000__Mg": known(BIOMASS, a["biomass"]),
        "whrc_aboveground_co2_stock_2000__Mg": known(BIOMASS, a["biomass"] * K),
        "umd_tree_cover_loss__ha": a["loss"],
        "whrc_aboveground_biomass_loss__Mg": known(BIOMASS, a["biomass_loss"]),
        "whrc_aboveground_co2_emissions__Mg": known(BIOMASS, a["biomass_loss"] * K),
        "gfw_full_extent_aboveground_gross_removals__Mg_CO2": fluxes(a["ra"]),
        "gfw_full_extent_belowground_gross_removals__Mg_CO2": fluxes(a["rb"]),
        "gfw_full_extent_gross_removals__Mg_CO2": fluxes(a["ra"] + a["rb"]),
        "gfw_full_extent_net_flux__Mg_CO2e": fluxes(a["net"]),
        "gfw_full_extent_gross_emissions_CO2_only__Mg_CO2": fluxes(a["co2"]),
        "gfw_full_extent_gross_emissions_non_CO2__Mg_CO2e": fluxes(a["non"]),
        "gfw_full_extent_gross_emissions__Mg_CO2e": fluxes(a["all"]),
        "gfw_soil_carbon_stocks_2000__Mg_C": known("gfw_soil_carbon_stock_2000", a["soil"]),
        "umd_tree_cover_loss_from_fires__ha": known("umd_tree_cover_loss_from_fires", a["fires"]),
        "gfw_gross_cumulative_aboveground_belowground_co2_removals__Mg": fluxes(a["ra"] + a["rb"]),
        "gfw_net_flux_co2e__Mg": fluxes(a["net"]),
        "gfw_gross_emissions_co2e_all_gases__Mg": fluxes(a["all"]),
        "gfw_aboveground_carbon_stocks_2000__Mg_C": known("gfw_aboveground_carbon_stock_2000", a["aboveground"]),
        "gfw_belowground_carbon_stocks_2000__Mg_C": known("gfw_belowground_carbon_stock_2000", a["belowground"]),
    }


CHANGE = [
    "umd_tree_cover_loss__ha",
    "whrc_aboveground_biomass_loss__Mg",
    "whrc_aboveground_co2_emissions__Mg",
    "gfw_full_extent_gross_emissions_CO2_only__Mg_CO2",
    "gfw_full_extent_gross_emissions_non_CO2__Mg_CO2e",
    "gfw_full_extent_gross_emissions__Mg_CO2e",
    "gfw_gross_emissions_co2e_all_gases__Mg",
    "umd_tree_cover_loss_from_fires__ha",
]


def expected(world, level, *, change):
    flux = all(name in world.layers for name in FLUX_SET)
    grouped = sums()
    for (name, year, threshold, contexts), amounts in base_rows(world).items():
        emits = world.feature_type == "gadm" and flux and amounts["all"] > 0
        if change and not (year and (amounts["loss"] > 0 or emits)):
            continue
        # Two columns hold the category of protected areas, but none where it is in the id.
        shown = contexts[:-1] if level == "wdpa" else (*contexts, contexts[-1])
        when = (str(2000 + year), str(threshold)) if change else (str(threshold),)
        for amount, value in amounts.items():
            grouped[(*name[: worlds.ID_WIDTH[level]], *when, *shown)][amount] += value
    rows = {key: measures(world, amounts) for key, amounts in grouped.items()}
    wanted = (
        CHANGE if change else [c for c in measures(world, sums()["any"]) if c != "whrc_aboveground_co2_emissions__Mg"]
    )
    return {key: {c: row[c] for c in wanted} for key, row in rows.items()}


def whitelist(world, level):
    found = {}
    for name, _, _, contexts in base_rows(world):
        flags = found.setdefault(name[: worlds.ID_WIDTH[level]], [False] * len(contexts))
        found[name[: worlds.ID_WIDTH[level]]] = [
            flag or text not in {"", "false"} for flag, text in zip(flags, contexts, strict=True)
        ]
    columns = {layer: load_catalog(None).of("tcl").layer(layer).columns for layer in SUMMARY_CONTEXTS}
    return {
        name: {
            column: str(flag).lower() if layer in world.layers else ""
            for layer, flag in zip(SUMMARY_CONTEXTS, flags, strict=True)
            for column in columns[layer]
            if not (level == "wdpa" and layer == "wdpa_protected_areas")
        }
        for name, flags in found.items()
    }


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[] if seed < QUICK else [pytest.mark.soak]) for seed in range(200)]
)
def test_every_column_is_that_of_a_pixel_by_pixel_sum(tmp_path, seed):
    world = random_world(seed)
    run(world, tmp_path)
    for level in LEVELS[world.feature_type]:
        header = list(table_header(tmp_path / "out", level, "summary"))
        keys = header[: worlds.ID_WIDTH[level] + 1 + 10 + (0 if level == "wdpa" else 2)]
        assert_rows(tmp_path / "out", level, "summary", expected(world, level, change=False), keys)
        header = list(table_header(tmp_path / "out", level, "change"))
        keys = header[: worlds.ID_WIDTH[level] + 2 + 10 + (0 if level == "wdpa" else 2)]
        assert_rows(tmp_path / "out", level, "change", expected(world, level, change=True), keys)
        ids = header[: worlds.ID_WIDTH[level]]
        rows = {tuple(row.pop(name) for name in ids): row for row in table(tmp_path / "out", level, "whitelist")}
        assert rows == whitelist(world, level)


def table_header(folder, level, name):
    return worlds.read_table(folder, level, name)[0]
