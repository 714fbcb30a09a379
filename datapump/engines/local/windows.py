"""Windows one after the other, with all features of a window at once."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import cycle
from typing import TYPE_CHECKING, Protocol

import numpy as np
import shapely

from datapump.engines.local.blocks import SIDE
from datapump.engines.local.bucket_rasters import OPEN
from datapump.engines.local.grids import Window
from datapump.engines.local.rasters import Rasters, find_tiles
from datapump.engines.local.spans import rasterize
from datapump.engines.local.sums import together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from datapump.engines.local.catalog import Layer
    from datapump.engines.local.features import Features
    from datapump.engines.local.geometries import Geometries
    from datapump.engines.local.grids import Grid
    from datapump.engines.local.grouping import FloatArray, IntArray
    from datapump.engines.local.rasters import Pixels, Tiles
    from datapump.engines.local.spans import Spans
    from datapump.engines.local.sums import Sums
    from datapump.objects import Objects


class Analyser(Protocol):
    """Sums up the pixels of windows."""

    @property
    def keys(self) -> int:
        """How many keys its sums have."""
        ...

    @property
    def amounts(self) -> int:
        """How many amounts its sums have."""
        ...

    @property
    def ahead(self) -> tuple[Layer, ...]:
        """The layers that it looks at wherever features have pixels; they are read while it sums up what was read."""
        ...

    def window(self, rasters: Rasters, spans: Spans, areas: FloatArray) -> Sums:
        """The sums of a window.

        Args:
            rasters: The window's pixels.
            spans: The features' pixels in it; polygon is the number of the feature.
            areas: Hectares of a pixel in each row, shape (height,).
        """
        ...


@dataclass(frozen=True)
class Plan:
    """The windows of a run.

    Attributes:
        tiles: The raster files.
        windows: The windows, and of each the rows of the feature files that may lie in it.
    """

    tiles: Tiles
    windows: list[tuple[Window, IntArray]]

    def tile_id(self, number: int) -> str:
        """The tile that a window lies in."""
        window, _ = self.windows[number]
        return self.tiles.grid.tile_id(window.row, window.column)


@dataclass(frozen=True)
class Result:
    """What came of a window.

    Attributes:
        sums: Its sums; None where no feature has a pixel, or the window was skipped.
        pixels: Pixels of features, each once per feature.
        skipped: The required layer that has no tile here; None: it was not skipped.
    """

    sums: Sums | None = None
    pixels: int = 0
    skipped: str | None = None


@dataclass(frozen=True)
class Task:
    """One window to compute: its polygons with the numbers of their features, rising."""

    window: Window
    polygons: Geometries
    numbers: IntArray


@cache
def _reader() -> ThreadPoolExecutor:
    """The thread that reads: one for all windows, since files of buckets stay open in the thread that opened them."""
    return ThreadPoolExecutor(1, "read windows")


def close_files() -> None:
    """Close what windows were read from in buckets.

    GDAL closes such a file in the thread alone that opened it: one that is left open ends the process by a fault.
    """
    _reader().submit(OPEN.close_all).result()


@dataclass(frozen=True)
class _Piece:
    """A strip of a window.

    Attributes:
        rasters: Its pixels; None: there is nothing to look at in this window.
        spans: The features' pixels in it.
        last: Of the last strip: the window's result, without its sums.
    """

    rasters: Rasters | None
    spans: Spans
    last: Result | None


def plan(grid: Grid, layers: Iterable[Layer], features: Features, objects: Objects) -> Plan:
    """Lay windows over the features, aligned to the blocks of the files.

    Raises:
        DataError: A raster file is not what it should be.
    """
    boxes, row = _boxes(features.geometries, grid)
    rough = {grid.tile_id(window.row, window.column) for window, _ in grid.windows(boxes, grid.pixels)}
    tiles = find_tiles(grid, layers, rough, objects)
    windows = grid.windows(boxes, grid.step(tiles.block))
    return Plan(tiles, [(window, np.unique(row[inside])) for window, inside in windows])


def _boxes(polygons: Geometries, grid: Grid) -> tuple[FloatArray, IntArray]:
    """The boxes around polygons, and whose each is; around each part of one that is larger than a tile.

    One on both sides of 180 degrees would else be looked for all around the earth.
    """
    boxes = shapely.bounds(polygons)
    large = (np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) > grid.degrees).nonzero()[0]
    others = np.delete(np.arange(len(polygons)), large)
    parts, part = shapely.get_parts(polygons[large], return_index=True)
    there = ~shapely.is_empty(parts)
    parts, part = parts[there], part[there]
    return np.concatenate([boxes[others], shapely.bounds(parts)]), np.concatenate([others, large[part]])


@dataclass(frozen=True)
class WindowWork:
    """Computes windows.

    Attributes:
        analyser: What sums up pixels.
        tiles: The raster files.
        required: Names of the layers without which a window is skipped.
        buffers: Memory that is read into: of what is summed up, and of what is read meanwhile.
    """

    analyser: Analyser
    tiles: Tiles
    required: tuple[str, ...]
    buffers: tuple[dict[str, Pixels], dict[str, Pixels]] = field(default_factory=lambda: ({}, {}))

    def __call__(self, task: Task) -> Result:
        """Compute one window.

        Raises:
            DataError: A raster file is damaged.
        """
        (result,) = self.each(iter([task]))
        return result

    def each(self, tasks: Iterator[Task]) -> Iterator[Result]:
        """Compute windows one after the other; what comes next is read meanwhile.

        Raises:
            DataError: A raster file is damaged.
        """
        parts: list[Sums] = []
        pieces = self._pieces(tasks)
        reader = _reader()
        piece = next(pieces, None)
        reading = reader.submit(self._read, piece)
        while piece is not None:
            reading.result()
            following = next(pieces, None)
            reading = reader.submit(self._read, following)
            if piece.rasters is not None:
                areas = self.tiles.grid.areas(piece.rasters.window.row, piece.rasters.window.height)
                parts.append(self.analyser.window(piece.rasters, piece.spans, areas))
            if piece.last is not None:
                yield replace(piece.last, sums=together(parts) if parts else None)
                parts.clear()
            piece = following

    def _read(self, piece: _Piece | None) -> None:
        if piece is not None and piece.rasters is not None:
            piece.rasters.read(self.analyser.ahead)

    def _pieces(self, tasks: Iterator[Task]) -> Iterator[_Piece]:
        """Windows as strips in which features have pixels."""
        buffers = cycle(self.buffers)
        for task in tasks:
            spans = rasterize(task.polygons, task.numbers, self.tiles.grid, task.window)
            result = Result(pixels=spans.pixels, skipped=self._absent(task.window) if len(spans) else None)
            if not len(spans) or result.skipped:
                yield _Piece(None, spans, result)
                continue
            window = self._cropped(task.window, spans)
            spans = spans.shifted(window.row - task.window.row, window.column - task.window.column)
            strips = [(strip, there) for strip, there in self._strips(window, spans) if len(there)]
            for number, (strip, there) in enumerate(strips, 1):
                rasters = Rasters(self.tiles, strip, next(buffers))
                yield _Piece(rasters, there, result if number == len(strips) else None)

    def _absent(self, window: Window) -> str | None:
        """The first required layer that has no tile here."""
        tile_id = self.tiles.grid.tile_id(window.row, window.column)
        return next((name for name in self.required if not self.tiles.has(name, tile_id)), None)

    def _strips(self, window: Window, spans: Spans) -> Iterator[tuple[Window, Spans]]:
        """A window cut into strips of whole blocks of all files."""
        step = math.lcm(*(rows for rows, _ in self.tiles.blocks)) if self.tiles.blocks else SIDE
        step *= -(-SIDE // step)
        for top in range(0, window.height, step):
            height = min(step, window.height - top)
            yield Window(window.row + top, window.column, height, window.width), spans.within(slice(top, top + height))

    def _cropped(self, window: Window, spans: Spans) -> Window:
        """The blocks of a window that pixels of features lie in."""
        rows, columns = self.tiles.block or (1, 1)
        if rows != columns:
            rows = columns = 1
        top, left = int(spans.row.min()) // rows * rows, int(spans.start.min()) // columns * columns
        bottom = min(-(-(int(spans.row.max()) + 1) // rows) * rows, window.height)
        right = min(-(-int(spans.stop.max()) // columns) * columns, window.width)
        return Window(window.row + top, window.column + left, bottom - top, right - left)


def tasks(features: Features, windows: Iterable[tuple[Window, IntArray]]) -> Iterator[Task]:
    """The windows with their polygons."""
    for window, rows in windows:
        # The rows of a feature lie side by side, in the order of the features.
        yield Task(window, features.geometries[rows], np.asarray(features.codes[rows], dtype=np.int64))
