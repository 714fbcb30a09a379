"""Small worlds of rasters on the real grids, and slow sums over them that share nothing with the engine."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import rasterio
import shapely
from affine import Affine
from rasterio.windows import Window

from datapump.engines.local import zonal
from datapump.engines.local.files import Files
from tests.datapump.engines.local.worlds import HEADERS, NAMES, feature_row, read_table, request, write_tsv

if TYPE_CHECKING:
    import random
    from pathlib import Path

GRIDS = {"tcl": (10, 40000), "glad": (10, 40000), "integrated_alerts": (10, 100000), "burned_areas": (90, 27008)}
GRIDS |= {"viirs": (90, 27008), "modis": (90, 9984)}
BLOCK = 256
LOSS, DENSITY = "umd_tree_cover_loss", "umd_tree_cover_density_2000"
FLOATS = ("flux", "stock_2000", "density_2000")


def tile_id(degrees, row_tile, column_tile):
    north, west = 90 - row_tile * degrees, column_tile * degrees - 180
    return f"{abs(north):02}{'N' if north >= 0 else 'S'}_{abs(west):03}{'E' if west >= 0 else 'W'}"


def write_tile(path, grid, corner, dtype, patches, **changes):
    """A sparse tile; `patches` are (row, column, values) within it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (degrees, pixels), (west, north) = grid, corner
    profile = {
        "driver": "GTiff",
        "width": pixels,
        "height": pixels,
        "count": 1,
        "dtype": dtype,
        "crs": "EPSG:4326",
        "transform": Affine(degrees / pixels, 0, west, 0, -degrees / pixels, north),
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "compress": "deflate",
        "sparse_ok": True,
        "nodata": 0,
    }
    with rasterio.open(path, "w", **(profile | changes)) as file:
        for row, column, values in patches:
            file.write(values.astype(profile["dtype"]), 1, window=Window(column, row, values.shape[1], values.shape[0]))


