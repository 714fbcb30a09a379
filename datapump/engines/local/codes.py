"""Dense numbering of the combinations of layer values that the pixels of a block have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datapump.engines.local.grouping import IntArray

_MANY = 1 << 17
_SMALL = 1 << 16


class Codes:
    """One number per pixel, equal where all values are.

    Args:
        shape: Of the block, (height, width).
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._numbers: NDArray[Any] | None = None
        self._size = 1
        # How numbers were made, to be undone from the end: a value's width and least, or the numbers that were kept.
        self._steps: list[tuple[int, int] | IntArray] = []

    @property
    def numbers(self) -> NDArray[Any]:
        """Of each pixel, integers of some type."""
        return np.zeros(self._shape, dtype=np.uint16) if self._numbers is None else self._numbers

    @property
    def size(self) -> int:
        """Numbers are below it."""
        return self._size

    def add(self, values: NDArray[np.uint8] | int | None) -> None:
        """Tell pixels apart by one more value.

        Args:
            values: Of every pixel, the block's shape; an integer: this everywhere; None: 0 everywhere.
        """
        if values is None or isinstance(values, int):
            self._steps.append((1, values or 0))
            return
        values = np.ascontiguousarray(values)
        low, high = int(values.min()), int(values.max())
        if low == high:
            self._steps.append((1, low))
            return
        width = high + 1
        self._steps.append((width, 0))
        if self._numbers is None:
            self._numbers = values.astype(np.uint16)
        else:
            if self._size * width > _SMALL:
                self._numbers = self._numbers.astype(np.int32, copy=False)
            self._numbers *= width
            self._numbers += values
        self._size *= width
        if self._size > _MANY:
            self.compact()

    def compact(self) -> None:
        """Leave out numbers that no pixel has."""
        if self._numbers is None:
            return
        present = np.zeros(self._size, dtype=bool)
        present[self._numbers] = True
        kept = np.flatnonzero(present)
        if len(kept) == self._size:
            return
        renumbered = np.cumsum(present, dtype=np.int32) - 1
        self._numbers = renumbered.take(self._numbers)
        self._steps.append(kept)
        self._size = len(kept)

    def columns(self, numbers: IntArray) -> list[IntArray]:
        """The values that numbers stand for, in the order in which values were added, each of shape (n,)."""
        found: list[IntArray] = []
        numbers = np.asarray(numbers, dtype=np.int64)
        for step in reversed(self._steps):
            if not isinstance(step, tuple):
                numbers = step[numbers]
            elif step[0] == 1:
                found.append(np.full(len(numbers), step[1], dtype=np.int64))
            else:
                found.append(numbers % step[0])
                numbers = numbers // step[0]
        return found[::-1]
