"""Fires in random worlds of features and rasters: every column against a count fire by fire."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter

import numpy as np
import pytest
import shapely

from datapump.engines.local import zonal
from datapump.engines.local.catalog import load_catalog
from datapump.engines.local.files import Files
from tests.datapump.engines.local import worlds
from tests.datapump.engines.local.rasterworlds import GRIDS, RasterWorld, patch, random_polygons, table
from tests.datapump.engines.local.test_alerts import CODES, LEVELS, ids_of
from tests.datapump.engines.local.test_raster_sampler import DENSITY, VIIRS, density_bin, pixel
from tests.datapump.engines.local.worlds import write_tsv

SEEDS = [pytest.param(seed, marks=[] if seed < 8 else [pytest.mark.soak]) for seed in range(200)]
PERCENTS = [0, 5, 10, 11, 15, 16, 20, 25, 26, 30, 31, 50, 51, 75, 76, 100]
DAYS = [dt.date(2025, 12, 28), dt.date(2025, 12, 29), dt.date(2026, 1, 4), dt.date(2026, 1, 5)]
CONFIDENCES = {"viirs": {"l": "l", "n": "n", "h": "h"}, "modis": {"0": "l", "39": "l", "40": "n", "98": "n", "99": "h"}}


def random_world(seed, analysis):
    dice, numbers = random.Random(seed), np.random.default_rng(seed)
    pixels, shape = GRIDS[analysis][1], (dice.randint(6, 16), dice.randint(6, 16))
    corner = dice.choice([(pixels, 2 * pixels), (pixels, 3 * pixels), (pixels // 2, 2 * pixels - 8)])
    origin = tuple(at - dice.randint(0, 5) for at in corner)
    world = RasterWorld(analysis, dice.choice(list(LEVELS)), origin, shape)
    for layer in load_catalog(None).of(analysis).contexts:
        if layer.name == DENSITY or dice.random() < 0.6:
            values = PERCENTS if layer.name == DENSITY else sorted(CODES.get(layer.name, {0: "", 1: "", 2: ""}))
            world.layers[layer.name] = patch(numbers, shape, values, 0.4)
    tiles = ["00N_000E", "90N_000E", "00N_090E", "90N_090W"]
    world.absent = {(name, dice.choice(tiles)) for name in dice.sample(sorted(world.layers), 2)}
    world.features = random_polygons(dice, world, worlds.NAMES[world.feature_type], dice.randint(1, 4))
    west, south, east, north = world.box().buffer(0.01).bounds
    world.fires = [
        (
            round(dice.uniform(south, north), dice.choice([1, 4, 5])),
            round(dice.uniform(west, east), dice.choice([1, 4, 5])),
            dice.choice(DAYS),
            dice.choice(list(CONFIDENCES[analysis])),
        )
        for _ in range(dice.randint(1, 60))
    ]
    return world


def contexts(world, level, latitude, longitude):
    """Texts by column, of a fire's pixel."""
    row, column = pixel(world, longitude, latitude)
    there = 0 <= row < world.shape[0] and 0 <= column < world.shape[1]
    found = {}
    for layer in load_catalog(None).of(world.analysis).contexts:
        if layer.name not in world.layers:
            text = ""
        else:
            value = world.value(layer.name, row, column) if there else 0
            if layer.name == DENSITY:
                text = str(density_bin(value))
            else:
                text = CODES[layer.name][value] if layer.name in CODES else str(value != 0).lower()
        found |= {
            name: text for name in layer.columns if not (level == "wdpa" and layer.name == "wdpa_protected_areas")
        }
    return found


def counted(world, level):
    """Daily and weekly counts by all other columns, and the flags of the whitelist."""
    daily, weekly, flags = Counter(), Counter(), {}
    for latitude, longitude, day, confidence in world.fires:
        point = shapely.Point(longitude, latitude)
        # A point on the boundary counts.
        names = {name for name, polygon in world.features if polygon.intersects(point)}
        for name in names:
            ids, texts = ids_of(name[: worlds.ID_WIDTH[level]], level), contexts(world, level, latitude, longitude)
            year, week, _ = day.isocalendar()
            rest = ids | texts | {"confidence__cat": CONFIDENCES[world.analysis][confidence]}
            daily[frozenset((rest | {"alert__date": str(day)}).items())] += 1
            weekly[frozenset((rest | {"alert__year": str(year), "alert__week": str(week)}).items())] += 1
            known = flags.setdefault(frozenset(ids.items()), {})
            for layer in load_catalog(None).of(world.analysis).contexts:
                for column in layer.columns:
                    if column in texts and layer.whitelist:
                        seen = known.get(column) == "true" or texts[column] not in {"", "false"}
                        known[column] = str(seen).lower() if layer.name in world.layers else ""
    return daily, weekly, flags


def of_table(folder, level, name):
    rows = [(int(row.pop("alert__count")), frozenset(row.items())) for row in table(folder, level, name)]
    assert len({key for _, key in rows}) == len(rows), "a row comes twice"
    return {key: count for count, key in rows}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("analysis", ["viirs", "modis"])
def test_fires_are_those_of_a_fire_by_fire_count(tmp_path, seed, analysis):
    world = random_world(seed, analysis)
    catalog = world.write(tmp_path)
    rows = [[y, x, day, "0105", level, "330.5", "290.1", "4.2"] for y, x, day, level in world.fires]
    write_tsv(tmp_path / "fires.tsv", VIIRS, rows)
    asked = worlds.request(tmp_path, world.feature_type, analysis)
    zonal.run(asked, Files(None), layers=catalog, progress=lambda *_: None)
    for level in LEVELS[world.feature_type]:
        daily, weekly, flags = counted(world, level)
        assert of_table(tmp_path / "out", level, "weekly_alerts") == weekly
        if level not in {"adm1", "iso"}:
            assert of_table(tmp_path / "out", level, "daily_alerts") == daily
        ids = ids_of(("",) * 5, level)
        found = {
            frozenset((name, row.pop(name)) for name in ids): row for row in table(tmp_path / "out", level, "whitelist")
        }
        assert found == flags
