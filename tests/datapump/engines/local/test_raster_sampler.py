"""Fires with raster layers: each fire has the values of the pixel that it lies in."""

from __future__ import annotations

import math
import random
import re

import numpy as np
import pytest

from datapump.engines.local import zonal
from datapump.engines.local.files import Files
from tests.datapump.engines.local import worlds
from tests.datapump.engines.local.rasterworlds import GRIDS, RasterWorld, patch, table
from tests.datapump.engines.local.worlds import VIIRS, write_tsv

DENSITY = "umd_tree_cover_density_2000"
BINS = (10, 15, 20, 25, 30, 50, 75)


def density_bin(percent):
    return next((limit for limit in reversed(BINS) if percent > limit), 0)


def pixel(world, longitude, latitude):
    """The pixel of a fire in the patch, by the rule for coordinates of one decimal."""
    degrees, pixels = GRIDS[world.analysis]
    if any(re.fullmatch(r"-?\d+\.\d", repr(float(value))) for value in (longitude, latitude)):
        longitude, latitude = longitude + 0.00001, latitude - 0.00001
    row = math.floor((90 - latitude) * pixels / degrees) - world.origin[0]
    column = math.floor((longitude + 180) * pixels / degrees) - world.origin[1]
    return row, column


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("analysis", ["viirs", "modis"])
def test_fires_have_the_values_of_their_pixels(tmp_path, seed, analysis):
    dice, numbers = random.Random(seed), np.random.default_rng(seed)
    pixels = GRIDS[analysis][1]
    world = RasterWorld(analysis, "geostore", (pixels - 10, 2 * pixels - 10), (20, 20))
    world.layers = {
        DENSITY: patch(numbers, (20, 20), [5, 10, 11, 30, 31, 76]),
        "gfw_peatlands": patch(numbers, (20, 20), [1, 3]),
        "ibge_bra_biomes": patch(numbers, (20, 20), [5, 9], dtype=np.int16),
    }
    if seed % 2:
        world.absent = {(DENSITY, "00N_000E"), ("ibge_bra_biomes", "90N_090W")}
    world.features = [(("a",), world.box())]
    catalog = world.write(tmp_path)
    (west, south, east, north) = world.box().bounds
    fires = [(0.0, 0.0), (0.01, 0.0)]
    fires += [
        (round(dice.uniform(south, north), dice.choice([1, 3, 5])), round(dice.uniform(west, east), 5))
        for _ in range(60)
    ]
    fires = [(y, x) for y, x in fires if south <= y <= north and west <= x <= east]
    rows = [[y, x, "2026-01-01", "0105", "n" if analysis == "viirs" else 50, "330.5", "290.1", "4.2"] for y, x in fires]
    write_tsv(tmp_path / "fires.tsv", VIIRS, rows)
    asked = worlds.request(tmp_path, "geostore", analysis)
    summary = zonal.run(asked, Files(None), layers=catalog, progress=lambda *_: None)
    expected = {}
    for y, x in fires:
        row, column = pixel(world, x, y)
        inside = 0 <= row < 20 and 0 <= column < 20
        density, peat, biome = (world.value(name, row, column) if inside else 0 for name in world.layers)
        texts = (
            str(density_bin(density)),
            str(peat != 0).lower(),
            {0: "Not applicable", 5: "Amazônia", 9: "Unknown"}[biome],
        )
        expected[texts] = expected.get(texts, 0) + 1
    columns = (f"{DENSITY}__threshold", "is__gfw_peatlands", "ibge_bra_biomes__name")
    found = {
        tuple(row[c] for c in columns): int(row["alert__count"])
        for row in table(tmp_path / "out", "geostore", "daily_alerts")
    }
    assert found == expected
    assert summary["tiles_missing"].get(DENSITY, 0) == seed % 2
    (flags,) = table(tmp_path / "out", "geostore", "whitelist")
    assert flags["ibge_bra_biomes__name"] == "true", "a default that is no empty text counts"
    assert flags["is__gfw_oil_palm"] == ""
