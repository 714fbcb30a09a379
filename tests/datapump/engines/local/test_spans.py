"""Which pixels lie in polygons, and what their areas sum up to."""

from __future__ import annotations

import random

import numpy as np
import pytest
import shapely

from datapump.engines.local import windows
from datapump.engines.local.grids import GRIDS
from datapump.engines.local.spans import rasterize
from tests.datapump.engines.local.rasterworlds import hectares, inside


@pytest.mark.parametrize("seed", range(60))
def test_the_pixels_of_polygons_are_those_whose_centre_lies_inside(seed):
    dice = random.Random(seed)
    grid = GRIDS[dice.choice(list(GRIDS))]
    size, shape = grid.size, (dice.randint(1, 14), dice.randint(1, 14))
    row, column = dice.randint(0, grid.rows - 20), dice.randint(0, grid.columns - 20)
    # Corners on pixel edges, on centres, and anywhere: ties and horizontal edges among them.
    steps = [k / 2 for k in range(-4, 36)] if seed % 2 else [dice.uniform(-2, 18) for _ in range(40)]
    polygons = []
    for _ in range(4):
        points = [(dice.choice(steps), dice.choice(steps)) for _ in range(dice.randint(3, 8))]
        corners = [((column + x) * size - 180, 90 - (row + y) * size) for x, y in points]
        fixed = shapely.make_valid(shapely.Polygon(corners), method="structure", keep_collapsed=False)
        if fixed.area > 0:
            polygons.append(fixed)
    window = windows.Window(row, column, *shape)
    spans = rasterize(np.array(polygons, dtype=object), np.arange(len(polygons)), grid, window)
    found = np.zeros((len(polygons), *shape), dtype=int)
    for number, down, start, stop in zip(spans.polygon, spans.row, spans.start, spans.stop, strict=True):
        found[number, down, start:stop] += 1
    assert found.max(initial=0) <= 1
    exact = 0 if seed % 2 else None
    for number, polygon in enumerate(polygons):
        for down in range(shape[0]):
            for across in range(shape[1]):
                x, y = (column + across + 0.5) * size - 180, 90 - (row + down + 0.5) * size
                # Where a centre lies on the boundary, but for rounding, either answer is right.
                if exact is None or polygon.boundary.distance(shapely.Point(x, y)) > size * 1e-6:
                    assert bool(found[number, down, across]) == inside(polygon, x, y)


@pytest.mark.parametrize("analysis", ["tcl", "integrated_alerts"])
def test_the_area_of_a_feature_is_the_sum_of_its_pixels_whole_or_sliced(tmp_path, analysis):
    degrees, pixels = {"tcl": (10, 40000), "integrated_alerts": (10, 100000)}[analysis]
    size = degrees / pixels
    ring = shapely.Point(10.003, -0.002).buffer(0.019).difference(shapely.Point(10.006, 0).buffer(0.004))
    grid = GRIDS[f"{degrees}/{pixels}"]
    pieces = [ring.intersection(shapely.box(x, y, x + 1, y + 1)) for x in (9, 10) for y in (-1, 0)]
    expected = 0.0
    for row in range(int(89.9 / size), int(90.1 / size)):
        y = 90 - (row + 0.5) * size
        if abs(y + 0.002) < 0.03:
            line = shapely.intersection(ring, shapely.LineString([(9, y), (11, y)]))
            for part in shapely.get_parts(line)[shapely.length(shapely.get_parts(line)) > 0]:
                west, _, east, _ = part.bounds
                count = np.floor((east + 180) / size - 0.5) - np.ceil((west + 180) / size - 0.5) + 1
                expected += count * hectares(y, size)
    for shapes in ([ring], pieces):
        total, polygons = 0.0, np.array(shapes, dtype=object)
        for window, rows in grid.windows(shapely.bounds(polygons), 512):
            spans = rasterize(polygons[rows], rows, grid, window)
            areas = grid.areas(window.row, window.height)
            total += ((spans.stop - spans.start) * areas[spans.row]).sum()
        assert round(total, 4) == round(expected, 4)
