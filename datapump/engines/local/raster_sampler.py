"""Contextual layers sampled at points, from raster files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from datapump.engines.local.grids import GRIDS
from datapump.engines.local.raster_files import content_mark, file_dtype, read_window
from datapump.engines.local.rasters import find_tiles
from datapump.errors import DataError

if TYPE_CHECKING:
    from datapump.analyses import Analysis
    from datapump.engines.local.catalog import Catalog, Layer
    from datapump.engines.local.grouping import BoolArray, FloatArray, IntArray
    from datapump.engines.local.rasters import Tiles
    from datapump.objects import Objects

_CELL = 512
_SHIFT = 0.00001


class RasterSampler:
    """Reads the pixels that points lie in.

    Args:
        analysis: Whose grid.
        catalog: The analysis's layers.
        objects: Where raster files are read from.

    Raises:
        DataError: A raster file is not what it should be.
    """

    def __init__(self, analysis: Analysis, catalog: Catalog, objects: Objects) -> None:
        self._grid = GRIDS[catalog.grids[analysis]]
        size = self._grid.pixels
        corners = [
            (row, column) for row in range(0, self._grid.rows, size) for column in range(0, self._grid.columns, size)
        ]
        tile_ids = {self._grid.tile_id(*corner) for corner in corners}
        self._tiles: Tiles = find_tiles(self._grid, catalog.configured, tile_ids, objects)
        self._marks = {path: content_mark(path) for path in self._tiles.paths.values()}
        self._missing: set[tuple[str, str]] = set()

    @property
    def grid(self) -> str:
        """The name of the grid."""
        return self._grid.name

    @property
    def missing(self) -> dict[str, int]:
        """Of each layer: how many of the tiles that points lie in are not there."""
        names = [name for name, _ in sorted(self._missing)]
        return {name: names.count(name) for name in names}

    def sample(self, layer: Layer, longitude: FloatArray, latitude: FloatArray) -> IntArray:
        """The layer's pixel value at each point; 0 where there is no pixel.

        A point whose longitude or latitude has exactly one decimal is moved by 0.00001 degrees to the south-east,
        as in the published tables: such coordinates lie on the edges of many grids.

        Args:
            layer: A configured layer.
            longitude: Degrees east, shape (n,).
            latitude: Degrees north, shape (n,).

        Raises:
            DataError: A raster file is damaged, or another one by now.
        """
        moved = _one_decimal(longitude) | _one_decimal(latitude)
        column = np.floor(self._grid.x(np.where(moved, longitude + _SHIFT, longitude))).astype(np.int64)
        row = np.floor(self._grid.y(np.where(moved, latitude - _SHIFT, latitude))).astype(np.int64)
        values = np.zeros(len(row), dtype=np.int64)
        there = (row >= 0) & (row < self._grid.rows) & (column >= 0) & (column < self._grid.columns)
        for points in self._cells(row, column, np.flatnonzero(there)):
            self._read(layer, row[points], column[points], points, values)
        return values

    def _cells(self, row: IntArray, column: IntArray, points: IntArray) -> list[IntArray]:
        """Points by the cell of a tile that they lie in."""
        pixels = self._grid.pixels
        per_tile = -(-pixels // _CELL)
        down = row[points] // pixels * per_tile + row[points] % pixels // _CELL
        across = column[points] // pixels * per_tile + column[points] % pixels // _CELL
        key = down * (self._grid.columns // pixels * per_tile) + across
        order = np.argsort(key, kind="stable")
        return [cell for cell in np.split(points[order], np.flatnonzero(np.diff(key[order])) + 1) if len(cell)]

    def _read(self, layer: Layer, row: IntArray, column: IntArray, points: IntArray, values: IntArray) -> None:
        tile_id = self._grid.tile_id(int(row[0]), int(column[0]))
        path = self._tiles.paths.get((layer.name, tile_id))
        if path is None:
            self._missing.add((layer.name, tile_id))
            return
        if content_mark(path) != self._marks[path]:
            raise DataError(f"{layer.name}: {path} was replaced while it was read: start the run again")
        row, column = row % self._grid.pixels, column % self._grid.pixels
        top, left = int(row.min()), int(column.min())
        shape = int(row.max()) - top + 1, int(column.max()) - left + 1
        pixels = read_window(path, (top, left), np.empty(shape, dtype=file_dtype(path)))
        if pixels is None:
            return
        found = pixels[row - top, column - left]
        values[points] = found != 0 if layer.kind == "boolean" else found


def _one_decimal(degrees: FloatArray) -> BoolArray:
    """Whether a coordinate's shortest digits have one decimal; whole numbers are written with one, too."""
    return np.asarray(np.round(degrees, 1) == degrees, dtype=bool)
