"""Small GeoTIFFs on the real grids: a tile of full size that holds a few pixels takes no room."""

from __future__ import annotations

import json

import numpy as np
import rasterio
from affine import Affine
from rasterio.windows import Window

from datapump.embedded.data_api.rasters.grids import tile_grid
from datapump.embedded.data_api.rasters.offsets import block_offsets


def tile_named(grid, name):
    """The tile of a grid that has this name."""
    tile = next(tile for tile in tile_grid(grid).tiles([tile_grid_bounds(grid, name)]) if tile.name == name)
    assert tile.name == name
    return tile


def tile_grid_bounds(grid, name):
    latitude, longitude = name.split("_")
    north = int(latitude[:-1]) * (1 if latitude.endswith("N") else -1)
    west = int(longitude[:-1]) * (1 if longitude.endswith("E") else -1)
    size = tile_grid(grid).size
    return west, north - size, west + size, north


def write_tile(path, patches, *, grid="10/100000", name="10N_010E", dtype="uint16", nodata=0, block=400):
    """A tile's file with patches of pixels: (row, column) of the north-west one -> rows of values, of each band."""
    tile = tile_named(grid, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = 1 if not patches else np.array(next(iter(patches.values())), ndmin=3).shape[0]
    profile = {"driver": "GTiff", "width": tile.grid.pixels, "height": tile.grid.pixels, "count": bands}
    profile |= {"dtype": dtype, "nodata": nodata, "crs": tile.grid.crs, "transform": tile.transform, "tiled": True}
    profile |= {"blockxsize": block, "blockysize": block, "SPARSE_OK": True, "compress": "DEFLATE"}
    with rasterio.open(path, "w", BIGTIFF="IF_SAFER", **profile) as file:
        for (row, column), rows in patches.items():
            values = np.array(rows, dtype, ndmin=3)
            file.write(values, window=Window(column, row, values.shape[2], values.shape[1]))
    return path


def write_small(path, values, west, north, resolution, *, crs="EPSG:4326", nodata=0):
    """A whole small GeoTIFF."""
    values = np.asarray(values)
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1}
    profile |= {"dtype": values.dtype, "nodata": nodata, "crs": crs}
    with rasterio.open(path, "w", transform=Affine(resolution, 0, west, 0, -resolution, north), **profile) as file:
        file.write(values, 1)
    return path


def pixels(path, row, column, height=1, width=1):
    """A window of a file's pixels, nested lists; of each band if there are several."""
    with rasterio.open(path) as file:
        values = file.read(window=Window(column, row, width, height))
    return (values[0] if len(values) == 1 else values).tolist()


def data(path):
    """Every pixel with data of a one-band file, (row, column) -> value, read block by stored block."""
    found = {}
    with rasterio.open(path) as file:
        high, wide = file.block_shapes[0]
        stored = block_offsets(path).reshape(-(-file.height // high), -(-file.width // wide))
        for row, column in np.argwhere(stored).tolist():
            window = Window(
                column * wide, row * high, min(wide, file.width - column * wide), min(high, file.height - row * high)
            )
            values = file.read(1, window=window)
            for y, x in np.argwhere(values != (file.nodata or 0)):
                found[row * high + int(y), column * wide + int(x)] = values[y, x].item()
    return found


def write_tiles_list(path, names):
    """A list of tiles, as the Data API writes it."""
    features = [{"type": "Feature", "geometry": None, "properties": {"name": name}} for name in names]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path
