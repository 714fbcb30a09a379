from __future__ import annotations

import datetime as dt
import random
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest

from datapump.engines.local.catalog import load_catalog
from datapump.errors import InvalidInputError
from tests.datapump.engines.local import worlds
from tests.datapump.engines.local.rasterworlds import (
    RasterWorld,
    near,
    patch,
    random_polygons,
    run,
    sums,
    table,
)

AS_OF = dt.date(2026, 2, 28)
FIRST = dt.date(2014, 12, 31)
BIOMASS = "whrc_aboveground_biomass_density_2000"
L, S2, RADD, DIST = (
    "umd_glad_landsat_alerts",
    "umd_glad_sentinel2_alerts",
    "wur_radd_alerts",
    "umd_glad_dist_alerts",
)
LEVELS = {"gadm": ["adm2", "adm1", "iso"], "wdpa": ["wdpa"], "geostore": ["geostore"], "feature": ["feature"]}
CODES = {
    "wdpa_protected_areas": {0: "", 1: "Category Ia/b or II", 2: "Other Category"},
    "gfw_planted_forests": {0: "", 3: "Oil palm", 99: ""},
    "rspo_oil_palm": {0: "", 1: "Certified", 3: "Not certified"},
    "idn_forest_area": {0: "", 6: "Sanctuary Reserves/Nature Conservation Area"},
    "per_forest_concessions": {0: "", 4: "Nontimber Forest Poducts (Chestnut)"},
    "ibge_bra_biomes": {0: "Not applicable", 5: "Amazônia", 9: "Unknown"},
    "sbtn_natural_forests_map": {0: "Unknown", 1: "Natural Forest", 2: "Non-Natural Forest"},
}


def random_world(seed: int, analysis: str) -> RasterWorld:
    dice, numbers = random.Random(seed), np.random.default_rng(seed)
    shape = (dice.randint(3, 9), dice.randint(3, 9))
    pixels = 40000 if analysis == "glad" else 100000
    corner = dice.choice([(9 * pixels, 18 * pixels), (8 * pixels, 19 * pixels), (9 * pixels + 1536, 3 * pixels)])
    origin = tuple(at - dice.randint(0, 4) for at in corner)
    world = RasterWorld(analysis, dice.choice(list(LEVELS)), origin, shape)
    catalog = load_catalog(None).of(analysis)
    for layer in catalog.contexts:
        if dice.random() < 0.7:
            values = sorted(CODES.get(layer.name, {0: "", 1: "", 2: ""}))
            world.layers[layer.name] = patch(numbers, shape, values, 0.4)
    alerts = [layer for layer in catalog.layers if layer.kind == "alerts"]
    edge = (dt.date(2024, 2, 28) - FIRST).days
    near_edge = [edge + shift for shift in (-400, -1, 0, 1, 2, 90, 181, 182, 183, 365, 700)]
    values = [19999, 7, *(20000 + day for day in near_edge), *(30000 + day for day in near_edge)]
    for number, layer in enumerate(alerts):
        if number == 0 or dice.random() < 0.8:
            world.layers[layer.name] = patch(numbers, shape, values, 0.5, np.uint16)
    if dice.random() < 0.7:
        world.layers[BIOMASS] = patch(numbers, shape, [12, 340], 0.2, np.int16)
    tiles = ["00N_000E", "10N_000E", "00N_010E", "10N_010E", "00N_010W", "10N_010W"]
    world.absent = {(name, dice.choice(tiles)) for name in dice.sample(sorted(world.layers), 1)}
    world.features = random_polygons(dice, world, worlds.NAMES[world.feature_type], dice.randint(1, 4))
    return world


def context(world, layer, row, column):
    value = world.value(layer, row, column)
    if value is None:
        return ""
    return CODES[layer][value] if layer in CODES else str(value != 0).lower()


def contexts(world, level, row, column):
    """Texts by column."""
    catalog = load_catalog(None).of(world.analysis)
    return {
        name: context(world, layer.name, row, column)
        for layer in catalog.contexts
        for name in layer.columns
        if not (level == "wdpa" and layer.name == "wdpa_protected_areas")
    }


def alert(world, layer, row, column):
    value = world.value(layer, row, column) or 0
    if value < 20000:
        return None
    return FIRST + dt.timedelta(days=value % 10000), "high" if value >= 30000 else "nominal"


def frozen(row):
    return frozenset(row.items())


def ids_of(name, level):
    columns = worlds_ids(level)
    return dict(zip(columns, name, strict=False))


def worlds_ids(level):
    if level == "wdpa":
        return [f"wdpa_protected_area__{part}" for part in ("id", "name", "iucn_cat", "iso", "status")]
    return {
        "iso": ["iso"],
        "adm1": ["iso", "adm1"],
        "adm2": ["iso", "adm1", "adm2"],
        "geostore": ["geostore__id"],
        "feature": ["feature__id"],
    }[level]


