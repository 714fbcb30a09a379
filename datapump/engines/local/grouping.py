"""Grouping of rows by integer keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_LARGEST_KEY = 2**62


def packed(keys: Sequence[IntArray]) -> IntArray:
    """One integer per row that orders and tells apart rows as their keys do, the first key foremost.

    Args:
        keys: At least one array, all of shape (n,).
    """
    key, size = np.zeros(len(keys[0]), dtype=np.int64), 1
    if not len(key):
        return key
    for column in keys:
        low = int(column.min())
        width = int(column.max()) - low + 1
        if size * width > _LARGEST_KEY:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            size = int(key.max()) + 1
        key = key * width + (column - low)
        size *= width
    return key


def grouped(keys: Sequence[IntArray], counts: IntArray) -> tuple[list[IntArray], IntArray]:
    """Rows of equal keys as one, their counts summed, in the order of the keys.

    Args:
        keys: At least one array, all of shape (n,).
        counts: Shape (n,).

    Returns:
        The keys and counts of the m distinct rows, each of shape (m,).
    """
    if not len(counts):
        return list(keys), counts
    key = packed(keys)
    order = np.argsort(key, kind="stable")
    ranked = key[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    first = order[starts]
    return [column[first] for column in keys], np.add.reduceat(counts[order], starts)
