"""Making a cloud-optimized GeoTIFF: full resolution, then each overview from the one before, only where data is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from datapump.embedded.data_api.rasters.footprints import stored_blocks
from datapump.embedded.data_api.rasters.geotiffs import assemble
from datapump.embedded.data_api.rasters.reading import CACHE_BYTES
from datapump.embedded.data_api.rasters.sources import open_source
from datapump.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from datapump.embedded.data_api.models.rasters import Cog
    from datapump.embedded.data_api.rasters.sources import RasterFile, Source
    from datapump.embedded.data_api.rasters.tile_sets import Workshop

BLOCK = 512
# What GDAL computes between grids but not between resolutions.
_ONLY_FOR_WARPING = frozenset({"max", "min", "med", "q1", "q3"})


@dataclass(frozen=True)
class Canvas:
    """One resolution of the file: its size in pixels, its place, and how it is stored."""

    width: int
    height: int
    transform: Affine
    block: int
    crs: Any
    dtype: str
    nodata: float | None

    def half(self) -> Canvas:
        """The next overview."""
        width, height = -(-self.width // 2), -(-self.height // 2)
        transform = self.transform @ Affine.scale(2, 2)
        return Canvas(width, height, transform, self.block, self.crs, self.dtype, self.nodata)

    def window(self, row: int, column: int, reach: int = 1) -> Window:
        """The pixels of some blocks in a square; the last ones of a row or column may be smaller."""
        top, left = row * self.block, column * self.block
        side = self.block * reach
        return Window(left, top, min(side, self.width - left), min(side, self.height - top))


def make_cog(options: Cog, source: str, uri: str, shop: Workshop) -> str:
    """Make the file; returns what to say of it.

    Args:
        options: As the request gave them.
        source: The list of tiles.
        uri: Where it goes.
        shop: Where to work.

    Raises:
        DataError: The tiles cannot be used.
    """
    note = "; not exported to Earth Engine, which the embedded Data API does not reach" if options.export_to_gee else ""
    if options.resampling in _ONLY_FOR_WARPING:
        raise DataError(f"resampling {options.resampling} cannot make overviews")
    tiles = open_source(source, shop.objects, unify_projection=False)
    canvas = _canvas(options, tiles)
    paths = [shop.folder / "level-0.tif"]
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
        blocks = _join(tiles, canvas, paths[0], shop)
        count = len(blocks)
        while max(canvas.width, canvas.height) > canvas.block:
            paths.append(shop.folder / f"level-{len(paths)}.tif")
            blocks = _shrink(paths[-2], canvas, blocks, paths[-1], Resampling[options.resampling], shop)
            canvas = canvas.half()
    out = shop.folder / "cog.tif"
    assemble(paths, out)
    shop.objects.put(uri, out)
    return f"made from {len(tiles.files)} tiles; {count} blocks have data, {len(paths) - 1} overviews{note}"


def _canvas(options: Cog, tiles: Source) -> Canvas:
    first = tiles.files[0]
    size = first.transform.a
    for file in tiles.files:
        if file.crs != first.crs or abs(file.transform.a - size) > size / 1000 or tiles.bands != 1:
            raise DataError(f"{file.path.name}: a COG is made from tiles of one band on one grid")
    west, north = min(f.bounds[0] for f in tiles.files), max(f.bounds[3] for f in tiles.files)
    east, south = max(f.bounds[2] for f in tiles.files), min(f.bounds[1] for f in tiles.files)
    told = options.no_data[0] if isinstance(options.no_data, list) else options.no_data
    return Canvas(
        width=round((east - west) / size),
        height=round((north - south) / size),
        transform=Affine(size, 0, west, 0, -size, north),
        block=options.block_size or BLOCK,
        crs=first.crs,
        dtype=first.dtypes[0],
        nodata=first.nodata if told is None else float(told),
    )


def _new(path: Path, canvas: Canvas) -> Any:  # noqa: ANN401 - rasterio has no types
    return rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=canvas.width,
        height=canvas.height,
        count=1,
        dtype=canvas.dtype,
        nodata=canvas.nodata,
        crs=canvas.crs,
        transform=canvas.transform,
        compress="DEFLATE",
        tiled=True,
        blockxsize=canvas.block,
        blockysize=canvas.block,
        SPARSE_OK=True,
        BIGTIFF="YES",
    )


Blocks = set[tuple[int, int]]


def _join(tiles: Source, canvas: Canvas, path: Path, shop: Workshop) -> Blocks:
    """Write all tiles into one file; returns the blocks that hold data, as (row, column) of blocks."""
    wanted: dict[tuple[int, int], list[tuple[RasterFile, int, int]]] = {}
    for file in tiles.files:
        left = round((file.transform.c - canvas.transform.c) / canvas.transform.a)
        top = round((file.transform.f - canvas.transform.f) / canvas.transform.e)
        for place in _reached(file, top, left, canvas):
            wanted.setdefault(place, []).append((file, top, left))
    written: Blocks = set()
    opened: dict[Path, Any] = {}
    try:
        with _new(path, canvas) as out:
            for place, files in sorted(wanted.items()):
                shop.alive()
                window = canvas.window(*place)
                values = _merged(files, window, canvas, opened)
                if values.any() if canvas.nodata is None else (values != canvas.nodata).any():
                    out.write(values, 1, window=window)
                    written.add(place)
    except RasterioError as error:
        raise DataError(f"the tiles cannot be joined: {error.__cause__ or error}") from error
    finally:
        for file in opened.values():
            file.close()
    return written


def _reached(file: RasterFile, top: int, left: int, canvas: Canvas) -> Blocks:
    return {
        (row, column)
        for first_row, first_column, height, width in stored_blocks(file)
        for row in range((top + first_row) // canvas.block, (top + first_row + height - 1) // canvas.block + 1)
        for column in range(
            (left + first_column) // canvas.block, (left + first_column + width - 1) // canvas.block + 1
        )
    }


def _merged(
    files: list[tuple[RasterFile, int, int]], window: Window, canvas: Canvas, opened: dict[Path, Any]
) -> np.ndarray[Any, Any]:  # fmt: skip
    blank = canvas.nodata or 0
    values = np.full((window.height, window.width), blank, canvas.dtype)
    for file, top, left in files:
        first_row, last_row = max(window.row_off, top), min(window.row_off + window.height, top + file.height)
        first_column = max(window.col_off, left)
        last_column = min(window.col_off + window.width, left + file.width)
        if first_row >= last_row or first_column >= last_column:
            continue
        if file.path not in opened:
            opened[file.path] = rasterio.open(file.path)
        part = Window(first_column - left, first_row - top, last_column - first_column, last_row - first_row)
        found = opened[file.path].read(1, window=part, masked=True)
        place = values[
            first_row - window.row_off : last_row - window.row_off,
            first_column - window.col_off : last_column - window.col_off,
        ]
        data = ~np.ma.getmaskarray(found)
        place[data] = np.ma.getdata(found)[data]
    return values


def _shrink(before: Path, canvas: Canvas, blocks: Blocks, path: Path, resampling: Resampling, shop: Workshop) -> Blocks:
    """Write the next overview; returns its blocks that hold data."""
    smaller = canvas.half()
    written: Blocks = set()
    with rasterio.open(before) as larger, _new(path, smaller) as out:
        for row, column in sorted({(row // 2, column // 2) for row, column in blocks}):
            shop.alive()
            window = smaller.window(row, column)
            source = canvas.window(2 * row, 2 * column, 2)
            values = larger.read(1, window=source, out_shape=(window.height, window.width), resampling=resampling)
            if values.any() if canvas.nodata is None else (values != canvas.nodata).any():
                out.write(values, 1, window=window)
                written.add((row, column))
    return written
