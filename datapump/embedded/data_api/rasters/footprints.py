"""Where data is: the blocks of a tile to look at, known from what files hold without reading a pixel."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from rasterio.warp import transform_bounds

from datapump.embedded.data_api.rasters.offsets import block_offsets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from datapump.embedded.data_api.rasters.grids import Bounds, Tile, TileGrid
    from datapump.embedded.data_api.rasters.sources import RasterFile, Source

_SEGMENTS = 21


def projected(bounds: Bounds, file: RasterFile, grid: TileGrid) -> Bounds:
    """A box of a file in the coordinate system of a grid."""
    if file.crs == grid.crs:
        return bounds
    west, south, east, north = transform_bounds(file.crs, grid.crs, *bounds, densify_pts=_SEGMENTS)
    return west, south, east, north


def tiles_of(sources: Iterable[Source], grid: TileGrid, *, union: bool) -> list[Tile]:
    """The tiles that some source touches, or, without `union`, that all of them do."""
    each = [
        {tile.name: tile for tile in grid.tiles(projected(file.bounds, file, grid) for file in source.files)}
        for source in sources
    ]
    names = set.union(*map(set, each)) if union else set.intersection(*map(set, each))
    known = {name: tile for tiles in each for name, tile in tiles.items()}
    return sorted((known[name] for name in names), key=lambda tile: (tile.row, tile.column))


def touches(file: RasterFile, tile: Tile) -> bool:
    """Whether a file reaches into a tile by more than an edge."""
    slack = tile.grid.resolution / 1000
    west, south, east, north = projected(file.bounds, file, tile.grid)
    left, bottom, right, top = tile.bounds
    return west < right - slack and east > left + slack and south < top - slack and north > bottom + slack


def blocks_of(files: Iterable[RasterFile], tile: Tile, margin: int = 1) -> NDArray[np.bool_]:
    """Which blocks of a tile data of the files may fall into, shape (rows, columns) of blocks.

    Args:
        files: GeoTIFFs; blocks that they leave out hold nothing.
        tile: The tile.
        margin: Pixels of the tile around a file's block that it may reach when it is resampled.
    """
    side = -(-tile.grid.pixels // tile.grid.block)
    found = np.zeros((side, side), dtype=np.bool_)
    for file in files:
        if touches(file, tile):
            for window in stored_blocks(file):
                _mark(found, file, window, tile, margin)
    return found


def _mark(
    found: NDArray[np.bool_], file: RasterFile, window: tuple[int, int, int, int], tile: Tile, margin: int
) -> None:  # fmt: skip
    row, column, height, width = window
    west, north = file.transform @ (column, row)
    east, south = file.transform @ (column + width, row + height)
    west, south, east, north = projected((west, south, east, north), file, tile.grid)
    inverse = ~tile.transform
    left, top = inverse @ (west, north)
    right, bottom = inverse @ (east, south)
    reach = 0 if aligned(file, tile) else margin
    first_row, last_row = _span(top - reach, bottom + reach, tile.grid)
    first_column, last_column = _span(left - reach, right + reach, tile.grid)
    found[first_row : last_row + 1, first_column : last_column + 1] = True


def _span(start: float, stop: float, grid: TileGrid) -> tuple[int, int]:
    """First and last block of a run of pixels; the last is before the first where none is in the tile."""
    slack = 1e-3
    first = max(0, math.floor((start + slack) / grid.block))
    last = min(-(-grid.pixels // grid.block), math.ceil((stop - slack) / grid.block)) - 1
    return first, max(last, first - 1)


def aligned(file: RasterFile, tile: Tile) -> bool:
    """Whether a file's pixels are those of the grid, so that they can be read as they are."""
    if file.crs != tile.grid.crs:
        return False
    size = tile.grid.resolution
    if max(abs(file.transform.a - size), abs(file.transform.e + size)) * max(file.width, file.height) > size / 1000:
        return False
    column, row = ~tile.transform @ (file.transform.c, file.transform.f)
    return bool(abs(column - round(column)) < 1 / 100 and abs(row - round(row)) < 1 / 100)


def stored_blocks(file: RasterFile) -> list[tuple[int, int, int, int]]:
    """The blocks that a file holds, as (row, column, height, width) of pixels."""
    stat = file.path.stat()
    return _read_stored(file, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=256)
def _read_stored(file: RasterFile, _changed: int, _size: int) -> list[tuple[int, int, int, int]]:
    high, wide = file.blocks
    rows, columns = -(-file.height // high), -(-file.width // wide)
    offsets = block_offsets(file.path)
    # GDAL may read in other pieces than the file has; then each may hold data.
    fits = offsets.size % (rows * columns) == 0
    stored = offsets.reshape(-1, rows, columns).any(axis=0) if fits else np.ones((rows, columns), np.bool_)
    return [
        (row * high, column * wide, min(high, file.height - row * high), min(wide, file.width - column * wide))
        for row, column in np.argwhere(stored).tolist()
    ]
