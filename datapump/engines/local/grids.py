"""Raster grids: EPSG:4326 from 180 degrees west, 90 north, cut into square tiles, read in windows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datapump.engines.local.grouping import FloatArray, IntArray

_A = 6378137.0
_B = 6356752.314245179
_E = math.sqrt(1 - (_B / _A) ** 2)
_M2_PER_HA = 10_000
_ROUNDING = 1e-6
_LARGEST_BLOCK = 4096


class Window(NamedTuple):
    """A part of one tile, in pixels of the grid; rows count from 90 degrees north, columns from 180 west."""

    row: int
    column: int
    height: int
    width: int


@dataclass(frozen=True)
class Grid:
    """One grid.

    Attributes:
        degrees: Size of a tile.
        pixels: Pixels along a tile's side.
        window: Pixels along a window's side, about.
    """

    degrees: int
    pixels: int
    window: int

    @property
    def name(self) -> str:
        """As in the names of rasters: tile size / pixels."""
        return f"{self.degrees}/{self.pixels}"

    @property
    def size(self) -> float:
        """Size of a pixel, degrees."""
        return self.degrees / self.pixels

    @property
    def rows(self) -> int:
        """Pixels from pole to pole."""
        return 180 // self.degrees * self.pixels

    @property
    def columns(self) -> int:
        """Pixels around the earth."""
        return 360 // self.degrees * self.pixels

    def tile_id(self, row: int, column: int) -> str:
        """The name of the tile that a pixel lies in: its north-west corner."""
        north = 90 - row // self.pixels * self.degrees
        west = column // self.pixels * self.degrees - 180
        return f"{abs(north):02}{'N' if north >= 0 else 'S'}_{abs(west):03}{'E' if west >= 0 else 'W'}"

    def x(self, longitude: FloatArray) -> FloatArray:
        """Degrees east as columns; a pixel's centre is half a column behind its edge."""
        return np.asarray((longitude + 180) * self.pixels / self.degrees, dtype=np.float64)

    def y(self, latitude: FloatArray) -> FloatArray:
        """Degrees north as rows."""
        return np.asarray((90 - latitude) * self.pixels / self.degrees, dtype=np.float64)

    def areas(self, row: int, height: int) -> FloatArray:
        """Hectares of a pixel in each of some rows, shape (height,)."""
        latitude = np.asarray(90 - (np.arange(row, row + height) + 0.5) * self.size, dtype=np.float64)
        return pixel_area(latitude, self.size) / _M2_PER_HA

    def step(self, block: tuple[int, int] | None) -> int:
        """Side of the windows of files that are stored in such blocks (rows, columns): a multiple of theirs."""
        if block is None or block[0] != block[1] or block[0] > _LARGEST_BLOCK:
            return self.window
        return max(1, round(self.window / block[0])) * block[0]

    def windows(self, bounds: FloatArray, step: int) -> Iterator[tuple[Window, IntArray]]:
        """The windows that boxes touch, from north-west to south-east, with the numbers of the boxes.

        Args:
            bounds: West, south, east, north in degrees, shape (n, 4).
            step: Side of a window in pixels; the last ones of a tile are smaller.
        """
        per_tile = -(-self.pixels // step)
        first_column = self._index(self.x(bounds[:, 0]), self.columns, step, per_tile)
        last_column = self._index(self.x(bounds[:, 2]), self.columns, step, per_tile)
        first_row = self._index(self.y(bounds[:, 3]), self.rows, step, per_tile)
        last_row = self._index(self.y(bounds[:, 1]), self.rows, step, per_tile)
        order = np.argsort(first_row, kind="stable")
        starts = first_row[order]
        active = np.zeros(0, dtype=np.int64)
        for row in range(int(first_row.min()), int(last_row.max()) + 1):
            low, high = np.searchsorted(starts, [row, row + 1])
            active = np.concatenate([active[last_row[active] >= row], order[low:high]])
            yield from self._strip(row, np.sort(active), (first_column, last_column), step)

    def _strip(
        self, row: int, active: IntArray, columns: tuple[IntArray, IntArray], step: int
    ) -> Iterator[tuple[Window, IntArray]]:
        first, last = columns[0][active], columns[1][active]
        width = last - first + 1
        offset = np.cumsum(width) - width
        column = np.repeat(first - offset, width) + np.arange(int(width.sum()))
        box = np.repeat(active, width)
        order = np.argsort(column, kind="stable")
        column, box = column[order], box[order]
        cuts = np.flatnonzero(np.diff(column)) + 1
        for boxes, places in zip(np.split(box, cuts), np.split(column, cuts), strict=True):
            if len(places):
                yield self._window(row, int(places[0]), step), boxes

    def _index(self, places: FloatArray, size: int, step: int, per_tile: int) -> IntArray:
        """The window, counted along the grid, that each place lies in; places beyond the grid lie on its edge."""
        pixel = np.clip(np.floor(places), 0, size - 1).astype(np.int64)
        return pixel // self.pixels * per_tile + pixel % self.pixels // step

    def _window(self, row: int, column: int, step: int) -> Window:
        per_tile = -(-self.pixels // step)
        tops = [index // per_tile * self.pixels + index % per_tile * step for index in (row, column)]
        sides = [min(step, self.pixels - index % per_tile * step) for index in (row, column)]
        return Window(tops[0], tops[1], sides[0], sides[1])


GRIDS = {
    grid.name: grid
    for grid in (Grid(10, 40000, 2000), Grid(10, 100000, 2000), Grid(90, 27008, 1024), Grid(90, 9984, 416))
}


def pixel_area(latitude: FloatArray, size: float) -> FloatArray:
    """Area of pixels in square metres on the WGS 84 ellipsoid.

    The strip that is measured runs from the centre to half a pixel beyond the northern edge. The published tables
    are computed so; see docs/engine.md.

    Args:
        latitude: Of the pixels' centres, degrees north, shape (n,).
        size: Of a pixel, degrees.
    """
    return np.asarray(np.abs(_zone(latitude + size) - _zone(latitude)) * size / 360, dtype=np.float64)


def _zone(latitude: FloatArray) -> FloatArray:
    """Area between the equator and a latitude. Factored as it is for the last bit."""
    s = np.sin(np.radians(latitude))
    return np.asarray(
        math.pi * _B**2 * (2 * np.arctanh(_E * s) / (2 * _E) + s / ((1 + _E * s) * (1 - _E * s))), dtype=np.float64
    )
