"""A FIRMS feed as a file: a zipped or bare shapefile, or FIRMS' CSV, zipped or bare. Read in batches of columns."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.csv as pacsv

from datapump.errors import DataError
from datapump.sources.archives import ArchiveLimits, extract
from datapump.sources.columns import numbers, trimmed
from datapump.sources.point_shapefile import PointShapefile, is_shapefile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_LONGEST_HEADER = 65_536
_COORDINATES = ("latitude", "longitude")


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """Some rows of a feed.

    Attributes:
        latitude: Degrees north, NaN where there is no number.
        longitude: Degrees east, NaN where there is no number.
        texts: The wanted columns as trimmed text, empty where missing.
    """

    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    texts: dict[str, pa.Array]


class Feed(Protocol):
    """An opened feed.

    Attributes:
        name: The name of the file read, for messages.
        columns: Names of its columns, lower case, in order; a shapefile's geometry counts as its coordinates.
        passed_over: Rows that no batch holds, by reason; complete when the batches have been read to the end.
    """

    name: str
    columns: tuple[str, ...]
    passed_over: Counter[str]

    def batches(self, wanted: Sequence[str]) -> Iterator[FeedBatch]:
        """All rows, in order, some ten thousands at a time.

        Args:
            wanted: Columns to read besides the coordinates.

        Raises:
            DataError: The file is damaged.
        """
        ...


def open_feed(file: Path, work: Path, limits: ArchiveLimits) -> Feed:
    """Open a feed, whichever of its forms it has.

    Args:
        file: A `.zip` with one `.shp`, or else with one `.csv`; a `.shp` beside its other files; or a CSV file.
        work: Folder to unpack an archive into.
        limits: What an archive may hold.

    Raises:
        DataError: None of these forms, or damaged.
        StorageError: The disk refused the unpacked files.
    """
    if _is_archive(file):
        file = _member(file, extract(file, work, limits=limits))
    if file.suffix.lower() == ".shp" or is_shapefile(file):
        return _ShapefileFeed(file)
    return _CsvFeed(file)


class _ShapefileFeed:
    def __init__(self, file: Path) -> None:
        self._file = PointShapefile(file)
        self._stored = {name.lower(): name for name in self._file.columns}
        self.name = file.name
        self.columns = tuple(dict.fromkeys((*_COORDINATES, *self._stored)))
        self.passed_over: Counter[str] = Counter()

    def batches(self, wanted: Sequence[str]) -> Iterator[FeedBatch]:
        """See `Feed`."""
        for batch in self._file.batches([self._stored[name] for name in wanted]):
            if batch.deleted:
                self.passed_over["marked as deleted"] += batch.deleted
            texts = {name: batch.attributes[self._stored[name]] for name in wanted}
            yield FeedBatch(batch.y + 0.0, batch.x + 0.0, texts)  # adding 0 takes the sign off zeros


class _CsvFeed:
    def __init__(self, file: Path) -> None:
        self._file = file
        self.name = file.name
        self.columns, self._body = _header(file)
        self.passed_over: Counter[str] = Counter()

    def batches(self, wanted: Sequence[str]) -> Iterator[FeedBatch]:
        """See `Feed`."""
        if self._file.stat().st_size == self._body:
            return  # pyarrow takes a file that ends with its header for a broken one
        names = [*_COORDINATES, *wanted]
        reader = None
        try:
            reader = pacsv.open_csv(
                self._file,
                read_options=pacsv.ReadOptions(column_names=list(self.columns), skip_rows=1),
                parse_options=pacsv.ParseOptions(invalid_row_handler=self._pass_over),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), include_columns=names
                ),
            )
            for batch in reader:
                latitude, longitude = (numbers(trimmed(batch.column(name)))[0] for name in _COORDINATES)
                yield FeedBatch(latitude, longitude, {name: trimmed(batch.column(name)) for name in wanted})
        except pa.ArrowException as error:
            raise DataError(f"{self.name} cannot be read as CSV: {str(error).splitlines()[0]}") from error
        finally:
            if reader is not None:
                reader.close()

    def _pass_over(self, _: pacsv.InvalidRow) -> str:
        self.passed_over["wrong number of fields"] += 1
        return "skip"


def _is_archive(file: Path) -> bool:
    with file.open("rb") as opened:
        return file.suffix.lower() == ".zip" or opened.read(4) in (b"PK\3\4", b"PK\5\6")


def _member(archive: Path, files: list[Path]) -> Path:
    """The one file of an unpacked archive that is the feed."""
    for suffix in (".shp", ".csv"):
        found = [file for file in files if file.suffix.lower() == suffix]
        if len(found) == 1:
            return found[0]
        if found:
            break
    names = ", ".join(file.name for file in files) or "nothing"
    raise DataError(
        f"{archive.name} is not a FIRMS feed: expected exactly one .shp or else one .csv in it, not {names}"
    )


def _header(file: Path) -> tuple[tuple[str, ...], int]:
    """The column names of a CSV file, in lower case, and where the line of them ends."""
    with file.open("rb") as opened:
        line = opened.readline(_LONGEST_HEADER)
    if line.lstrip().startswith(b"<"):
        raise DataError(f"{file.name} is a web page or XML, not a FIRMS feed")
    try:
        text = line.decode("utf-8-sig")
        names = tuple(name.strip().lower() for row in csv.reader([text], strict=True) for name in row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file.name} does not begin with a line of column names: it is no FIRMS feed") from error
    if not any(names):
        raise DataError(f"{file.name} is empty: a FIRMS feed begins with a line of column names")
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise DataError(f"{file.name} has the column {twice[0]!r} twice")
    return names, len(line)
