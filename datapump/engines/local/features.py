"""Feature files: ids and polygons, one row per feature or per 1x1 degree piece of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from datapump.engines.local import geometries
from datapump.engines.local.delimited import DelimitedFile
from datapump.engines.local.ids import LAYOUTS, Ids, Layout
from datapump.engines.local.row_filters import RowFilter
from datapump.engines.local.skipped import Skipped
from datapump.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from datapump.analyses import FeatureType
    from datapump.engines.local.delimited import Batch
    from datapump.engines.local.files import InputFile
    from datapump.engines.local.geometries import Geometries
    from datapump.engines.local.grouping import IntArray
    from datapump.objects import Objects


EVERY_ROW = RowFilter()


@dataclass(frozen=True)
class Features:
    """The rows of all feature files that can be used, those of one feature side by side.

    Attributes:
        geometries: Valid polygons and multipolygons, degrees east and north (WGS 84), shape (n,).
        codes: Number of each row's feature in `ids`, rising, shape (n,).
        ids: The features, each once, in the order of their ids.
        repaired: How many rows had an invalid geometry that was repaired.
        skipped: The rows that could not be used.
        rows: Rows of each file.
        by_position: Of each file: fields read by position, and the names of the columns they were read from.
    """

    geometries: Geometries
    codes: IntArray
    ids: Ids
    repaired: int
    skipped: Skipped
    rows: dict[str, int]
    by_position: dict[str, dict[str, str]]


@dataclass
class _Pieces:
    """What has been read so far."""

    ids: list[Any] = field(default_factory=list)
    geometries: list[Geometries] = field(default_factory=list)
    repaired: int = 0
    skipped: Skipped = field(default_factory=Skipped)


def read_features(
    files: Sequence[InputFile],
    feature_type: FeatureType,
    objects: Objects,
    progress: Callable[[int], None],
    rows_wanted: RowFilter = EVERY_ROW,
) -> Features:
    """Read feature files.

    A row whose geometry or id cannot be used is skipped and counted, whatever is wrong with it.

    Args:
        files: Tab-separated, with a header; columns by name, else by position (`ids.LAYOUTS`).
        feature_type: What the id columns are.
        objects: Where the files are read from.
        progress: Told how many bytes more have been read.
        rows_wanted: Which rows are looked at; the others are counted as skipped, too.

    Raises:
        DataError: A file lacks a column or has no rows, or no row of any file can be used.
    """
    layout = LAYOUTS[feature_type]
    pieces = _Pieces()
    rows: dict[str, int] = {}
    by_position: dict[str, dict[str, str]] = {}
    for file in files:
        with objects.local(file.name) as path:
            fields = [*layout.fields, layout.geometry]
            source = DelimitedFile(path, file.name, fields, layout.known, optional=rows_wanted.columns)
            skipped_before, kept, position = pieces.skipped.total, 0, 0
            for batch in source.batches(pieces.skipped):
                kept += _take(batch, file.name, (layout, rows_wanted), pieces)
                progress(batch.position - position)
                position = batch.position
        rows[file.name] = kept + pieces.skipped.total - skipped_before
        by_position[file.name] = source.by_position
        if not rows[file.name]:
            raise DataError(f"{file.name} holds no features: there is no row below its header")
    return _assemble(layout, pieces, rows, by_position)


def _take(batch: Batch, file: str, how: tuple[Layout, RowFilter], pieces: _Pieces) -> int:
    """Add the rows of a batch that can be used, count the others; returns how many were added."""
    layout, rows_wanted = how
    ids, problems = layout.parse(batch.columns)
    shapes = geometries.read(batch.columns[layout.geometry.name])
    usable = np.ones(len(batch.rows), dtype=bool)
    for reason, bad in (*rows_wanted.problems(batch.columns), *problems, *shapes.problems):
        pieces.skipped.add_all(reason, file, batch.rows, bad & usable, lambda row: layout.label(batch.columns, row))
        usable &= ~bad
    pieces.ids.append(ids.filter(pa.array(usable)))
    pieces.geometries.append(shapes.values[usable])
    pieces.repaired += int(np.count_nonzero(shapes.repaired & usable))
    return int(np.count_nonzero(usable))


def _assemble(
    layout: Layout, pieces: _Pieces, rows: dict[str, int], by_position: dict[str, dict[str, str]]
) -> Features:
    table = pa.concat_tables(pieces.ids)
    if not len(table):
        reasons = "; ".join(f"{reason['rows']} x {reason['reason']}" for reason in pieces.skipped.report())
        raise DataError(f"none of the {sum(rows.values())} rows of {', '.join(rows)} can be used: {reasons}")
    ids, codes = Ids.of(table, layout.level)
    order = np.argsort(codes, kind="stable")
    shapes = np.concatenate(pieces.geometries)[order]
    return Features(shapes, codes[order], ids, pieces.repaired, pieces.skipped, rows, by_position)
