"""Polygons as runs of pixels: a pixel belongs to a polygon if its centre does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datapump.engines.local.geometries import Geometries
    from datapump.engines.local.grids import Grid, Window
    from datapump.engines.local.grouping import IntArray

# Few enough for the arrays of a chunk to stay in a processor's cache.
_PIXELS = 1 << 18


@dataclass(frozen=True)
class Spans:
    """Runs of pixels in a window, ordered by polygon, row and column; all of shape (n,).

    Attributes:
        polygon: Number of the polygon.
        row: Row in the window.
        start: First column in the window.
        stop: Column behind the last.
    """

    polygon: IntArray
    row: IntArray
    start: IntArray
    stop: IntArray

    def __len__(self) -> int:
        return len(self.polygon)

    @property
    def pixels(self) -> int:
        """How many pixels, those of overlapping polygons several times."""
        return int((self.stop - self.start).sum())

    def shifted(self, row: int, column: int) -> Spans:
        """The same, counted from another corner."""
        return Spans(self.polygon, self.row - row, self.start - column, self.stop - column)

    def within(self, rows: slice) -> Spans:
        """Those in some rows, counted from the first of these."""
        there = (self.row >= rows.start) & (self.row < rows.stop)
        return Spans(self.polygon[there], self.row[there] - rows.start, self.start[there], self.stop[there])

    def chunks(self, pixels: int = _PIXELS) -> Iterator[Spans]:
        """Consecutive spans of about as many pixels."""
        done = np.cumsum(self.stop - self.start)
        first = 0
        while first < len(self):
            before = int(done[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(done, before + pixels, side="right")))
            piece = slice(first, last)
            yield Spans(self.polygon[piece], self.row[piece], self.start[piece], self.stop[piece])
            first = last

    def flat(self, width: int) -> IntArray:
        """The index of every pixel in a window of that width, row by row.

        Args:
            width: Columns of the window.
        """
        length = self.stop - self.start
        begin = self.row * width + self.start - (np.cumsum(length) - length)
        return np.repeat(begin, length) + np.arange(int(length.sum()))


def rasterize(polygons: Geometries, numbers: IntArray, grid: Grid, window: Window) -> Spans:
    """The pixels of a window whose centres lie in polygons.

    On a boundary: a centre on the left edge is outside, on the right edge inside; a centre on the upper edge is
    inside, on the lower edge outside.

    Args:
        polygons: Valid polygons and multipolygons, degrees east and north, shape (n,).
        numbers: What to call each, rising, shape (n,).
        grid: The grid.
        window: Which pixels of it.
    """
    row, key = _crossings(polygons, grid, window)
    if not len(row):
        none = np.zeros(0, dtype=np.int64)
        return Spans(none, none, none, none)
    # One integer orders crossings by polygon, row, column: every other one begins a run.
    key.sort()
    column = key % (window.width + 1)
    place = key[::2] // (window.width + 1)
    start, stop = column[::2], column[1::2]
    inside = stop > start
    place = place[inside]
    return Spans(numbers[place // window.height], place % window.height, start[inside], stop[inside])


def _crossings(polygons: Geometries, grid: Grid, window: Window) -> tuple[IntArray, IntArray]:
    """Where edges cross the centre lines of rows."""
    parts, part = shapely.get_parts(polygons, return_index=True)
    rings, ring = shapely.get_rings(parts, return_index=True)
    coordinates, vertex = shapely.get_coordinates(rings, return_index=True)
    x, y = grid.x(coordinates[:, 0]) - window.column, grid.y(coordinates[:, 1]) - window.row
    line = np.ceil(y - 0.5)
    low, high = np.minimum(line[:-1], line[1:]), np.maximum(line[:-1], line[1:])
    edge = np.flatnonzero((vertex[:-1] == vertex[1:]) & (low < high) & (low < window.height) & (high > 0))
    first = np.maximum(low[edge], 0).astype(np.int64)
    count = np.minimum(high[edge], window.height).astype(np.int64) - first
    row = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
    edge = np.repeat(edge, count)
    slope = (row + 0.5 - y[edge]) / (y[edge + 1] - y[edge])
    place = x[edge] + slope * (x[edge + 1] - x[edge])
    column = np.clip(np.floor(place + 0.5), 0, window.width).astype(np.int64)
    polygon = part[ring[vertex[edge]]]
    return row, (polygon * window.height + row) * (window.width + 1) + column
