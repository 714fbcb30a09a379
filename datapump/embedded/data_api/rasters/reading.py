"""Pixels of sources on a tile's grid: read as they are where the grids agree, else resampled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.warp import reproject
from rasterio.windows import Window

from datapump.embedded.data_api.rasters.footprints import aligned, touches
from datapump.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.embedded.data_api.rasters.grids import Tile
    from datapump.embedded.data_api.rasters.sources import RasterFile, Source

CACHE_BYTES = 64 * 2**20
_THREADS = 1


class Reader:
    """Reads the bands of some sources within one tile.

    Args:
        sources: Their bands follow each other in this order.
        tile: The tile.
        resampling: For files whose pixels are not the grid's.
    """

    def __init__(self, sources: Sequence[Source], tile: Tile, resampling: str) -> None:
        self._tile = tile
        self._resampling = Resampling[resampling]
        self._bands = [
            [(file, band) for file in source.files if touches(file, tile)]
            for source in sources
            for band in range(1, source.bands + 1)
        ]
        self._types = [
            np.result_type(*(file.dtypes[band] for file in source.files))
            for source in sources
            for band in range(source.bands)
        ]
        self._opened: dict[Any, Any] = {}

    def __enter__(self) -> Self:
        self._env = rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES, GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR")
        self._env.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._opened.values():
            file.close()
        self._env.__exit__()

    def read(self, window: Window) -> list[np.ma.MaskedArray[Any, Any]]:
        """Each band's pixels in a window of the tile, masked where no file has data.

        Raises:
            DataError: A file is damaged.
        """
        return [self._band(files, dtype, window) for files, dtype in zip(self._bands, self._types, strict=True)]

    def _band(
        self, files: list[tuple[RasterFile, int]], dtype: np.dtype[Any], window: Window
    ) -> np.ma.MaskedArray[Any, Any]:  # fmt: skip
        shape = (int(window.height), int(window.width))
        values = np.zeros(shape, dtype)
        missing = np.ones(shape, np.bool_)
        for file, band in files:
            try:
                found = self._pixels(file, band, window)
            except (RasterioError, OSError) as error:
                raise DataError(f"{file.path.name} cannot be read: {error.__cause__ or error}") from error
            if found is not None:
                data = ~np.ma.getmaskarray(found)
                values[data] = np.ma.getdata(found)[data]
                missing &= ~data
        return np.ma.MaskedArray(values, missing)

    def _pixels(self, file: RasterFile, band: int, window: Window) -> np.ma.MaskedArray[Any, Any] | None:
        if file.path not in self._opened:
            self._opened[file.path] = rasterio.open(file.path)
        opened = self._opened[file.path]
        if aligned(file, self._tile):
            column, row = ~file.transform @ (self._tile.transform @ (window.col_off, window.row_off))
            return _cut_out(opened, band, Window(round(column), round(row), window.width, window.height))
        return self._resampled(opened, file, band, window)

    def _resampled(
        self, opened: Any, file: RasterFile, band: int, window: Window  # noqa: ANN401 - rasterio has no types
    ) -> np.ma.MaskedArray[Any, Any]:  # fmt: skip
        shape = (int(window.height), int(window.width))
        dtype = np.dtype(file.dtypes[band - 1])
        values, seen = np.zeros(shape, dtype), np.zeros(shape, np.uint8)
        place = {
            "dst_transform": self._tile.transform @ Affine.translation(window.col_off, window.row_off),
            "dst_crs": self._tile.grid.crs,
        }
        nodata = 0 if file.nodata is None else file.nodata
        reproject(
            rasterio.band(opened, band),
            values,
            resampling=self._resampling,
            src_nodata=nodata,
            dst_nodata=nodata,
            num_threads=_THREADS,
            **place,
        )
        seen[...] = ~np.isnan(values) if np.isnan(nodata) else values != dtype.type(nodata)
        return np.ma.MaskedArray(values, seen == 0)


def _cut_out(opened: Any, band: int, window: Window) -> np.ma.MaskedArray[Any, Any] | None:  # noqa: ANN401 - rasterio has no types
    """A window that may reach beyond the file; None if it lies outside."""
    top, left = max(0, window.row_off), max(0, window.col_off)
    bottom = min(opened.height, window.row_off + window.height)
    right = min(opened.width, window.col_off + window.width)
    if top >= bottom or left >= right:
        return None
    found = opened.read(band, window=Window(left, top, right - left, bottom - top), masked=True)
    if found.shape == (window.height, window.width):
        return found  # type: ignore[no-any-return]  # rasterio has no types
    whole = np.ma.MaskedArray(np.zeros((window.height, window.width), found.dtype), mask=True)
    row, column = top - window.row_off, left - window.col_off
    whole[row : row + found.shape[0], column : column + found.shape[1]] = found
    return whole
