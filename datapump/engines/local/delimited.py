"""Tab-separated files, read in batches, by column name where the header knows it and else by position."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import compute
from pyarrow import csv as arrow_csv

from datapump.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from datapump.engines.local.grouping import IntArray
    from datapump.engines.local.skipped import Skipped

_BLOCK_BYTES = 4 * 2**20
_LARGEST_BLOCK_BYTES = 2**30
_HEADER_BYTES = 2**20
_SHOWN = 40
_VALUE = re.compile(r"[+-]?\d+(\.\d+)?|[0-9a-fA-F]{42,}")


@dataclass(frozen=True)
class Field:
    """A column to read: its name, its position where the header lacks the name, its former names."""

    name: str
    position: int
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Every name it goes by."""
        return frozenset((self.name, *self.aliases))


@dataclass(frozen=True)
class Batch:
    """Consecutive rows of a file.

    Attributes:
        columns: Raw values by field name, each a binary arrow array of shape (n,), never null.
        rows: Row numbers, shape (n,); the header is row 1.
        position: How many bytes of the file had been read by then.
    """

    columns: dict[str, Any]
    rows: IntArray
    position: int


class DelimitedFile:
    """A file of delimited columns with a header, `"` around values where needed, doubled within.

    Args:
        path: Where it lies.
        name: What to call it in errors and reports.
        fields: The columns to read.
        known: Names that further columns of the format go by: no field is read from under such a name.
        optional: Names of columns that are read where the header has them.
        delimiter: What stands between columns.

    Raises:
        DataError: The file has no header line, or lacks a column.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        fields: Sequence[Field],
        known: Sequence[str] = (),
        *,
        optional: Sequence[str] = (),
        delimiter: str = "\t",
    ) -> None:
        self.path = path
        self.name = name
        self._fields = tuple(fields)
        line = _first_line(path, name)
        self._delimiter = delimiter
        self._header = _columns(line, name, delimiter)
        self._bare = not line.endswith("\n")
        self._at = {field.name: _find(field, self._header) for field in fields}
        self._check(frozenset(known))
        header = [column.lower() for column in self._header]
        self._at |= {column: header.index(column) for column in optional if column in header}

    @property
    def by_position(self) -> dict[str, str]:
        """Of each field that the header does not name: the column that was read in its place."""
        columns = {field.name: (self._header[self._at[field.name]], field.names) for field in self._fields}
        return {name: column for name, (column, names) in columns.items() if column.lower() not in names}

    def batches(self, skipped: Skipped) -> Iterator[Batch]:
        """The file's rows, in order; rows with another number of columns are skipped and counted.

        Raises:
            DataError: The file cannot be taken apart.
        """
        block, done = _BLOCK_BYTES, 0
        malformed: list[int] = []
        while not self._bare:
            try:
                for batch in self._read(block, done, malformed, skipped):
                    yield batch
                    done += len(batch.rows)
            except (pa.ArrowInvalid, OSError) as error:
                # A row that does not fit into a block: begin again with larger ones, behind what was read.
                if "straddling" not in str(error) or block >= _LARGEST_BLOCK_BYTES:
                    raise DataError(f"{self.name} cannot be read: {error}") from error
                block *= 4
            else:
                return

    def _read(self, block: int, done: int, malformed: list[int], skipped: Skipped) -> Iterator[Batch]:
        columns = [f"{index}" for index in range(len(self._header))]
        wanted = {name: columns[at] for name, at in self._at.items()}
        seen = 0
        with pa.OSFile(str(self.path)) as source:
            reader = arrow_csv.open_csv(
                source,
                # One thread: only then are the rows of another number of columns numbered.
                read_options=arrow_csv.ReadOptions(
                    block_size=block, column_names=columns, skip_rows=1, use_threads=False
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self._delimiter,
                    newlines_in_values=True,
                    invalid_row_handler=self._malformed_handler(malformed, skipped),
                ),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=list(wanted.values()),
                    column_types=dict.fromkeys(wanted.values(), pa.binary()),
                ),
            )
            row = 2
            for record in reader:
                rows = _row_numbers(row, record.num_rows, malformed)
                row = int(rows[-1]) + 1 if len(rows) else row
                fresh = max(0, done - seen)
                seen += record.num_rows
                if fresh < record.num_rows:
                    part = record.slice(fresh)
                    values = {name: part.column(column) for name, column in wanted.items()}
                    yield Batch(values, rows[fresh:], source.tell())

    def _malformed_handler(self, malformed: list[int], skipped: Skipped) -> Callable[[Any], str]:
        def handle(row: Any) -> str:  # noqa: ANN401 - pyarrow has no types
            if not malformed or row.number > malformed[-1]:
                malformed.append(row.number)
                lines = row.text.count("\n") + 1
                spread = f" spread over {lines} lines (a quote that is not closed?)" if lines > 1 else ""
                reason = f"not {row.expected_columns} columns"
                skipped.add(reason, self.name, row.number, f"{row.actual_columns} columns{spread}: {_shown(row.text)}")
            return "skip"

        return handle

    def _check(self, known: frozenset[str]) -> None:
        header = [column.lower() for column in self._header]
        others = known.union(*(field.names for field in self._fields))
        missing = [
            field.name
            for field in self._fields
            if self._at[field.name] >= len(header) or header[self._at[field.name]] in others - field.names
        ]
        if missing:
            raise DataError(
                f"{self.name} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
                f"its header line is {_shown(' '.join(self._header), 400)!r}"
            )


def texts(values: Any) -> tuple[Any, Any]:  # noqa: ANN401 - pyarrow has no types
    """Binary values as trimmed text.

    Returns:
        The texts, null where empty or not UTF-8; and which were not UTF-8, a numpy array of booleans.
    """
    broken = np.zeros(len(values), dtype=bool)
    try:
        text = compute.cast(values, pa.string())
    except pa.ArrowInvalid:
        decoded = [_decoded(value) for value in values.to_pylist()]
        broken = np.array([value is None for value in decoded], dtype=bool)
        text = pa.array(decoded, pa.string())
    text = compute.ascii_trim_whitespace(text)
    return compute.if_else(compute.equal(text, ""), pa.scalar(None, pa.string()), text), broken


def _decoded(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _row_numbers(first: int, count: int, malformed: list[int]) -> IntArray:
    numbers = np.arange(first, first + count + len(malformed), dtype=np.int64)
    return numbers[~np.isin(numbers, malformed)][:count]


def _first_line(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            return file.readline(_HEADER_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not tab-separated UTF-8 text: {error}") from error


def _columns(line: str, name: str, delimiter: str) -> list[str]:
    try:
        header = [column.strip() for row in csv.reader([line], delimiter=delimiter) for column in row]
    except csv.Error as error:
        raise DataError(f"{name} is not tab-separated text: {error}") from error
    if not any(header):
        raise DataError(f"{name} is empty: expected a header line and rows below it")
    if any(_VALUE.fullmatch(column) for column in header):
        raise DataError(f"{name} has no header line: its first line holds values, {_shown(' '.join(header))!r}")
    return header


def _find(field: Field, header: list[str]) -> int:
    for name in (field.name, *field.aliases):
        for index, column in enumerate(header):
            if column.lower() == name:
                return index
    return field.position


def _shown(text: str, length: int = _SHOWN) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."