@dataclass
class RasterWorld:
    """Pixels around one corner of four tiles.

    `origin` is the grid's row and column of the patch's first pixel; `layers` are arrays of the patch's shape by
    layer's name; `absent` are (layer, tile id) that no file is written for.
    """

    analysis: str
    feature_type: str
    origin: tuple[int, int]
    shape: tuple[int, int]
    layers: dict = field(default_factory=dict)
    absent: set = field(default_factory=set)
    features: list = field(default_factory=list)

    def write(self, folder: Path, dtypes=None) -> Path:
        degrees, pixels = GRIDS[self.analysis]
        rows, columns = (
            range(o // pixels, (o + s - 1) // pixels + 1) for o, s in zip(self.origin, self.shape, strict=True)
        )
        for name, values in self.layers.items():
            for tr in rows:
                for tc in columns:
                    tile = tile_id(degrees, tr, tc)
                    if (name, tile) in self.absent:
                        continue
                    r0, c0 = max(self.origin[0], tr * pixels), max(self.origin[1], tc * pixels)
                    r1 = min(self.origin[0] + self.shape[0], (tr + 1) * pixels)
                    c1 = min(self.origin[1] + self.shape[1], (tc + 1) * pixels)
                    part = values[r0 - self.origin[0] : r1 - self.origin[0], c0 - self.origin[1] : c1 - self.origin[1]]
                    corner = (tc * degrees - 180, 90 - tr * degrees)
                    patches = [(r0 - tr * pixels, c0 - tc * pixels, part)]
                    dtype = (dtypes or {}).get(name, values.dtype)
                    write_tile(folder / name / f"{tile}.tif", (degrees, pixels), corner, dtype, patches)
        catalog = folder / "layers.toml"
        catalog.write_text("".join(f'[layers.{name}]\nuri = "{name}/{{tile_id}}.tif"\n' for name in self.layers))
        lines = [feature_row(self.feature_type, name, polygon) for name, polygon in self.features]
        write_tsv(folder / "features.tsv", HEADERS[self.feature_type], lines)
        return catalog

    def centre(self, row, column):
        degrees, pixels = GRIDS[self.analysis]
        size = degrees / pixels
        return (self.origin[1] + column + 0.5) * size - 180, 90 - (self.origin[0] + row + 0.5) * size

    def box(self):
        west, north = self.centre(-0.5, -0.5)
        east, south = self.centre(self.shape[0] - 0.5, self.shape[1] - 0.5)[0], self.centre(self.shape[0] - 0.5, 0)[1]
        return shapely.box(west, south, east, north)

    def pixels(self):
        """Every (id, row, column, hectares) of the patch, a pixel at a time, a row of a feature at a time."""
        degrees, pixels = GRIDS[self.analysis]
        for name, polygon in self.features:
            for row in range(self.shape[0]):
                area = hectares(self.centre(row, 0)[1], degrees / pixels)
                for column in range(self.shape[1]):
                    if inside(polygon, *self.centre(row, column)):
                        yield name, row, column, area

    def value(self, layer, row, column):
        """A pixel's value; 0 where there is no file; None where the layer is not configured."""
        if layer not in self.layers:
            return None
        degrees, pixels = GRIDS[self.analysis]
        tile = tile_id(degrees, (self.origin[0] + row) // pixels, (self.origin[1] + column) // pixels)
        return 0 if (layer, tile) in self.absent else self.layers[layer][row, column].item()

    def missing(self, layer, row, column):
        degrees, pixels = GRIDS[self.analysis]
        tile = tile_id(degrees, (self.origin[0] + row) // pixels, (self.origin[1] + column) // pixels)
        return (layer, tile) in self.absent


def hectares(latitude, size):
    """The pixel area of the specification, in plain arithmetic."""
    a, b = 6378137.0, 6356752.314245179
    e = math.sqrt(1 - (b / a) ** 2)

    def zone(at):
        s = math.sin(math.radians(at))
        return math.pi * b**2 * (2 * math.atanh(e * s) / (2 * e) + s / ((1 + e * s) * (1 - e * s)))

    return abs(zone(latitude + size) - zone(latitude)) * size / 360 / 10_000


def inside(polygon, x, y):
    """Even-odd rule, an edge at a time."""
    found = False
    for part in getattr(polygon, "geoms", [polygon]):
        for ring in [part.exterior, *part.interiors]:
            points = list(ring.coords)
            for (x0, y0), (x1, y1) in pairwise(points):
                if (y0 > y) != (y1 > y) and x <= x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                    found = not found
    return found


def run(world, folder, processes=1, journals=None, **changes):
    catalog = world.write(folder)
    return rerun(world, folder, catalog, processes=processes, journals=journals, **changes)


def rerun(world, folder, catalog, processes=1, journals=None, progress=lambda *_: None, **changes):
    asked = request(folder, world.feature_type, world.analysis, fire_sources=(), **changes)
    return zonal.run(asked, Files(None), layers=catalog, progress=progress, processes=processes, journals=journals)


def table(folder, level, name):
    """Rows as dictionaries."""
    header, rows = read_table(folder, level, name)
    return [dict(zip(header, row, strict=True)) for row in rows]


def loss_world(shape=(6, 6), origin=(359997, 759997)):
    """Two features around the corner of four tiles: loss in every other pixel, 80 percent cover everywhere."""
    found = RasterWorld("tcl", "geostore", origin, shape)
    found.layers = {
        LOSS: (np.arange(shape[0] * shape[1]).reshape(shape) % 2 * 5).astype(np.uint8),
        DENSITY: np.full(shape, 80, dtype=np.uint8),
    }
    found.features = [(("a",), found.box()), (("b",), found.box().buffer(-0.0003))]
    return found


def spread(folder):
    """A world of loss in many windows, and its catalog."""
    found = loss_world()
    found.features += [
        (NAMES["geostore"][k % 4], shapely.box(10 + k / 7, -1 - k / 5, 10.3 + k / 7, -0.9 - k / 5)) for k in range(9)
    ]
    return found, found.write(folder)


def random_polygons(dice: random.Random, world: RasterWorld, names, count):
    """Polygons and multipolygons of any shape around the patch, some of them sharing an id; one at least."""
    found = []
    rows, columns = world.shape
    drawn = 0
    while drawn < count or not found:
        drawn += 1
        parts = []
        for _ in range(dice.choice([1, 1, 2])):
            centre = world.centre(dice.uniform(0, rows), dice.uniform(0, columns))
            reach = dice.uniform(1, max(rows, columns) / 2) * GRIDS[world.analysis][0] / GRIDS[world.analysis][1]
            angles = sorted(dice.uniform(0, 2 * math.pi) for _ in range(dice.randint(3, 9)))
            points = [
                (
                    centre[0] + reach * math.cos(a) * dice.uniform(0.3, 1),
                    centre[1] + reach * math.sin(a) * dice.uniform(0.3, 1),
                )
                for a in angles
            ]
            parts.append(shapely.Polygon(points))
        polygon = shapely.union_all([shapely.make_valid(part) for part in parts])
        polygon = polygon.intersection(world.box())
        polygon = shapely.MultiPolygon([part for part in shapely.get_parts(polygon) if part.geom_type == "Polygon"])
        if polygon.area > 0:
            found.append((dice.choice(names), polygon))
    return found


def near(actual, expected):
    return math.isclose(actual, expected, rel_tol=1e-9, abs_tol=1e-12)


def assert_rows(folder, level, name, expected, keys):
    """A table's rows are the expected ones: a dictionary of amounts by the values of key columns.

    An amount of None stands for an empty field.
    """
    found = {}
    for row in table(folder, level, name):
        key = tuple(row[column] for column in keys)
        assert key not in found, "a row comes twice"
        found[key] = {column: text for column, text in row.items() if column not in keys}
    assert found.keys() == expected.keys()
    for key, amounts in expected.items():
        for column, amount in amounts.items():
            text = found[key][column]
            assert (text == "") if amount is None else near(float(text), amount), (key, column, text, amount)
    return found


def sums():
    return defaultdict(lambda: defaultdict(float))


def patch(dice: np.random.Generator, shape, values, zero=0.4, dtype=np.uint8):
    """Random values, many of them 0, in small fields."""
    chosen = dice.choice(values, shape)
    chosen[dice.random(shape) < zero] = 0
    return chosen.astype(dtype)
