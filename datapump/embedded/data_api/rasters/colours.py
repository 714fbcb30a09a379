"""Colouring one zoom level: its tile set of colours, and the map tiles cut from it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from datapump.embedded.data_api.rasters.footprints import blocks_of, tiles_of
from datapump.embedded.data_api.rasters.grids import tile_grid
from datapump.embedded.data_api.rasters.pixels import pixel_type
from datapump.embedded.data_api.rasters.reading import Reader
from datapump.embedded.data_api.rasters.tile_sets import TileSet, new_tile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rasterio.windows import Window

    from datapump.embedded.data_api.models.rasters import RasterTileSet
    from datapump.embedded.data_api.rasters.grids import Tile
    from datapump.embedded.data_api.rasters.sources import Source
    from datapump.embedded.data_api.rasters.symbologies import Symbology
    from datapump.embedded.data_api.rasters.tile_sets import Workshop

MAP_TILE = 256


@dataclass(frozen=True)
class Level:
    """One zoom level to colour.

    Attributes:
        options: Of the tile set of colours.
        sources: The values and, where any is left, their intensity.
        folder: Where the tiles go, ending in a slash.
        map_tiles: Where the level's map tiles go, ending in a slash; None: none are drawn.
    """

    options: RasterTileSet
    how: Symbology
    sources: Sequence[Source]
    folder: str
    map_tiles: str | None


def make_colours(level: Level, shop: Workshop) -> tuple[TileSet, int]:
    """Make the tiles of colours; returns them and how many map tiles were drawn."""
    made = TileSet(pixel_type(level.options))
    count = 0
    for tile in tiles_of(level.sources, tile_grid(level.options.grid), union=True):
        path = shop.folder / f"{tile.name}.tif"
        try:
            drawn = _colour_tile(level, tile, path, made, shop)
            if drawn is not None:
                shop.objects.put(f"{level.folder}{tile.name}.tif", path)
                made.tiles[tile.name] = tile.footprint
                count += drawn
        finally:
            path.unlink(missing_ok=True)
    return made, count


def _colour_tile(level: Level, tile: Tile, path: Path, made: TileSet, shop: Workshop) -> int | None:
    """Write a tile's file; returns how many map tiles were drawn, None if no pixel has data."""
    count = None
    files = [file for source in level.sources for file in source.files]
    with Reader(level.sources, tile, "nearest") as reader, new_tile(path, tile, made.kind) as out:
        for row, column in np.argwhere(blocks_of(files, tile)):
            shop.alive()
            window = tile.block(int(row), int(column))
            values, *rest = reader.read(window)
            intensity = rest[0].filled(0) if rest else np.zeros(values.shape, np.uint8)
            data = ~np.ma.getmaskarray(values) & (np.ma.getdata(values) > 0)
            if data.any():
                colours = level.how.colours(values.filled(0), intensity) * data
                out.write(colours, window=window)
                count = (count or 0) + _draw(level, tile, window, colours, data, shop)
    return count


def _draw(
    level: Level, tile: Tile, window: Window, colours: Any, data: Any, shop: Workshop  # noqa: ANN401 - arrays
) -> int:  # fmt: skip
    """Cut a block into map tiles and write those with data."""
    if level.map_tiles is None:
        return 0
    count = 0
    for top in range(0, int(window.height), MAP_TILE):
        for left in range(0, int(window.width), MAP_TILE):
            part = np.s_[top : top + MAP_TILE, left : left + MAP_TILE]
            if data[part].any():
                x = (tile.column * tile.grid.pixels + window.col_off + left) // MAP_TILE
                y = (tile.row * tile.grid.pixels + window.row_off + top) // MAP_TILE
                picture = np.concatenate([colours[:, *part], (data[part] * 255).astype(np.uint8)[np.newaxis]])
                shop.objects.put(f"{level.map_tiles}{x}/{y}.png", png(picture))
                count += 1
    return count


def png(picture: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """A picture of red, green, blue and opacity, shape (4, rows, columns), as a PNG file."""
    profile = {"driver": "PNG", "count": 4, "height": picture.shape[1], "width": picture.shape[2], "dtype": "uint8"}
    with rasterio.MemoryFile() as memory:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with memory.open(**profile) as file:
                file.write(picture)
        return bytes(memory.read())
