"""Fires as columns of numbers: how a night's rows are held, sorted, and written."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from datapump.errors import StorageError
from datapump.sources.columns import fixed_texts, to_arrow, to_numpy
from datapump.sources.fire_files import FireType
from datapump.sources.fire_time import MINUTES_A_DAY, FireTime

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class Detections:
    """Fires, one array element each; all arrays have the same length. The field order is the sort order.

    Attributes:
        minute: Minutes since 1970-01-01 00:00 UTC.
        latitude: Degrees north, WGS 84.
        longitude: Degrees east, WGS 84.
        confidence: VIIRS: the code point of `l`, `n` or `h`. MODIS: 0 to 100.
        fire_brightness: Kelvin, NaN where the feed has none.
        background_brightness: Kelvin, NaN where the feed has none.
        frp: Fire radiative power in MW, NaN where the feed has none.
    """

    minute: NDArray[np.int64]
    latitude: Floats
    longitude: Floats
    confidence: NDArray[np.int64]
    fire_brightness: Floats
    background_brightness: Floats
    frp: Floats

    def __len__(self) -> int:
        return len(self.minute)

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The arrays, in sort order."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def where(self, choice: NDArray[np.bool_] | NDArray[np.integer] | slice) -> Self:
        """The rows a mask or slice selects, or those at the given positions, in their order."""
        return type(self)(*(array[choice] for array in self.arrays()))

    @classmethod
    def concatenate(cls, parts: list[Self]) -> Self:
        """All rows of the parts, one after the other; at least one part."""
        return cls(*(np.concatenate(arrays) for arrays in zip(*(part.arrays() for part in parts), strict=True)))

    def sorted_unique(self) -> tuple[Self, int]:
        """The rows by time, then by every other column, without repetitions; and how many those were.

        Which rows there are decides the result alone, not the order they came in.
        """
        names = [field.name for field in fields(self)]
        table = pa.RecordBatch.from_arrays([to_arrow(array) for array in self.arrays()], names=names)
        order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in names])
        ordered = self.where(to_numpy(order))
        repeated = np.zeros(len(self), dtype=bool)
        repeated[1:] = np.logical_and.reduce([_same_as_before(array) for array in ordered.arrays()])
        count = int(repeated.sum())
        return (ordered.where(~repeated), count) if count else (ordered, 0)

    def span(self) -> tuple[FireTime, FireTime] | None:
        """The earliest and the latest fire; None when there are none."""
        if not len(self):
            return None
        return FireTime(int(self.minute.min())), FireTime(int(self.minute.max()))


def write_detections(rows: Detections, fire_type: FireType, path: Path) -> None:
    """Write rows as they are ordered: tab-separated, one header line, no quotes, a missing number as an empty field.

    Numbers are written with the fewest digits that read back as the same number.

    Raises:
        StorageError: The disk refused it. What is written so far stays for the caller to remove.
    """
    options = pacsv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    try:
        with path.open("wb") as out:
            out.write(("\t".join(fire_type.columns) + "\n").encode())
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                part = rows.where(slice(start, start + _ROWS_AT_ONCE))
                pacsv.write_csv(_text_columns(part, fire_type), out, options)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise StorageError(
            f"{path} could not be written: {error.strerror or error}; free space and try again"
        ) from error


def _text_columns(rows: Detections, fire_type: FireType) -> pa.Table:
    day, minute = np.divmod(rows.minute, MINUTES_A_DAY)
    confidence = to_arrow(rows.confidence)
    columns = [
        to_arrow(rows.latitude),
        to_arrow(rows.longitude),
        to_arrow(day.astype(np.int32)).cast(pa.date32()),
        _clock_texts().take(to_arrow(minute)),
        _letters().take(confidence) if fire_type is FireType.VIIRS else confidence,
        to_arrow(rows.fire_brightness),
        to_arrow(rows.background_brightness),
        to_arrow(rows.frp),
    ]
    return pa.Table.from_arrays(columns, names=list(fire_type.columns))


@lru_cache
def _clock_texts() -> pa.Array:
    """The 1,440 times of a day, `HHMM`."""
    texts = "".join(FireTime(minute).hhmm for minute in range(MINUTES_A_DAY))
    return fixed_texts(np.frombuffer(texts.encode(), dtype=np.uint8).reshape(MINUTES_A_DAY, -1))


@lru_cache
def _letters() -> pa.Array:
    """The ASCII characters, each at its code point."""
    return fixed_texts(np.arange(128, dtype=np.uint8).reshape(-1, 1))


def _same_as_before(array: NDArray[Any]) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = array[1:] == array[:-1]
    if array.dtype.kind == "f":
        same |= np.isnan(array[1:]) & np.isnan(array[:-1])
    return same
