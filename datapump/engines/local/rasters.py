"""Raster files: which tiles are there, whether they are what the grid asks for, and their pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datapump.engines.local.quick_rasterio import RasterioError, rasterio
from datapump.engines.local.quick_rasterio import Window as FileWindow
from datapump.errors import DataError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from datapump.engines.local.catalog import Layer
    from datapump.engines.local.grids import Grid, Window
    from datapump.objects import Objects

# Of any type that a raster file may have.
Pixels = NDArray[Any]

_INTEGERS = {"text", "bins", "year", "alerts"}
_ALERTS_BYTES = 2
_TOLERANCE = 1e-3
_OPEN = 64
_SAMPLE = 37
_CACHE_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Tiles:
    """The tiles of some layers.

    Attributes:
        grid: Their grid.
        layers: The layers.
        paths: The file of each tile that is there, by layer's name and tile id.
        block: How the first file is stored, rows and columns of a block; None: there is no file.
    """

    grid: Grid
    layers: tuple[Layer, ...]
    paths: Mapping[tuple[str, str], Path]
    block: tuple[int, int] | None

    def has(self, layer: str, tile_id: str) -> bool:
        """Whether there is such a tile."""
        return (layer, tile_id) in self.paths

    def missing(self, tile_ids: Iterable[str]) -> dict[str, list[str]]:
        """By layer's name: those of the tiles that are not there."""
        wanted = sorted(tile_ids)
        found = {layer.name: [tile for tile in wanted if not self.has(layer.name, tile)] for layer in self.layers}
        return {name: tiles for name, tiles in found.items() if tiles}


def find_tiles(grid: Grid, layers: Iterable[Layer], tile_ids: Iterable[str], objects: Objects) -> Tiles:
    """Look for the tiles of configured layers, and at each that is there.

    Raises:
        DataError: A file is no raster of this grid: unreadable, several bands, another size, place, coordinate
            system, or values that the layer cannot have.
        UnsupportedError: The files lie in a real bucket.
    """
    wanted, block = sorted(tile_ids), None
    paths: dict[tuple[str, str], Path] = {}
    for layer in layers:
        for tile_id in wanted:
            path = _path(layer, grid, tile_id, objects)
            if path.is_file():
                paths[layer.name, tile_id] = path
                shape = _examined(path, layer, grid, tile_id)
                block = block or shape
    return Tiles(grid, tuple(layers), paths, block)


