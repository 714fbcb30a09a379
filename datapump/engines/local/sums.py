"""Sums of amounts by integer keys: of a window's pixels, then of many windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from datapump.engines.local.blocks import SIDE, blocks
from datapump.engines.local.grouping import packed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from datapump.engines.local.blocks import Block
    from datapump.engines.local.codes import Codes
    from datapump.engines.local.grouping import FloatArray, IntArray
    from datapump.engines.local.rasters import Pixels
    from datapump.engines.local.spans import Spans

_MANY = 1 << 14
_DENSE = 8
_SAMPLE_ROWS, _RARE = 17, 0.25
_MERGE_ROWS = 250_000


@dataclass(frozen=True)
class Sums:
    """Rows of distinct keys, in the order of the keys.

    Attributes:
        keys: Columns of integers, each of shape (n,).
        values: Sums, shape (n, m).
    """

    keys: list[IntArray]
    values: FloatArray

    def __len__(self) -> int:
        return len(self.values)


def summed(keys: Sequence[IntArray], values: FloatArray) -> Sums:
    """Rows of equal keys as one.

    Args:
        keys: At least one, each of shape (n,).
        values: Shape (n, m).
    """
    if not len(values):
        return Sums(list(keys), values)
    key = packed(keys)
    order = np.argsort(key, kind="stable")
    ranked = key[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    first = order[starts]
    total = np.empty((len(starts), values.shape[1]))
    # A column at a time: all of them in order at once would take as much memory again.
    for column in range(values.shape[1]):
        total[:, column] = np.add.reduceat(values[order, column], starts)
    return Sums([column[first] for column in keys], total)


@dataclass
class Total:
    """Adds up the sums of windows, in the order in which they come."""

    width: int
    amounts: int
    _parts: list[Sums] = field(default_factory=list)
    _rows: int = 0

    def add(self, part: Sums) -> None:
        """Add some more."""
        if len(part):
            self._parts.append(part)
            self._rows += len(part)
        if self._rows > _MERGE_ROWS and self._rows > 2 * len(self._parts[0]):
            self._merge()

    def sums(self) -> Sums:
        """All that was added."""
        self._merge()
        return self._parts[0]

    def _merge(self) -> None:
        none = np.zeros(0, dtype=np.int64)
        keys = [np.concatenate([none, *(part.keys[at] for part in self._parts)]) for at in range(self.width)]
        values = np.concatenate([np.zeros((0, self.amounts)), *(part.values for part in self._parts)])
        self._parts.clear()
        merged = summed(keys, values)
        self._parts, self._rows = [merged], len(merged)


@dataclass(frozen=True)
class Amount:
    """What is summed.

    Attributes:
        values: Per hectare, of the window's shape; None: none at all. What is not finite counts as 0.
        within: Where it counts: where this is not 0, of the window's shape; None: everywhere.
        plus: Of an amount that counts within: what is added to it in each pixel, in single precision.
    """

    values: Pixels | None
    within: Pixels | None = None
    plus: Pixels | None = None


def by_code(
    spans: Spans,
    shape: tuple[int, int],
    coded: Callable[[Block], Codes],
    areas: FloatArray,
    amounts: Sequence[Amount],
    side: int = SIDE,
) -> Iterator[tuple[Sums, Codes]]:
    """Sums over the pixels of polygons, by polygon and code, a block at a time.

    Args:
        spans: The pixels.
        shape: Of the window.
        coded: The codes of a block's pixels.
        areas: Hectares of a pixel in each row, shape (height,).
        amounts: What is summed beside the area.
        side: Of a block, in pixels.

    Yields:
        Keys polygon and code, values area and amounts; and what the codes stand for, which is another thing in every
        block. A polygon may be in several blocks.
    """
    for parts in blocks(spans, shape, side):
        codes = coded(parts[0])
        for block in parts:
            yield _block_sums(block, codes, areas, amounts), codes


def together(parts: Sequence[Sums]) -> Sums:
    """Parts of sums as one."""
    keys = [np.concatenate(columns) for columns in zip(*(part.keys for part in parts), strict=True)]
    return summed(keys, np.concatenate([part.values for part in parts]))


def _block_sums(block: Block, codes: Codes, areas: FloatArray, amounts: Sequence[Amount]) -> Sums:
    key = block.keys(codes)
    size = codes.size * (1 if block.labels is None else len(block.polygons) + 1)
    groups = None
    if size > _MANY:
        groups, key = _compact(key, size)
        size = len(groups)
    summing = _Summing(block, key, size, areas)
    area = np.bincount(key, block.weighted(None, areas), size)
    found = np.flatnonzero(area)
    values = np.zeros((len(found), 1 + len(amounts)))
    values[:, 0] = area[found]
    for at, amount in enumerate(amounts, 1):
        of_key = summing.amount(amount)
        if of_key is not None:
            values[:, at] = of_key[found]
    place = found if groups is None else groups[found]
    if block.labels is None:
        count = len(block.polygons)
        return Sums([np.repeat(block.polygons, len(place)), np.tile(place, count)], np.tile(values, (count, 1)))
    inside = place >= codes.size
    place = place[inside]
    return Sums([block.polygons[place // codes.size - 1], place % codes.size], values[inside])


@dataclass
class _Summing:
    """Sums amounts of a block by key."""

    block: Block
    key: IntArray
    size: int
    areas: FloatArray
    _within: dict[int, _Picked] = field(default_factory=dict)

    def amount(self, amount: Amount) -> FloatArray | None:
        """The sum by key; None: 0 throughout."""
        if amount.values is None:
            return None
        values = amount.values[self.block.place]
        if amount.within is None and not _is_rare(values):
            found = self._sum(values)
            if not np.isfinite(found).all():
                found = self._sum(finite(values))
            return found
        pixels = self._where(amount.values if amount.within is None else amount.within)
        if not len(pixels.key):
            return None
        found = pixels.of(amount.values)
        if amount.plus is not None:
            found = found + pixels.of(amount.plus)
        return np.asarray(np.bincount(pixels.key, found * pixels.area, self.size))

    def _sum(self, values: Pixels) -> FloatArray:
        return np.asarray(np.bincount(self.key, self.block.weighted(values, self.areas), self.size))

    def _where(self, within: Pixels) -> _Picked:
        """The taken pixels where it is not 0, of a window's values."""
        if id(within) not in self._within:
            there = np.flatnonzero(self.block.taken(within[self.block.place] != 0))
            place, area = self.block.at(there, within.shape[1], self.areas)
            self._within[id(within)] = _Picked(place, self.key.take(there), area)
        return self._within[id(within)]


