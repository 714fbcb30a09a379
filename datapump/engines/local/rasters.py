"""Raster files: which tiles are there, whether they are what the grid asks for, and their pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

import numpy as np

from datapump.engines.local.bucket_rasters import OPEN, BucketRaster, side_by_side
from datapump.engines.local.quick_rasterio import NotGeoreferencedWarning, rasterio
from datapump.engines.local.raster_files import (
    Pixels,
    RasterFile,
    file_dtype,
    find,
    is_here,
    read_window,
    using,
)
from datapump.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from datapump.engines.local.catalog import Layer
    from datapump.engines.local.grids import Grid, Window
    from datapump.objects import Objects


__all__ = ["Pixels", "Rasters", "Tiles", "find_tiles"]

_INTEGERS = {"text", "bins", "year", "alerts"}
_ALERTS_BYTES = 2
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Tiles:
    """The tiles of some layers.

    Attributes:
        grid: Their grid.
        layers: The layers.
        paths: The file of each tile that is there, by layer's name and tile id.
        block: How the first file is stored, rows and columns of a block; None: there is no file.
        blocks: How the files are stored, each way once.
    """

    grid: Grid
    layers: tuple[Layer, ...]
    paths: Mapping[tuple[str, str], RasterFile]
    block: tuple[int, int] | None
    blocks: frozenset[tuple[int, int]] = frozenset()

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
        RemoteRefusedError: A file of a real bucket may not be read.
        RemoteUnavailableError: A real bucket did not answer, again and again.
    """
    layers = tuple(layers)
    places = [(layer, tile_id) for layer in layers for tile_id in sorted(tile_ids)]
    names = [_uri(layer, grid, tile_id) for layer, tile_id in places]

    def examined(place: int) -> tuple[RasterFile, tuple[int, int]] | None:
        file = find(names[place], objects)
        return None if file is None else (file, _examined(file, grid, *places[place]))

    asked = [place for place, name in enumerate(names) if not is_here(name, objects)]
    answers = dict(zip(asked, side_by_side(examined, asked), strict=True)) if asked else {}
    paths: dict[tuple[str, str], RasterFile] = {}
    shapes: list[tuple[int, int]] = []
    for place, (layer, tile_id) in enumerate(places):
        found = answers[place] if place in answers else examined(place)
        if found is not None:
            paths[layer.name, tile_id] = found[0]
            shapes.append(found[1])
    return Tiles(grid, layers, paths, shapes[0] if shapes else None, frozenset(shapes))


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

    def read(self, layers: Iterable[Layer]) -> None:
        """Read the values of layers, to be had at once when they are asked for.

        Raises:
            DataError: A file is damaged.
        """
        for layer in layers:
            self.pixels(layer)

    def _pixels(self, layer: Layer) -> Pixels | None:
        grid, window = self.tiles.grid, self.window
        path = self.tiles.paths.get((layer.name, grid.tile_id(window.row, window.column)))
        if path is None:
            return None
        out = self._buffer(layer.name, path)
        corner = (window.row % grid.pixels, window.column % grid.pixels)
        return read_window(path, corner, out, finite=layer.kind != "number")

    def _buffer(self, name: str, path: RasterFile) -> Pixels:
        size, dtype = self.window.height * self.window.width, file_dtype(path)
        found = self.buffers.get(name)
        if found is None or found.size < size or found.dtype != dtype:
            found = self.buffers[name] = np.empty(size, dtype=dtype)
        return found[:size].reshape(self.shape)


def _uri(layer: Layer, grid: Grid, tile_id: str) -> str:
    return (layer.uri or "").replace("{tile_id}", tile_id).replace("{grid}", grid.name)


def _examined(path: RasterFile, grid: Grid, layer: Layer, tile_id: str) -> tuple[int, int]:
    """Refuse a file that is not what it should be; returns the shape of its blocks."""
    if isinstance(path, BucketRaster):
        fault, block = _examined_in_bucket(path, grid, layer, tile_id)
    else:
        with using(path, "is not a raster file"), catch_warnings():
            # Of a file that was cut off, the end is gone, and with it often its place.
            simplefilter("error", NotGeoreferencedWarning)
            with rasterio.open(path) as file:
                fault, block = _looked_at(file, grid, layer, tile_id)
    if fault:
        raise DataError(f"{path}, tile {tile_id} of {layer.name}: {fault}")
    return block


def _examined_in_bucket(
    path: BucketRaster, grid: Grid, layer: Layer, tile_id: str
) -> tuple[str | None, tuple[int, int]]:
    try:
        with using(path, "is not a raster file"):
            return _looked_at(OPEN[path].dataset(), grid, layer, tile_id)
    finally:
        # Pixels are read by another thread.
        OPEN.close(path)


def _looked_at(file: Any, grid: Grid, layer: Layer, tile_id: str) -> tuple[str | None, tuple[int, int]]:  # noqa: ANN401 - rasterio has no types
    return _fault(file, layer, grid, tile_id), file.block_shapes[0] if file.count else (0, 0)


def _fault(file: Any, layer: Layer, grid: Grid, tile_id: str) -> str | None:  # noqa: ANN401 - rasterio has no types
    if file.count != 1:
        return f"has {file.count} bands, expected 1"
    if file.crs is None or file.crs.to_epsg() != 4326:  # noqa: PLR2004 - the code of WGS 84
        return f"has the coordinate system {file.crs}, expected EPSG:4326"
    if (file.height, file.width) != (grid.pixels, grid.pixels):
        return f"has {file.height} rows and {file.width} columns, expected {grid.pixels} of each (grid {grid.name})"
    if (file.scales, file.offsets) != ((1,), (0,)):
        return f"has values to be scaled (by {file.scales[0]:g}, plus {file.offsets[0]:g}), expected values as they are"
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
