"""Dense numbering of the combinations of layer values that the pixels of a window have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datapump.engines.local.grouping import IntArray

_MANY = 1 << 17


class Codes:
    """One number per pixel, equal where all values are.

    Args:
        shape: Of the window, (height, width).
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.numbers: NDArray[np.int32] = np.zeros(shape, dtype=np.int32)
        self._size = 1
        # How numbers were made, to be undone from the end: a value's width, or the numbers that were kept.
        self._steps: list[int | IntArray] = []

    @property
    def size(self) -> int:
        """Numbers are below it."""
        return self._size

    def add(self, values: NDArray[np.uint8] | None) -> None:
        """Tell pixels apart by one more value.

        Args:
            values: Of every pixel, the window's shape; None: 0 everywhere.
        """
        width = 1 if values is None else int(values.max(initial=0)) + 1
        self._steps.append(width)
        if values is None or width == 1:
            return
        self.numbers *= width
        self.numbers += values
        self._size *= width
        if self._size > _MANY:
            self.compact()

    def compact(self) -> None:
        """Leave out numbers that no pixel has."""
        present = np.zeros(self._size, dtype=bool)
        present[self.numbers] = True
        kept = np.flatnonzero(present)
        if len(kept) == self._size:
            return
        renumbered = np.cumsum(present, dtype=np.int32) - 1
        self.numbers = renumbered[self.numbers]
        self._steps.append(kept)
        self._size = len(kept)

    def columns(self, numbers: IntArray) -> list[IntArray]:
        """The values that numbers stand for, in the order in which values were added, each of shape (n,)."""
        found: list[IntArray] = []
        numbers = np.asarray(numbers, dtype=np.int64)
        for step in reversed(self._steps):
            if isinstance(step, int):
                found.append(numbers % step)
                numbers = numbers // step
            else:
                numbers = step[numbers]
        return found[::-1]
