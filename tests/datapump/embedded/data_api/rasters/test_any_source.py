"""Tile sets of any sources: every pixel is where and what it should be, across tiles and blocks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from datapump.embedded.data_api.models.rasters import RasterTileSet
from datapump.embedded.data_api.rasters.grids import tile_grid
from datapump.embedded.data_api.rasters.tile_sets import Workshop, make_tile_set
from datapump.errors import DataError
from datapump.objects import Objects
from tests.support.tifs import data, write_small

# Pixels are counted from 10 degrees east and 10 north, where four tiles meet.
GRID, PIXELS, CORNER = "1/4000", 4000, (10, 10)
PLACE = st.one_of(st.integers(-12, 12), st.integers(395, 405), st.integers(-405, -395), st.integers(-4005, 3995))
PATCH = st.tuples(PLACE, PLACE, st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))


def written(folder, number, patch):
    """A file of random pixels, a third of them without data; returns its pixels with data."""
    row, column, height, width, seed = patch
    random = np.random.default_rng(seed)
    values = (random.integers(1, 60_000, (height, width)) * (random.random((height, width)) < 0.7)).astype(np.uint16)
    size = 1 / PIXELS
    west, north = CORNER[0] + column * size, CORNER[1] - row * size
    write_small(folder / "s3" / "sources" / "a" / f"{number}.tif", values, west, north, size)
    return {(row + int(y), column + int(x)): int(values[y, x]) for y, x in np.argwhere(values)}


def made(folder, **options):
    """Every pixel with data of the tile set, counted as the sources' are."""
    objects, work = Objects(folder), folder / "work"
    work.mkdir()
    out = "s3://out/raster/epsg-4326/1/4000/value/geotiff/"
    asked = RasterTileSet(pixel_meaning="value", data_type="uint16", grid=GRID, no_data=0, **options)
    try:
        make_tile_set(asked, ["s3://sources/a/"], out, Workshop(objects, work, lambda: None))
    except DataError:
        return {}
    found = {}
    for path in objects.path(out).glob("*.tif"):
        tile = next(one for one in tile_grid(GRID).tiles([(8, 8, 12, 12)]) if one.name == path.stem)
        offset = ~Affine(1 / PIXELS, 0, CORNER[0], 0, -1 / PIXELS, CORNER[1]) @ (tile.transform.c, tile.transform.f)
        column, row = (round(one) for one in offset)
        found |= {(row + y, column + x): value for (y, x), value in data(path).items()}
    return found


@settings(max_examples=25, deadline=None)
@given(st.lists(PATCH, min_size=1, max_size=4))
def test_aligned_sources_are_copied_pixel_by_pixel_the_later_above_the_earlier(patches):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = {}
        for number, patch in enumerate(patches):
            expected |= written(folder, number, patch)
        assert made(folder) == expected


@settings(max_examples=15, deadline=None)
@given(PATCH, st.integers(2, 30_000))
def test_a_formula_is_computed_for_every_pixel(patch, least):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pixels = written(folder, 0, patch)
        expected = {place: value - 1 for place, value in pixels.items() if value >= least}
        assert made(folder, calc=f"np.where(A.data >= {least}, A.data - 1, 0)") == expected