@dataclass
class Rasters:
    """Reads windows.

    Attributes:
        tiles: The files.
        window: The window that is read.
        buffers: Memory by layer's name, that of an earlier window which is no longer looked at. To give memory back
            and take it anew for each window takes about as long as to read it.
    """

    tiles: Tiles
    window: Window
    buffers: dict[str, Pixels] = field(default_factory=dict)
    _read: dict[str, Pixels | None] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the window."""
        return self.window.height, self.window.width

    def pixels(self, layer: Layer) -> Pixels | None:
        """The layer's values in the window, nodata as 0; None where all are 0 or there is no tile.

        Amounts per hectare may hold values that are not finite, which count as 0.

        Raises:
            DataError: The file is damaged.
        """
        if layer.name not in self._read:
            self._read[layer.name] = self._pixels(layer)
        return self._read[layer.name]

    def _pixels(self, layer: Layer) -> Pixels | None:
        grid, window = self.tiles.grid, self.window
        path = self.tiles.paths.get((layer.name, grid.tile_id(window.row, window.column)))
        if path is None:
            return None
        out = self._buffer(layer.name, path)
        corner = (window.row % grid.pixels, window.column % grid.pixels)
        return read_window(path, corner, out, finite=layer.kind != "number")

    def _buffer(self, name: str, path: Path) -> Pixels:
        size, dtype = self.window.height * self.window.width, file_dtype(path)
        found = self.buffers.get(name)
        if found is None or found.size < size or found.dtype != dtype:
            found = self.buffers[name] = np.empty(size, dtype=dtype)
        return found[:size].reshape(self.shape)


def file_dtype(path: Path) -> np.dtype[Any]:
    """The type of a file's pixels.

    Raises:
        DataError: The file is damaged.
    """
    try:
        found: np.dtype[Any] = np.dtype(_opened_as_it_is(path).dtypes[0])
    except (RasterioError, OSError) as error:
        raise DataError(f"{path} cannot be read: {_reason(error)}") from error
    return found


def read_window(path: Path, corner: tuple[int, int], out: Pixels, *, finite: bool = True) -> Pixels | None:
    """Pixels of a file, nodata as 0; None where all are 0.

    Args:
        path: The file.
        corner: The first row and column to read.
        out: Where to, an array of the window's shape and the file's type.
        finite: Whether what is no finite number is to read as 0, too.

    Raises:
        DataError: The file is damaged.
    """
    (row, column), (height, width) = corner, out.shape
    try:
        file = _opened_as_it_is(path)
        # GDAL keeps what it has decoded, by default up to a share of the machine's memory in every process.
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES):
            values: Pixels = file.read(1, window=FileWindow(column, row, width, height), out=out)
        nodata = file.nodata
    except (RasterioError, OSError) as error:
        raise DataError(f"{path} cannot be read at row {row}, column {column}: {_reason(error)}") from error
    if finite and np.issubdtype(values.dtype, np.floating):
        values[~np.isfinite(values)] = 0
    if nodata is not None and nodata != 0 and math.isfinite(nodata):
        values[values == np.asarray(nodata).astype(values.dtype)] = 0
    return values if values[::_SAMPLE].any() or values.any() else None


def _opened_as_it_is(path: Path) -> Any:  # noqa: ANN401 - rasterio has no types
    stat = path.stat()
    return _opened(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=_OPEN)
def _opened(path: Path, _changed: int, _size: int) -> Any:  # noqa: ANN401 - rasterio has no types
    with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES, GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        return rasterio.open(path)


def _path(layer: Layer, grid: Grid, tile_id: str, objects: Objects) -> Path:
    uri = (layer.uri or "").replace("{tile_id}", tile_id).replace("{grid}", grid.name)
    if "://" not in uri:
        return Path(uri)
    if objects.root is None:
        raise UnsupportedError(
            f"{layer.name}: the embedded engine reads rasters from files, not from buckets: copy the tiles of {uri} "
            "to this machine"
        )
    return objects.path(uri)


def _examined(path: Path, layer: Layer, grid: Grid, tile_id: str) -> tuple[int, int]:
    """Refuse a file that is not what it should be; returns the shape of its blocks."""
    try:
        with rasterio.open(path) as file:
            fault = _fault(file, layer, grid, tile_id)
            block: tuple[int, int] = file.block_shapes[0] if file.count else (0, 0)
    except (RasterioError, OSError) as error:
        raise DataError(f"{path} is not a raster file: {_reason(error)}") from error
    if fault:
        raise DataError(f"{path}, tile {tile_id} of {layer.name}: {fault}")
    return block


def _fault(file: Any, layer: Layer, grid: Grid, tile_id: str) -> str | None:  # noqa: ANN401 - rasterio has no types
    if file.count != 1:
        return f"has {file.count} bands, expected 1"
    if file.crs is None or file.crs.to_epsg() != 4326:  # noqa: PLR2004 - the code of WGS 84
        return f"has the coordinate system {file.crs}, expected EPSG:4326"
    if (file.height, file.width) != (grid.pixels, grid.pixels):
        return f"has {file.height} rows and {file.width} columns, expected {grid.pixels} of each (grid {grid.name})"
    west, north = _corner(tile_id)
    expected = (grid.size, 0.0, west, 0.0, -grid.size, north)
    off = max(abs(a - b) for a, b in zip(file.transform, expected, strict=False))
    if off > _TOLERANCE * grid.size:
        found = f"{file.transform[2]}, {file.transform[5]} in steps of {file.transform[0]}"
        return f"begins at {found}, expected {west}, {north} in steps of {grid.size}"
    return _dtype_fault(np.dtype(file.dtypes[0]), layer)


def _dtype_fault(dtype: np.dtype[Any], layer: Layer) -> str | None:
    if layer.kind in _INTEGERS and not np.issubdtype(dtype, np.integer):
        return f"holds {dtype} values, expected integers"
    if not (np.issubdtype(dtype, np.integer) or np.issubdtype(dtype, np.floating)):
        return f"holds {dtype} values, expected real numbers"
    if layer.kind == "alerts" and dtype.itemsize < _ALERTS_BYTES:
        return f"holds {dtype} values, which cannot hold alerts: expected uint16"
    return None


def _corner(tile_id: str) -> tuple[int, int]:
    latitude, longitude = tile_id.split("_")
    north = int(latitude[:-1]) * (1 if latitude.endswith("N") else -1)
    return int(longitude[:-1]) * (1 if longitude.endswith("E") else -1), north


def _reason(error: Exception) -> str:
    """GDAL's own words stand in the cause."""
    return str(error.__cause__ or error)
