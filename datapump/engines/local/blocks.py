"""Windows cut into blocks: small enough for a processor's cache, and often all of one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datapump.engines.local.codes import Codes
    from datapump.engines.local.grouping import BoolArray, FloatArray, IntArray
    from datapump.engines.local.rasters import Pixels
    from datapump.engines.local.spans import Spans

SIDE = 400
# From which share of a block on it is cheaper to look at all its pixels than to pick out those of polygons.
_DENSE = 0.5


@dataclass(frozen=True)
class Block:
    """A rectangle of a window, and the pixels of some polygons in it.

    Attributes:
        rows: Its rows in the window.
        columns: Its columns in the window.
        polygons: The polygons' numbers, shape (k,).
        labels: Of runs of taken pixels: index in `polygons`, from 1; 0: in none. None: every pixel lies in all.
        lengths: Pixels of each run.
        index: Of each taken pixel its place in the block, row by row; None: all are taken in this order.
    """

    rows: slice
    columns: slice
    polygons: IntArray
    labels: IntArray | None = None
    lengths: IntArray | None = None
    index: IntArray | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    @property
    def place(self) -> tuple[slice, slice]:
        """Where it is in the window."""
        return self.rows, self.columns

    def of(self, values: Pixels | None) -> Pixels | None:
        """The block's part of a window's values."""
        return None if values is None else values[self.place]

    def taken(self, values: Pixels) -> Pixels:
        """A block's values at the taken pixels, shape (n,)."""
        flat: Pixels = values.ravel()
        return flat if self.index is None else flat.take(self.index)

    def keys(self, codes: Codes) -> IntArray:
        """Of each taken pixel one number for polygon and code: label x number of codes + code."""
        numbers = self.taken(codes.numbers)
        if self.labels is None or self.lengths is None:
            return numbers.astype(np.int64)
        key = np.repeat(self.labels * codes.size, self.lengths)
        key += numbers
        return key

    def weighted(self, values: Pixels | None, areas: FloatArray) -> FloatArray:
        """Values x area at the taken pixels, shape (n,).

        Args:
            values: The block's, of its shape; None: 1 everywhere.
            areas: Hectares of a pixel in each row of the window.
        """
        column = areas[self.rows, None]
        if values is None:
            return self.taken(np.broadcast_to(column, self.shape))
        product = values.astype(np.float64)
        product *= column
        return self.taken(product)

    def at(self, there: IntArray, width: int, areas: FloatArray) -> tuple[IntArray, FloatArray]:
        """Of some of the taken pixels the places in the window, row by row, and hectares; both of shape (m,).

        Args:
            there: Which of the taken pixels, shape (m,).
            width: Columns of the window.
            areas: Hectares of a pixel in each row of the window.
        """
        place = there if self.index is None else self.index[there]
        row = place // self.shape[1]
        first = self.rows.start * width + self.columns.start
        return place + row * (width - self.shape[1]) + first, areas[self.rows].take(row)


def blocks(spans: Spans, shape: tuple[int, int], side: int) -> Iterator[list[Block]]:
    """The blocks of a window that polygons have pixels in.

    Args:
        spans: The polygons' pixels in the window.
        shape: Of the window.
        side: Of a block, in pixels.

    Yields:
        Of one rectangle: the polygons that cover it, and those that cover some of it.
    """
    pieces, cell = _cut(spans, shape, side)
    order = np.argsort(cell, kind="stable")
    cuts = np.flatnonzero(np.diff(cell[order])) + 1
    for part in np.split(order, cuts):
        if len(part):
            yield _block(*(column[part] for column in pieces))


def _cut(spans: Spans, shape: tuple[int, int], side: int) -> tuple[tuple[IntArray, ...], IntArray]:
    """Spans cut where blocks end (polygon, row, start, stop), and the number of each one's block."""
    first, last = spans.start // side, (spans.stop - 1) // side
    count = last - first + 1
    column = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
    polygon, row, start, stop = (np.repeat(one, count) for one in (spans.polygon, spans.row, spans.start, spans.stop))
    start, stop = np.maximum(start, column * side), np.minimum(stop, (column + 1) * side)
    return (polygon, row, start, stop), row // side * -(-shape[1] // side) + column


def _block(polygon: IntArray, row: IntArray, start: IntArray, stop: IntArray) -> list[Block]:
    rows = slice(int(row.min()), int(row.max()) + 1)
    columns = slice(int(start.min()), int(stop.max()))
    width = columns.stop - columns.start
    polygons, number = np.unique(polygon, return_inverse=True)
    length = stop - start
    whole = _covering(number, row, length == width, rows.stop - rows.start)
    found = [Block(rows, columns, polygons[whole])] if whole.any() else []
    if whole.all():
        return found
    partly = ~whole[number]
    begin = (row[partly] - rows.start) * width + start[partly] - columns.start
    label = np.cumsum(~whole, dtype=np.int64)[number[partly]]
    return [*found, _partly((rows, columns), polygons[~whole], (label, begin, length[partly]))]


def _covering(number: IntArray, row: IntArray, across: BoolArray, height: int) -> BoolArray:
    """Which polygons cover a block: those with one run in each row, across the block.

    Runs of one polygon may overlap, as rows of one feature may; such a polygon is never said to cover a block.
    """
    runs = np.bincount(number)
    found = (runs == height) & (np.bincount(number, across) == height)
    if found.any():
        distinct = np.unique(number * height + row - row.min()) // height
        found &= np.bincount(distinct, minlength=len(runs)) == height
    return np.asarray(found, dtype=bool)


def _partly(place: tuple[slice, slice], polygons: IntArray, runs: tuple[IntArray, IntArray, IntArray]) -> Block:
    order = np.argsort(runs[1], kind="stable")
    label, begin, length = (column[order] for column in runs)
    size = (place[0].stop - place[0].start) * (place[1].stop - place[1].start)
    gap = np.diff(begin, append=size) - length
    if (gap[:-1] >= 0).all() and length.sum() >= _DENSE * size:
        labels, lengths = np.zeros(2 * len(label) + 1, dtype=np.int64), np.zeros(2 * len(label) + 1, dtype=np.int64)
        labels[1::2], lengths[1::2] = label, length
        lengths[0], lengths[2::2] = begin[0], gap
        return Block(*place, polygons, labels, lengths)
    index = np.repeat(begin - (np.cumsum(length) - length), length) + np.arange(int(length.sum()))
    return Block(*place, polygons, label, length, index)
