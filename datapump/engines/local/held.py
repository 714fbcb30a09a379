"""How much of some places the rasters hold anything in, told from the sizes of their blocks: no pixel is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datapump.engines.local.quick_rasterio import RasterioError, rasterio
from datapump.engines.local.raster_files import find, is_here
from datapump.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from datapump.engines.local.catalog import Layer
    from datapump.engines.local.grids import Grid
    from datapump.objects import Objects

    Place = tuple[float, float]

_OF_DATA_API = "dataset://"
# A block of one value is compressed to less than this share of what it holds.
_ONE_VALUE = 1 / 200


def held(layers: Iterable[Layer], grid: Grid, places: Sequence[Place], objects: Objects) -> dict[str, float]:
    """Of each layer: the share of the places whose block holds more than one value, 0 to 1.

    It is 1 where that cannot be told in no time: of rasters in real buckets, and of those of the Data API.

    Args:
        layers: Configured layers.
        grid: Theirs.
        places: Degrees east and north.
        objects: Where tiles are read from.
    """
    return {layer.name: _share(layer, grid, places, objects) for layer in layers}


def _share(layer: Layer, grid: Grid, places: Sequence[Place], objects: Objects) -> float:
    uri = (layer.uri or "").replace("{grid}", grid.name)
    asked = uri.startswith(_OF_DATA_API) or "/latest/" in uri
    if not places or asked or not is_here(uri.replace("{tile_id}", "x"), objects):
        return 1.0
    tiles: dict[str, list[tuple[int, int]]] = {}
    for longitude, latitude in places:
        row, column = int((90 - latitude) / grid.size), int((longitude + 180) / grid.size)
        tiles.setdefault(grid.tile_id(row, column), []).append((row % grid.pixels, column % grid.pixels))
    full = sum(_full(uri.replace("{tile_id}", tile), pixels, objects) for tile, pixels in tiles.items())
    return full / len(places)


def _full(uri: str, pixels: Sequence[tuple[int, int]], objects: Objects) -> int:
    """How many of some pixels of a file lie in blocks of more than one value; what cannot be told does."""
    try:
        path = find(uri, objects)
        if path is None:
            return 0
        if not isinstance(path, Path):
            return len(pixels)
        with rasterio.open(path) as file:
            height, width = file.block_shapes[0]
            most = height * width * np.dtype(file.dtypes[0]).itemsize * _ONE_VALUE
            sizes = [
                file.get_tag_item(f"BLOCK_SIZE_{column // width}_{row // height}", "TIFF", bidx=1)
                for row, column in pixels
            ]
    except (DataError, RasterioError):
        return len(pixels)
    return sum(int(size or 0) > most for size in sizes)
