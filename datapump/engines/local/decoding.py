"""What pixel values stand for: categories of contextual layers, masks, amounts, years, alerts."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from datapump.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from datapump.engines.local.blocks import Block
    from datapump.engines.local.catalog import Layer
    from datapump.engines.local.codes import Codes
    from datapump.engines.local.grouping import FloatArray, IntArray
    from datapump.engines.local.rasters import Pixels, Rasters

_BYTE = 255
LOW, HIGH, MERGED = 20_000, 30_000, 40_000


@lru_cache(maxsize=256)
def _categories(layer: _Hashed) -> tuple[tuple[str, ...], NDArray[np.uint8], int]:
    """The distinct texts, of each value its place among them, and below which value the place is the value."""
    texts = [layer.layer.text(value) for value in range(_BYTE + 1)]
    distinct = tuple(dict.fromkeys(texts))
    table = np.array([distinct.index(text) for text in texts], dtype=np.uint8)
    other = np.flatnonzero(table != np.arange(_BYTE + 1))
    return distinct, table, int(other[0]) if len(other) else _BYTE + 1


class _Hashed:
    """A layer as a key: its tables of codes do not hash."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def __hash__(self) -> int:
        return hash(self.layer.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed) and other.layer == self.layer


def category_texts(layer: Layer) -> tuple[str, ...]:
    """What the categories of a contextual layer are written as; the first is the default."""
    return _categories(_Hashed(layer))[0]


def categories(layer: Layer, values: Pixels | None) -> NDArray[np.uint8] | int | None:
    """The categories of pixel values, of their shape; an integer: all are of this one; None: the default everywhere."""
    if values is None or not values.size:
        return None
    # A block's rows lie apart in its window; side by side they are looked at several times as fast.
    values = np.ascontiguousarray(values)
    if layer.kind == "boolean" and values.dtype != np.uint8:
        values = flags(values)
    elif values.dtype != np.uint8:
        # No layer has a code beyond a byte, and no percentage is: what lies beyond is a value without a code.
        beyond = 0 if layer.kind == "bins" else _BYTE
        values = np.where(values < 0, beyond, np.minimum(values, _BYTE)).astype(np.uint8)
    low, high = int(values.min()), int(values.max())
    if layer.kind == "boolean":
        return int(low > 0) if low == high else flags(values)
    table, same = _categories(_Hashed(layer))[1:]
    if low == high:
        return int(table[low])
    return values if high < same else table.take(values)


def mask(layer: Layer, rasters: Rasters) -> Pixels | None:
    """The values of a mask, where any but 0 says yes; None: 0 everywhere.

    Raises:
        DataError: It holds a value that it cannot have.
    """
    values = rasters.pixels(layer)
    if values is not None and layer.largest is not None and (values.max() > layer.largest or values.min() < 0):
        worst = values.max() if values.max() > layer.largest else values.min()
        raise DataError(f"{_place(layer, rasters)} holds the value {worst}; values are 0 to {layer.largest}")
    return values


def years(layer: Layer, rasters: Rasters) -> NDArray[np.uint8] | None:
    """Years after 2000, 0 for none; None: none everywhere.

    Raises:
        DataError: It holds a value that is no year of this century.
    """
    values = rasters.pixels(layer)
    if values is None:
        return None
    if values.min() < 0 or values.max() > 99:  # noqa: PLR2004 - the last year of the century
        raise DataError(f"{_place(layer, rasters)} holds {values.min()} to {values.max()}; years are 1 to 99")
    return values.astype(np.uint8, copy=False)


def alerts(layer: Layer, rasters: Rasters) -> NDArray[np.int32] | None:
    """20000 or 30000 + days since 2014-12-31, 0 for no alert; None: no alert anywhere.

    Raises:
        DataError: It holds values of merged alerts.
    """
    values = rasters.pixels(layer)
    if values is None or values.max() < LOW:
        return None
    if values.max() >= MERGED:
        raise DataError(
            f"{_place(layer, rasters)} holds the value {values.max()}; from {MERGED} on, values are those of merged "
            "alerts, and here each system's own are read"
        )
    found = values.astype(np.int32)
    found[found < LOW] = 0
    return found


def check_amounts(sums: FloatArray, layer: Layer, rasters: Rasters) -> None:
    """Refuse sums of a stock that are below 0: what their raster holds is a nodata value that it does not tell.

    Args:
        sums: Of some of its pixels, shape (n,).
        layer: The stock.
        rasters: The window.

    Raises:
        DataError: There is such a sum.
    """
    if (sums < 0).any():
        raise DataError(
            f"{_place(layer, rasters)} holds amounts below 0; if they stand for no data, set the file's nodata value"
        )


@overload
def flags(values: Pixels) -> NDArray[np.uint8]: ...


@overload
def flags(values: None) -> None: ...


@overload
def flags(values: Pixels | None) -> NDArray[np.uint8] | None: ...


def flags(values: Pixels | None) -> NDArray[np.uint8] | None:
    """1 where a value is not 0, else 0."""
    return None if values is None else np.asarray(values != 0).view(np.uint8)


def _place(layer: Layer, rasters: Rasters) -> str:
    window = rasters.window
    return f"tile {rasters.tiles.grid.tile_id(window.row, window.column)} of {layer.name}"


class ContextCodes:
    """Combinations of categories as one integer, the same in every window and process.

    Args:
        layers: The layers, in column order.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self._widths = [len(category_texts(layer)) for layer in layers]

    def add_to(self, codes: Codes, block: Block, rasters: Rasters) -> None:
        """Tell the pixels of a block of a window apart by all layers."""
        for layer in self.layers:
            codes.add(categories(layer, block.of(rasters.pixels(layer))))

    def at(self, pixel: IntArray, rasters: Rasters) -> IntArray:
        """The integer of each of some pixels of a window, shape (n,).

        Args:
            pixel: Their places in the window, row by row, shape (n,).
            rasters: The window.
        """
        values = [rasters.pixels(layer) for layer in self.layers]
        found = [None if pixels is None else pixels.ravel().take(pixel) for pixels in values]
        columns = [categories(layer, pixels) for layer, pixels in zip(self.layers, found, strict=True)]
        return self.packed([np.int64(0) if column is None else column for column in columns], len(pixel))

    def packed(self, columns: Sequence[NDArray[Any] | np.int64 | int], size: int) -> IntArray:
        """The integer of each combination of categories, shape (size,)."""
        number = np.zeros(size, dtype=np.int64)
        for column, width in zip(columns, self._widths, strict=True):
            number = number * width + column
        return number

    def texts(self, number: int) -> dict[str, str]:
        """What an integer stands for, by layer's name."""
        found = {}
        for layer, width in zip(reversed(self.layers), reversed(self._widths), strict=True):
            number, category = divmod(number, width)
            found[layer.name] = category_texts(layer)[category]
        return found