@dataclass(frozen=True)
class _Picked:
    """Some of a block's pixels, all of shape (m,).

    Attributes:
        place: Their places in the window, row by row.
        key: Their keys.
        area: Their hectares.
    """

    place: IntArray
    key: IntArray
    area: FloatArray

    def of(self, values: Pixels) -> Pixels:
        """A window's values there; what is no finite number is 0."""
        return finite(values.ravel().take(self.place))


def _is_rare(values: Pixels) -> bool:
    """Whether most pixels have none of it, as far as a sample tells."""
    sample = values[::_SAMPLE_ROWS]
    return bool(np.count_nonzero(sample) < _RARE * sample.size)


def finite(values: Pixels) -> Pixels:
    """Values with 0 in place of what is no finite number."""
    if np.issubdtype(values.dtype, np.floating):
        good = np.isfinite(values)
        if not good.all():
            return np.where(good, values, values.dtype.type(0))
    return values


def _compact(key: IntArray, size: int) -> tuple[IntArray, IntArray]:
    """The distinct keys, and of each key its place among them."""
    if size > _DENSE * len(key):
        groups, place = np.unique(key, return_inverse=True)
        return groups, place
    present = np.zeros(size, dtype=bool)
    present[key] = True
    return np.flatnonzero(present), (np.cumsum(present) - 1).take(key)
