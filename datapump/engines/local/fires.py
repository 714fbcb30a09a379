"""Fire files: where and when each fire was seen, and how sure that is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from datapump.analyses import Analysis
from datapump.engines.local.delimited import DelimitedFile, Field, texts
from datapump.engines.local.skipped import Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from datapump.engines.local.delimited import Batch
    from datapump.engines.local.files import InputFile
    from datapump.engines.local.grouping import FloatArray, IntArray
    from datapump.objects import Objects

FIELDS = (Field("latitude", 0), Field("longitude", 1), Field("acq_date", 2), Field("confidence", 4))
KNOWN = ("acq_time", "bright_ti4", "bright_ti5", "brightness", "bright_t31", "frp", "scan", "track", "daynight")
CHUNK = 500_000

NOT_UTF8 = "not UTF-8 text"
NOT_NUMBER = "latitude or longitude is not a number"
OFF_EARTH = "latitude beyond 90 or longitude beyond 180 degrees"
NOT_DATE = "acq_date is not a date YYYY-MM-DD"

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_EPOCH = date(1970, 1, 1).toordinal()
NO_DAY = -(2**31)
_MAX_LATITUDE, _MAX_LONGITUDE = 90, 180
_HIGH, _NOMINAL = 99, 40


@dataclass(frozen=True)
class Fires:
    """Some fires.

    Attributes:
        longitude: Degrees east, WGS 84, shape (n,).
        latitude: Degrees north, shape (n,).
        day: Day of acquisition (UTC), days since 1970-01-01, shape (n,).
        confidence: Number of the confidence text in the reader's `confidences`, shape (n,).
    """

    longitude: FloatArray
    latitude: FloatArray
    day: IntArray
    confidence: IntArray

    def __len__(self) -> int:
        return len(self.day)


@dataclass
class FireReader:
    """Reads fire files in chunks.

    Attributes:
        analysis: `viirs`: confidence is text and kept; `modis`: 0-100, cut into `h` (from 99), `n` (from 40), `l`.
        objects: Where files are read from.
        progress: Told how many bytes more have been read.
        confidences: The confidence texts met, each once; None stands for an unknown one.
        rows: Rows of each file that has been read.
        by_position: Of each file: fields read by position, and the names of the columns they were read from.
        skipped: Rows that were dropped.
    """

    analysis: Analysis
    objects: Objects
    progress: Callable[[int], None]
    confidences: dict[str | None, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    by_position: dict[str, dict[str, str]] = field(default_factory=dict)
    skipped: Skipped = field(default_factory=Skipped)

    def chunks(self, files: Sequence[InputFile]) -> Iterator[Fires]:
        """The fires of all files, about `CHUNK` at a time.

        Raises:
            DataError: A file lacks a column, or cannot be taken apart.
        """
        pending: list[Fires] = []
        for fires in self._batches(files):
            pending.append(fires)
            if sum(map(len, pending)) >= CHUNK:
                yield _joined(pending)
                pending = []
        if sum(map(len, pending)):
            yield _joined(pending)

    def _batches(self, files: Sequence[InputFile]) -> Iterator[Fires]:
        for file in files:
            with self.objects.local(file.name) as path:
                source = DelimitedFile(path, file.name, FIELDS, KNOWN)
                self.by_position[file.name] = source.by_position
                skipped_before, kept, position = self.skipped.total, 0, 0
                for batch in source.batches(self.skipped):
                    fires = self._parse(batch, file.name)
                    kept += len(fires)
                    self.progress(batch.position - position)
                    position = batch.position
                    yield fires
            self.rows[file.name] = kept + self.skipped.total - skipped_before

    def _parse(self, batch: Batch, file: str) -> Fires:
        read = {name: texts(values) for name, values in batch.columns.items()}
        latitude = _numbers(read["latitude"][0])
        longitude = _numbers(read["longitude"][0])
        day = days(read["acq_date"][0])
        problems = (
            (NOT_UTF8, np.logical_or.reduce([broken for _, broken in read.values()])),
            (NOT_NUMBER, ~(np.isfinite(latitude) & np.isfinite(longitude))),
            (OFF_EARTH, (np.abs(latitude) > _MAX_LATITUDE) | (np.abs(longitude) > _MAX_LONGITUDE)),
            (NOT_DATE, day == NO_DAY),
        )
        good = np.ones(len(batch.rows), dtype=bool)
        for reason, bad in problems:
            self.skipped.add_all(reason, file, batch.rows, bad & good, lambda row: _label(batch, row))
            good &= ~bad
        confidence = self._confidences(read["confidence"][0])
        return Fires(longitude[good], latitude[good], day[good], confidence[good])

    def _confidences(self, text: Any) -> IntArray:  # noqa: ANN401 - pyarrow has no types
        def number(value: str | None) -> int:
            category = _modis_category(value) if self.analysis is Analysis.MODIS else value
            return self.confidences.setdefault(category, len(self.confidences))

        return _mapped(text, number)


def _joined(fires: list[Fires]) -> Fires:
    return Fires(
        np.concatenate([part.longitude for part in fires]),
        np.concatenate([part.latitude for part in fires]),
        np.concatenate([part.day for part in fires]),
        np.concatenate([part.confidence for part in fires]),
    )


def _label(batch: Batch, row: int) -> str:
    values = [batch.columns[field.name][row].as_py().decode(errors="replace") for field in FIELDS]
    return " ".join(values)[:100]


def _numbers(text: Any) -> FloatArray:  # noqa: ANN401 - pyarrow has no types
    """Texts as numbers; NaN where they are none."""
    try:
        numbers = compute.cast(text, pa.float64())
    except pa.ArrowInvalid:
        number = compute.match_substring_regex(text, _NUMBER)
        unsigned = compute.replace_substring_regex(text, r"^\+", "")
        numbers = compute.cast(compute.if_else(number, unsigned, pa.scalar(None, pa.string())), pa.float64())
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)


def days(text: Any) -> IntArray:  # noqa: ANN401 - pyarrow has no types
    """Dates as days since 1970-01-01; `NO_DAY` where they are none."""
    return _mapped(text, _day)


def _mapped(text: Any, number: Callable[[str | None], int]) -> IntArray:  # noqa: ANN401 - pyarrow has no types
    """The number of each text, found once per distinct text."""
    encoded = compute.dictionary_encode(text, null_encoding="encode")
    numbers = np.array([number(value) for value in encoded.dictionary.to_pylist()], dtype=np.int64)
    indices = np.asarray(encoded.indices.to_numpy(), dtype=np.int64)
    return numbers[indices] if len(indices) else indices


def _day(text: str | None) -> int:
    if text is None or not _DATE.fullmatch(text):
        return NO_DAY
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        return NO_DAY


def _modis_category(text: str | None) -> str | None:
    """`h`, `n` or `l` of a confidence from 0 to 100; None of anything else."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    if not 0 <= value <= 100:  # noqa: PLR2004 - a percentage
        return None
    return "h" if value >= _HIGH else "n" if value >= _NOMINAL else "l"