def glad(world, level):
    daily, summary, flags = sums(), sums(), {}
    for name, row, column, area in world.pixels():
        ids, texts = ids_of(name[: worlds.ID_WIDTH[level]], level), contexts(world, level, row, column)
        summary[frozen(ids | texts)]["alert_area__ha"] += area
        known = flags.setdefault(frozen(ids), dict.fromkeys(texts, "false"))
        layers = {c: layer.name for layer in load_catalog(None).of("glad").contexts for c in layer.columns}
        for key, text in texts.items():
            if layers[key] not in world.layers:
                known[key] = ""
            elif text not in {"", "false"}:
                known[key] = "true"
        if level in {"adm1", "iso"}:
            known.pop("sbtn_natural_forests__class", None)
        found = alert(world, L, row, column)
        if found:
            when = {
                "umd_glad_landsat_alerts__date": str(found[0]),
                "is__confirmed_alert": str(found[1] == "high").lower(),
                "umd_glad_landsat_alerts__confidence": found[1],
            }
            add(world, daily[frozen(ids | texts | when)], row, column, area)
    return daily, summary, flags


def add(world, into, row, column, area):
    into["alert__count"] += 1
    into["alert_area__ha"] += area
    into["whrc_aboveground_co2_emissions__Mg"] += (world.value(BIOMASS, row, column) or 0) * area * 0.5 * 44 / 12


def integrated_of(systems, disturbance):
    there = [system for system in systems if system]
    result = None
    if there:
        best = "high" if any(word == "high" for _, word in there) else "nominal"
        result = min(day for day, _ in there), "highest" if len(there) > 1 else best
    if result is None or disturbance is None:
        return result or disturbance
    days = (result[0] - disturbance[0]).days
    if days > 180:
        return result
    return disturbance if days < -180 else (min(result[0], disturbance[0]), "highest")


def integrated(world, level):
    rows = sums()
    blank = {
        f"{system}__{part}": "" for system in (S2, RADD, "gfw_integrated_alerts") for part in ("date", "confidence")
    }
    for name, row, column, area in world.pixels():
        found = {layer: alert(world, layer, row, column) for layer in (L, S2, RADD, DIST)}
        found = {layer: seen if seen and seen[0] > dt.date(2024, 2, 28) else None for layer, seen in found.items()}
        together = integrated_of([found[L], found[S2], found[RADD]], found[DIST])
        key = ids_of(name[: worlds.ID_WIDTH[level]], level) | contexts(world, level, row, column) | blank
        for system, seen in ((S2, found[S2]), (RADD, found[RADD]), ("gfw_integrated_alerts", together)):
            if seen:
                when = {f"{system}__date": str(seen[0]), f"{system}__confidence": seen[1]}
                add(world, rows[frozen(key | when)], row, column, area)
    return rows


SEEDS = [pytest.param(seed, marks=[] if seed < 12 else [pytest.mark.soak]) for seed in range(200)]
AMOUNTS = ("alert__count", "alert_area__ha", "whrc_aboveground_co2_emissions__Mg")


def assert_table(folder, level, name, expected, *, biomass=True, places=None):
    rows = table(folder, level, name)
    found = {}
    for row in rows:
        amounts = {key: row.pop(key) for key in AMOUNTS if key in row}
        assert frozen(row) not in found, "a row comes twice"
        found[frozen(row)] = amounts
    assert found.keys() == expected.keys()
    for key, amounts in expected.items():
        for column, amount in amounts.items():
            text = found[key][column]
            if column == "whrc_aboveground_co2_emissions__Mg" and not biomass:
                assert text == ""
            elif column == "alert__count":
                assert text == str(int(amount))
            elif places:
                assert abs(float(text) - amount) <= 0.5001 * 10**-places
                assert Decimal(text) == Decimal(text).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
            else:
                assert near(float(text), amount)


@pytest.mark.parametrize("seed", SEEDS)
def test_landsat_alerts_are_those_of_a_pixel_by_pixel_sum(tmp_path, seed):
    world = random_world(seed, "glad")
    run(world, tmp_path)
    for level in LEVELS[world.feature_type]:
        daily, summary, flags = glad(world, level)
        assert_table(tmp_path / "out", level, "daily_alerts", daily, biomass=BIOMASS in world.layers)
        assert_table(tmp_path / "out", level, "summary", summary)
        ids = worlds_ids(level)
        rows = table(tmp_path / "out", level, "whitelist")
        assert {frozen({key: row.pop(key) for key in ids}): row for row in rows} == flags


@pytest.mark.parametrize("seed", SEEDS)
def test_integrated_alerts_are_those_of_a_pixel_by_pixel_merge(tmp_path, seed):
    world = random_world(1000 + seed, "integrated_alerts")
    run(world, tmp_path, as_of=AS_OF)
    for level in LEVELS[world.feature_type]:
        rows = integrated(world, level)
        assert_table(tmp_path / "out", level, "daily_alerts", rows, biomass=BIOMASS in world.layers, places=4)


def test_integrated_alerts_need_a_day(tmp_path):
    world = random_world(1, "integrated_alerts")
    with pytest.raises(InvalidInputError, match="needs the day"):
        run(world, tmp_path)


def test_change_only_writes_daily_alerts_alone_with_the_same_numbers(tmp_path):
    world = random_world(3, "glad")
    world.feature_type = "geostore"
    world.features = [(("a",), world.box())]
    run(world, tmp_path)
    run(world, tmp_path, output=str(tmp_path / "change"), change_only=True)
    assert table(tmp_path / "change", "geostore", "daily_alerts") == table(tmp_path / "out", "geostore", "daily_alerts")
    assert not list((tmp_path / "change").glob("*/summary"))
    assert not list((tmp_path / "change").glob("*/whitelist"))
