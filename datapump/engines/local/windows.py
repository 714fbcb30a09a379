"""Windows one after the other, in one process or several, with all features of a window at once."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Protocol

import numpy as np
import shapely

from datapump.engines.local.grids import Window
from datapump.engines.local.rasters import Rasters, find_tiles
from datapump.engines.local.spans import rasterize
from datapump.errors import StorageError

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

# Windows that each other process has before it, and windows that wait for earlier ones, by other process.
_AHEAD, _LONGEST = 2, 6
_PARENT_DIES = 1


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

    @property
    def tile_ids(self) -> set[str]:
        """The tiles that windows lie in."""
        return {self.tiles.grid.tile_id(window.row, window.column) for window, _ in self.windows}


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


def plan(grid: Grid, layers: Iterable[Layer], features: Features, objects: Objects) -> Plan:
    """Lay windows over the features, aligned to the blocks of the files.

    Raises:
        DataError: A raster file is not what it should be.
    """
    bounds = shapely.bounds(features.geometries)
    rough = {grid.tile_id(window.row, window.column) for window, _ in grid.windows(bounds, grid.pixels)}
    tiles = find_tiles(grid, layers, rough, objects)
    return Plan(tiles, list(grid.windows(bounds, grid.step(tiles.block))))


@dataclass(frozen=True)
class WindowWork:
    """Computes windows.

    Attributes:
        analyser: What sums up pixels.
        tiles: The raster files.
        required: Names of the layers without which a window is skipped.
        buffers: Memory that windows are read into, one after the other.
    """

    analyser: Analyser
    tiles: Tiles
    required: tuple[str, ...]
    buffers: dict[str, Pixels] = field(default_factory=dict)

    def __call__(self, task: Task) -> Result:
        """Compute one window."""
        grid = self.tiles.grid
        spans = rasterize(task.polygons, task.numbers, grid, task.window)
        if not len(spans):
            return Result()
        tile_id = grid.tile_id(task.window.row, task.window.column)
        absent = [name for name in self.required if not self.tiles.has(name, tile_id)]
        if absent:
            return Result(pixels=spans.pixels, skipped=absent[0])
        window = self._cropped(task.window, spans)
        spans_there = spans.shifted(window.row - task.window.row, window.column - task.window.column)
        areas = grid.areas(window.row, window.height)
        sums = self.analyser.window(Rasters(self.tiles, window, self.buffers), spans_there, areas)
        return Result(sums, spans.pixels)

    def _cropped(self, window: Window, spans: Spans) -> Window:
        """The blocks of a window that pixels of features lie in."""
        rows, columns = self.tiles.block or (1, 1)
        if rows != columns:
            rows = columns = 1
        top, left = int(spans.row.min()) // rows * rows, int(spans.start.min()) // columns * columns
        bottom = min(-(-(int(spans.row.max()) + 1) // rows) * rows, window.height)
        right = min(-(-int(spans.stop.max()) // columns) * columns, window.width)
        return Window(window.row + top, window.column + left, bottom - top, right - left)


def results(work: WindowWork, tasks: Iterator[Task], processes: int) -> Iterator[Result]:
    """Compute windows; results come in the order of the tasks, whatever the number of processes.

    This process computes, too: while others start, and whenever it would have to wait for them.

    Raises:
        DataError: A raster file is damaged.
        StorageError: A process died.
    """
    if processes == 1:
        yield from map(work, tasks)
        return
    others, context = processes - 1, multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(others, context, initializer=_prepare, initargs=(work, os.getpid())) as pool:
        try:
            yield from _shared(work, tasks, pool, others)
        except BrokenProcessPool as error:
            raise StorageError("a process of the engine died: free memory, or set fewer processes") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _shared(work: WindowWork, tasks: Iterator[Task], pool: ProcessPoolExecutor, others: int) -> Iterator[Result]:
    line: deque[Future[Result]] = deque()
    while True:
        running = sum(not future.done() for future in line)
        line.extend(pool.submit(_compute, task) for task in islice(tasks, max(0, _AHEAD * others - running)))
        if line and line[0].done():
            yield line.popleft().result()
        elif len(line) < _LONGEST * others and (task := next(tasks, None)) is not None:
            here: Future[Result] = Future()
            here.set_result(work(task))
            line.append(here)
        elif line:
            yield line.popleft().result()
        else:
            return


def tasks(features: Features, windows: Iterable[tuple[Window, IntArray]]) -> Iterator[Task]:
    """The windows with their polygons."""
    for window, rows in windows:
        # The rows of a feature lie side by side, in the order of the features.
        yield Task(window, features.geometries[rows], np.asarray(features.codes[rows], dtype=np.int64))


_work: WindowWork | None = None


def _prepare(work: WindowWork, parent: int) -> None:
    """Called first in a process of the pool."""
    global _work  # noqa: PLW0603 - one per process, given once
    _work = work
    # A run that is cancelled or killed takes its processes with it.
    ctypes.CDLL(None, use_errno=True).prctl(_PARENT_DIES, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _compute(task: Task) -> Result:
    if _work is None:
        raise RuntimeError("the process was not prepared")
    return _work(task)
