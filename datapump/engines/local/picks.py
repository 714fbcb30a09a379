"""Some pixels of polygons: those that a window's mask picks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datapump.engines.local.grouping import BoolArray, FloatArray, IntArray
    from datapump.engines.local.rasters import Pixels
    from datapump.engines.local.spans import Spans


@dataclass(frozen=True)
class Picks:
    """Pixels, those of overlapping polygons several times; all of shape (n,).

    Attributes:
        polygon: Number of the polygon.
        pixel: Index in the window, row by row.
        area: Hectares.
    """

    polygon: IntArray
    pixel: IntArray
    area: FloatArray

    def __len__(self) -> int:
        return len(self.pixel)

    def of(self, values: Pixels | None) -> Pixels:
        """The window's values at the pixels; 0 where there are none.

        Args:
            values: Of the window's shape; None: 0 everywhere.
        """
        if values is None:
            return np.zeros(len(self), dtype=np.int64)
        found: Pixels = values.ravel()[self.pixel]
        return found


def picked(spans: Spans, mask: BoolArray, areas: FloatArray) -> Picks:
    """The pixels of polygons that a mask is true of.

    Args:
        spans: The polygons' pixels in the window.
        mask: Of the window's shape.
        areas: Hectares of a pixel in each row, shape (height,).
    """
    parts = []
    for piece in spans.chunks():
        pixel = piece.flat(mask.shape[1])
        there = np.flatnonzero(mask.ravel()[pixel])
        pixel = pixel[there]
        polygon = np.repeat(piece.polygon, piece.stop - piece.start)[there]
        parts.append((polygon, pixel, areas[pixel // mask.shape[1]]))
    return Picks(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
