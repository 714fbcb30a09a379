"""The area of any polygon, through the whole engine: the pixels whose centre is inside, by plain arithmetic."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import shapely

from tests.datapump.engines.local.rasterworlds import GRIDS, RasterWorld, hectares, inside, run, table

ALERTS = {"glad": "umd_glad_landsat_alerts", "integrated_alerts": "wur_radd_alerts"}
SIDE = 40
SEEDS = [pytest.param(seed, marks=[] if seed < 6 else [pytest.mark.soak]) for seed in range(100)]


def star(dice, centre, reach):
    angles = sorted(dice.uniform(0, 2 * math.pi) for _ in range(dice.randint(3, 12)))
    return [
        (centre[0] + reach * math.cos(a) * dice.uniform(0.2, 1), centre[1] + reach * math.sin(a) * dice.uniform(0.2, 1))
        for a in angles
    ]


def polygons(dice, world):
    """A single one with a hole, a multipolygon, an hourglass that has to be repaired."""
    size = GRIDS[world.analysis][0] / GRIDS[world.analysis][1]
    x, y = world.centre(SIDE / 2 + 0.23, SIDE / 2 + 0.31)
    whole = shapely.make_valid(shapely.Polygon(star(dice, (x, y), 18 * size)))
    hole = shapely.Point(x + 2 * size, y).buffer(5 * size)
    several = shapely.MultiPolygon(
        [shapely.box(x - 9.3 * size, y, x, y + 7.7 * size), shapely.box(x, y - 7 * size, x + 3.1 * size, y)]
    )
    left, right, low, high = x - 15.2 * size, x + 14.1 * size, y - 11.3 * size, y + 12.9 * size
    hourglass = shapely.Polygon([(left, low), (right, high), (right, low), (left, high)])
    return {"single": whole.difference(hole), "several": several, "hourglass": hourglass}


def expected(world, polygon):
    size = GRIDS[world.analysis][0] / GRIDS[world.analysis][1]
    total = 0.0
    for row in range(SIDE):
        latitude = world.centre(row, 0)[1]
        total += hectares(latitude, size) * sum(inside(polygon, *world.centre(row, k)) for k in range(SIDE))
    return total


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("analysis", list(ALERTS))
def test_the_area_of_a_polygon_is_that_of_its_pixels_to_four_decimals_single_several_repaired_or_sliced(
    tmp_path, analysis, seed
):
    dice, pixels = random.Random(seed), GRIDS[analysis][1]
    row, column = dice.choice(
        [(9 * pixels, 18 * pixels), (3 * pixels + 20_000, 5 * pixels), (14 * pixels, 30 * pixels)]
    )
    world = RasterWorld(analysis, "geostore", (row - 20, column - 20), (SIDE, SIDE))
    world.layers = {ALERTS[analysis]: np.full((SIDE, SIDE), 24_000, dtype=np.uint16)}
    shapes = polygons(dice, world)
    # The corner of four degree cells lies in the middle.
    x, y = round(world.centre(20, 20)[0]), round(world.centre(20, 20)[1])
    cells = [shapely.box(x + i, y + j, x + i + 1, y + j + 1) for i in (-1, 0) for j in (-1, 0)]
    world.features = [((name,), shape) for name, shape in shapes.items()]
    for name, shape in shapes.items():
        pieces = [shapely.make_valid(shape, method="structure").intersection(cell) for cell in cells]
        world.features += [((f"{name} sliced",), piece) for piece in pieces if piece.area > 0]
    changes = {"as_of": "2025-12-31"} if analysis == "integrated_alerts" else {}
    summary = run(world, tmp_path, **changes)
    assert summary["features"]["repaired"] == 1
    found = {}
    for line in table(tmp_path / "out", "geostore", "daily_alerts"):
        if analysis == "glad" or line["gfw_integrated_alerts__date"]:
            found[line["geostore__id"]] = float(line["alert_area__ha"])
    wanted = {name: round(expected(world, shape), 4) for name, shape in shapes.items()}
    assert {name: round(area, 4) for name, area in found.items()} == wanted | {
        f"{name} sliced": area for name, area in wanted.items()
    }
