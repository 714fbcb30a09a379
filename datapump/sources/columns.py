"""Whole columns of a feed: from text to numbers, and between numpy and Arrow.

Text columns hold trimmed text, the empty text where a value is missing. Number columns hold NaN there.

Arrays cross by their buffers: `pyarrow.array` and `to_numpy` import pandas where it is installed, which would take
longer than reading a feed.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

UNREADABLE = int(np.iinfo(np.int64).min)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_MISSING = re.compile(r"|[+-]?nan|\*+", re.IGNORECASE)  # stars are what dBASE writes for want of a number


def to_arrow(array: NDArray[np.generic]) -> pa.Array:
    """The same numbers as an Arrow array, without a copy; NaN becomes null."""
    contiguous: NDArray[Any] = np.ascontiguousarray(array)
    valid = None
    if contiguous.dtype.kind == "f" and np.isnan(contiguous).any():
        valid = pa.py_buffer(np.packbits(~np.isnan(contiguous), bitorder="little"))
    return pa.Array.from_buffers(
        pa.from_numpy_dtype(contiguous.dtype), len(contiguous), [valid, pa.py_buffer(contiguous)]
    )


def to_numpy(array: pa.Array) -> NDArray[Any]:
    """The same numbers as a numpy array, without a copy. There must be no nulls."""
    return np.from_dlpack(array)


def fixed_texts(cells: NDArray[np.uint8]) -> pa.Array:
    """Texts of one width, in bytes: `cells` has a row for each and a column for each ASCII byte."""
    count, width = cells.shape
    ends = np.arange(count + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(cells)))


def trimmed(texts: pa.Array) -> pa.Array:
    """Texts without the blanks around them."""
    return pc.ascii_trim_whitespace(texts)


def codes(texts: pa.Array, parse: Callable[[str], int]) -> NDArray[np.int64]:
    """What `parse` makes of each text, `UNREADABLE` where it raises ValueError. Each distinct text is parsed once."""
    encoded = texts.dictionary_encode()
    parsed = np.array([_code(text, parse) for text in encoded.dictionary.to_pylist()], dtype=np.int64)
    found: NDArray[np.int64] = parsed[to_numpy(encoded.indices)]
    return found


def numbers(texts: pa.Array) -> tuple[Floats, NDArray[np.bool_]]:
    """The numbers that texts stand for, NaN where missing or unreadable; and which are unreadable.

    Missing are the empty text, `nan`, and stars. Infinite numbers count as unreadable. Zero has no sign.
    """
    try:
        quick: Floats = to_numpy(texts.cast(pa.float64()))
    except pa.ArrowInvalid:
        pass
    else:
        if np.isfinite(quick).all():
            return quick + 0.0, np.zeros(len(quick), dtype=bool)
    return _numbers_one_by_one(texts)


def _numbers_one_by_one(texts: pa.Array) -> tuple[Floats, NDArray[np.bool_]]:
    values = texts.to_pylist()
    unreadable = np.zeros(len(values), dtype=bool)
    found = np.full(len(values), math.nan)
    for at, text in enumerate(values):
        if _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
            found[at] = number + 0.0
        else:
            unreadable[at] = _MISSING.fullmatch(text) is None
    return found, unreadable


def _code(text: str, parse: Callable[[str], int]) -> int:
    try:
        return parse(text)
    except ValueError:
        return UNREADABLE
