"""The grids that tile sets are made on: square tiles from the north-west corner of the earth, or of web mercator."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from datapump.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shapely import Polygon

Bounds = tuple[float, float, float, float]

WGS_84 = CRS.from_epsg(4326)
WEB_MERCATOR = CRS.from_epsg(3857)
_MERCATOR_EDGE = math.pi * 6378137.0
_MAP_TILE = 256
_LARGEST_MERCATOR_TILE = 65536
_MERCATOR_BLOCK = 512
# Blocks that fill a tile evenly where 400, a multiple of 16, does not.
_BLOCKS = {27008: 128, 9984: 416, 1008: 112}
_LAT_LON = re.compile(r"(\d+)/(\d+)")


@dataclass(frozen=True)
class TileGrid:
    """One grid; rows count from its northern edge, columns from its western.

    Attributes:
        name: As in creation options, `10/40000` or `zoom_12`.
        west: Its western edge, in units of its coordinate system.
        north: Its northern edge.
        size: Side of a tile, in the same units.
        pixels: Pixels along a tile's side.
        block: Pixels along the side of a block of a tile's file.
        rows: Tiles from north to south.
        columns: Tiles from west to east.
    """

    name: str
    crs: CRS
    west: float
    north: float
    size: float
    pixels: int
    block: int
    rows: int
    columns: int

    @property
    def resolution(self) -> float:
        """Size of a pixel, in units of the coordinate system."""
        return self.size / self.pixels

    def tiles(self, bounds: Iterable[Bounds]) -> list[Tile]:
        """The tiles that boxes overlap by more than an edge, in rows from north to south."""
        found = {place for box in bounds for place in self._places(box)}
        return [Tile(self, row, column) for row, column in sorted(found)]

    def _places(self, box: Bounds) -> Iterator[tuple[int, int]]:
        west, south, east, north = box
        slack = self.resolution / 1000
        first_column = max(0, math.floor((west - self.west + slack) / self.size))
        last_column = min(self.columns - 1, math.ceil((east - self.west - slack) / self.size) - 1)
        first_row = max(0, math.floor((self.north - north + slack) / self.size))
        last_row = min(self.rows - 1, math.ceil((self.north - south - slack) / self.size) - 1)
        for row in range(first_row, last_row + 1):
            for column in range(first_column, last_column + 1):
                yield row, column


@dataclass(frozen=True)
class Tile:
    """One tile of a grid."""

    grid: TileGrid
    row: int
    column: int

    @property
    def name(self) -> str:
        """Its north-west corner, `10N_010E`; on a grid of web mercator its row and column, `003R_012C`."""
        if self.grid.crs == WEB_MERCATOR:
            return f"{self.row:03}R_{self.column:03}C"
        north = round(self.grid.north - self.row * self.grid.size)
        west = round(self.grid.west + self.column * self.grid.size)
        return f"{abs(north):02}{'N' if north >= 0 else 'S'}_{abs(west):03}{'E' if west >= 0 else 'W'}"

    @property
    def transform(self) -> Affine:
        """From (column, row) of a pixel to the coordinates of its north-west corner."""
        west = self.grid.west + self.column * self.grid.size
        north = self.grid.north - self.row * self.grid.size
        return Affine(self.grid.resolution, 0, west, 0, -self.grid.resolution, north)

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north in the grid's coordinate system."""
        west, north = self.transform @ (0, 0)
        return west, north - self.grid.size, west + self.grid.size, north

    @property
    def footprint(self) -> Polygon:
        """Its outline in degrees, longitude first."""
        bounds = self.bounds
        if self.grid.crs != WGS_84:
            bounds = transform_bounds(self.grid.crs, WGS_84, *bounds)
        return shapely.box(*bounds)

    def block(self, row: int, column: int) -> Window:
        """The pixels of a block of its file; the last ones of a row or column may be smaller."""
        side, pixels = self.grid.block, self.grid.pixels
        top, left = row * side, column * side
        return Window(left, top, min(side, pixels - left), min(side, pixels - top))


def tile_grid(name: str) -> TileGrid:
    """The grid of that name.

    Raises:
        UnsupportedError: There is none.
    """
    if name.startswith("zoom_") and name.removeprefix("zoom_").isdigit():
        return _mercator(int(name.removeprefix("zoom_")))
    match = _LAT_LON.fullmatch(name)
    if match is None:
        raise UnsupportedError(f"no grid is called {name}: expected DEGREES/PIXELS or zoom_LEVEL")
    degrees, pixels = int(match[1]), int(match[2])
    return TileGrid(
        name=name,
        crs=WGS_84,
        west=-180,
        north=90,
        size=degrees,
        pixels=pixels,
        block=_BLOCKS.get(pixels, 400),
        rows=-(-180 // degrees),
        columns=-(-360 // degrees),
    )


def _mercator(zoom: int) -> TileGrid:
    side = _MAP_TILE * 2**zoom
    tiles = max(1, side // _LARGEST_MERCATOR_TILE)
    pixels = side // tiles
    return TileGrid(
        name=f"zoom_{zoom}",
        crs=WEB_MERCATOR,
        west=-_MERCATOR_EDGE,
        north=_MERCATOR_EDGE,
        size=2 * _MERCATOR_EDGE / tiles,
        pixels=pixels,
        block=min(_MERCATOR_BLOCK, pixels),
        rows=tiles,
        columns=tiles,
    )
