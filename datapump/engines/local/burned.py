"""Burned areas: hectares of features by the day on which they burned, and contexts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from datapump.engines.local import geometries
from datapump.engines.local.decoding import ContextCodes
from datapump.engines.local.delimited import DelimitedFile, Field, texts
from datapump.engines.local.fires import NO_DAY, NOT_UTF8, days
from datapump.engines.local.picks import picked
from datapump.engines.local.skipped import Skipped
from datapump.engines.local.spans import rasterize
from datapump.engines.local.sums import Sums, summed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from datapump.engines.local.catalog import Catalog, Layer
    from datapump.engines.local.delimited import Batch
    from datapump.engines.local.files import InputFile
    from datapump.engines.local.geometries import Geometries
    from datapump.engines.local.grouping import FloatArray, IntArray
    from datapump.engines.local.rasters import Rasters
    from datapump.engines.local.spans import Spans
    from datapump.objects import Objects

# Read by name alone: there is no column that a name could be missing from.
_NOWHERE = 1 << 30
_NOT_DATE = "alert__date is not a date YYYY-MM-DD"
_FIELDS = (Field("alert__date", _NOWHERE), Field("geom", _NOWHERE))


@dataclass
class BurnedReader:
    """Reads files of burned polygons, comma-separated, with columns `alert__date` and `geom`.

    Attributes:
        objects: Where files are read from.
        progress: Told how many bytes more have been read.
        rows: Rows of each file that has been read.
        by_position: Of each file: fields read by position; never any.
        skipped: Rows that were dropped.
    """

    objects: Objects
    progress: Callable[[int], None]
    rows: dict[str, int] = field(default_factory=dict)
    by_position: dict[str, dict[str, str]] = field(default_factory=dict)
    skipped: Skipped = field(default_factory=Skipped)

    def read(self, files: Sequence[InputFile]) -> tuple[Geometries, IntArray]:
        """The burned polygons of all files, and the day of each, days since 1970-01-01; both of shape (n,).

        Raises:
            DataError: A file lacks a column, or cannot be taken apart.
        """
        shapes: list[Geometries] = [np.empty(0, dtype=object)]
        when: list[IntArray] = [np.empty(0, dtype=np.int64)]
        for file in files:
            with self.objects.local(file.name) as path:
                source = DelimitedFile(path, file.name, _FIELDS, delimiter=",")
                self.by_position[file.name] = source.by_position
                kept, skipped_before, position = 0, self.skipped.total, 0
                for batch in source.batches(self.skipped):
                    polygons, day = self._parse(batch, file.name)
                    shapes.append(polygons)
                    when.append(day)
                    kept += len(day)
                    self.progress(batch.position - position)
                    position = batch.position
            self.rows[file.name] = kept + self.skipped.total - skipped_before
        return np.concatenate(shapes), np.concatenate(when)

    def _parse(self, batch: Batch, file: str) -> tuple[Geometries, IntArray]:
        text, broken = texts(batch.columns["alert__date"])
        day = days(text)
        found = geometries.read(batch.columns["geom"])
        good = np.ones(len(batch.rows), dtype=bool)
        problems = ((NOT_UTF8, broken), (_NOT_DATE, day == NO_DAY), *found.problems)
        for reason, bad in problems:
            self.skipped.add_all(reason, file, batch.rows, bad & good, lambda row: _label(batch, row))
            good &= ~bad
        return found.values[good], day[good]


class BurnedAreas:
    """Sums of one window after the other: keys feature, context, day; amount hectares.

    A pixel counts for every burned polygon that its centre lies in.

    Args:
        catalog: The analysis's layers.
        polygons: The burned polygons, shape (n,).
        days: The day of each, days since 1970-01-01, shape (n,).
    """

    keys, amounts = 3, 1

    def __init__(self, catalog: Catalog, polygons: Geometries, when: IntArray) -> None:
        self.contexts = ContextCodes([layer for layer in catalog.contexts if layer.uri is not None])
        self._polygons = polygons
        self._days = when
        self.ahead: tuple[Layer, ...] = ()
        self._tree = shapely.STRtree(polygons)

    @property
    def content(self) -> tuple[bytes, bytes]:
        """What was burned when, to tell it from other fires."""
        return b"".join(shapely.to_wkb(self._polygons)), self._days.tobytes()

    def window(self, rasters: Rasters, spans: Spans, areas: FloatArray) -> Sums:
        """The sums of a window's pixels."""
        shape = (rasters.window.height, rasters.window.width)
        grid, window = rasters.tiles.grid, rasters.window
        west, north = window.column * grid.size - 180, 90 - window.row * grid.size
        box = shapely.box(west, north - window.height * grid.size, west + window.width * grid.size, north)
        near = np.sort(self._tree.query(box))
        burns = rasterize(self._polygons[near], near, grid, window)
        if not len(burns):
            none = np.zeros(0, dtype=np.int64)
            return Sums([none] * self.keys, np.zeros((0, self.amounts)))
        burned = burns.flat(shape[1])
        mask = np.zeros(shape, dtype=bool)
        mask.ravel()[burned] = True
        picks = picked(spans, mask, areas)
        context = self.contexts.at(picks.pixel, rasters)
        day = np.repeat(self._days[burns.polygon], burns.stop - burns.start)
        pick, when = _paired(picks.pixel, burned, day)
        return summed([picks.polygon[pick], context[pick], when], picks.area[pick, None])


def _paired(pixel: IntArray, burned: IntArray, day: IntArray) -> tuple[IntArray, IntArray]:
    """Of each pick the days on which its pixel burned: the pick's number and a day, shape (k,) each."""
    order = np.argsort(burned, kind="stable")
    burned, day = burned[order], day[order]
    first = np.searchsorted(burned, pixel, side="left")
    count = np.searchsorted(burned, pixel, side="right") - first
    place = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
    return np.repeat(np.arange(len(pixel)), count), day[place]


def _label(batch: Batch, row: int) -> str:
    value: Any = batch.columns["alert__date"][row].as_py()
    return str(value.decode(errors="replace"))[:100]
