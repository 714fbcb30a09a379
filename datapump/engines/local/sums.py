"""Sums of amounts by integer keys: of a window's pixels, then of many windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from datapump.engines.local.grouping import packed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from datapump.engines.local.codes import Codes
    from datapump.engines.local.grouping import FloatArray, IntArray
    from datapump.engines.local.rasters import Pixels
    from datapump.engines.local.spans import Spans

_DENSE = 4
_SAMPLE, _RARE = 97, 0.25
_MERGE_ROWS = 500_000


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
    return Sums([column[first] for column in keys], np.add.reduceat(values[order], starts, axis=0))


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
        merged = summed(keys, values)
        self._parts, self._rows = [merged], len(merged)


def by_code(spans: Spans, codes: Codes, areas: FloatArray, amounts: Sequence[Pixels | None]) -> Iterator[Sums]:
    """Sums over the pixels of polygons, by polygon and code, a part of the pixels at a time.

    Args:
        spans: The pixels, in the window of the codes.
        codes: The code of each pixel.
        areas: Hectares of a pixel in each row, shape (height,).
        amounts: Per hectare, each of the window's shape or None for none at all.

    Yields:
        Keys polygon and code; values the number of pixels, their area, then the amounts. A polygon may be in
        several parts.
    """
    rare = [amount is not None and _is_rare(amount) for amount in amounts]
    for piece in spans.chunks():
        yield _chunk(piece, codes, areas, list(zip(amounts, rare, strict=True)))


def together(parts: Sequence[Sums]) -> Sums:
    """Parts of sums as one."""
    keys = [np.concatenate(columns) for columns in zip(*(part.keys for part in parts), strict=True)]
    return summed(keys, np.concatenate([part.values for part in parts]))


def _is_rare(amount: Pixels) -> bool:
    """Whether most pixels have none of it, as far as a sample tells."""
    sample = amount.ravel()[::_SAMPLE]
    return bool(np.count_nonzero(sample) < _RARE * len(sample))


def _chunk(spans: Spans, codes: Codes, areas: FloatArray, amounts: Sequence[tuple[Pixels | None, bool]]) -> Sums:
    pixel = spans.flat(codes.numbers.shape[1])
    length = spans.stop - spans.start
    polygons, local = np.unique(spans.polygon, return_inverse=True)
    key = np.repeat(local * codes.size, length)
    key += codes.numbers.ravel()[pixel]
    area = np.repeat(areas[spans.row], length)
    size = len(polygons) * codes.size
    groups = None
    if size > _DENSE * len(key):
        groups, key = np.unique(key, return_inverse=True)
        size = len(groups)
    count = np.bincount(key, minlength=size)
    found = np.flatnonzero(count)
    values = np.zeros((len(found), 2 + len(amounts)))
    values[:, 0] = count[found]
    values[:, 1] = np.bincount(key, area, size)[found]
    for at, (amount, rare) in enumerate(amounts):
        if amount is not None:
            values[:, 2 + at] = _weighted(key, amount.ravel()[pixel], area, size, rare=rare)[found]
    place = found if groups is None else groups[found]
    return Sums([polygons[place // codes.size], place % codes.size], values)


def _weighted(key: IntArray, amount: Pixels, area: FloatArray, size: int, *, rare: bool) -> FloatArray:
    """Sums of amount x area by key."""
    if rare:
        there = np.flatnonzero(amount)
        key, amount, area = key[there], amount[there], area[there]
    return np.asarray(np.bincount(key, amount * area, size), dtype=np.float64)
