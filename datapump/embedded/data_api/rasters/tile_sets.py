"""Making a tile set: tile by tile, block by block, only where its sources have data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.windows import Window

from datapump.embedded.data_api.rasters.footprints import blocks_of, tiles_of
from datapump.embedded.data_api.rasters.grids import tile_grid
from datapump.embedded.data_api.rasters.lists import write_list, write_lists
from datapump.embedded.data_api.rasters.pixels import computed, is_blank_where_sources_are, pixel_type
from datapump.embedded.data_api.rasters.reading import Reader
from datapump.embedded.data_api.rasters.sources import open_source
from datapump.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from shapely import Polygon

    from datapump.embedded.data_api.models.rasters import RasterTileSet
    from datapump.embedded.data_api.rasters.grids import Tile
    from datapump.embedded.data_api.rasters.pixels import PixelType
    from datapump.embedded.data_api.rasters.sources import Source
    from datapump.objects import Objects


@dataclass(frozen=True)
class Workshop:
    """Where a raster is made.

    Attributes:
        objects: Where sources are, and where results go.
        folder: For files under work; it is emptied whenever the service starts.
        alive: Called between blocks; raises to stop the work.
    """

    objects: Objects
    folder: Path
    alive: Callable[[], None]


@dataclass
class Statistics:
    """What is known of the pixels with data of one band."""

    count: int = 0
    total: float = 0.0
    least: float = np.inf
    most: float = -np.inf

    def add(self, values: np.ndarray[Any, Any]) -> None:
        """Count further pixels."""
        if values.size:
            self.count += int(values.size)
            self.total += float(values.sum(dtype=np.float64))
            self.least = min(self.least, float(values.min()))
            self.most = max(self.most, float(values.max()))

    def told(self) -> dict[str, float] | None:
        """Least, greatest and mean value; None without any."""
        return {"min": self.least, "max": self.most, "mean": self.total / self.count} if self.count else None


@dataclass
class TileSet:
    """A tile set that was made: the outline of each tile in degrees by its name, and statistics of each band."""

    kind: PixelType
    tiles: dict[str, Polygon] = field(default_factory=dict)
    statistics: list[Statistics] = field(default_factory=list)


def make_tile_set(options: RasterTileSet, uris: Sequence[str], folder: str, shop: Workshop) -> TileSet:
    """Make the tiles and the lists beside them.

    Args:
        options: As the request gave them.
        uris: The sources; their bands are A, B, C... in this order.
        folder: Where the tiles go, ending in a slash.
        shop: Where to work.

    Raises:
        DataError: A source cannot be used, the formula cannot be computed, or no pixel has data.
    """
    sources = [open_source(uri, shop.objects, unify_projection=options.unify_projection) for uri in uris]
    made = make_tiles(options, sources, folder, shop)
    if not made.tiles:
        raise DataError("no pixel of the tile set would have data: look at its sources and its formula")
    properties = _properties(made, options)
    whole = dict(made.tiles)
    if options.copy_solo_tiles:
        whole |= _copy_solo_tiles(options, sources[-1], made, folder, shop)
        for place in (folder, _intensity(folder, options)):
            solo = {name: shape for name, shape in whole.items() if name not in made.tiles}
            write_list(f"{place}overlap.geojson", folder, made.tiles, properties, shop.objects)
            write_list(f"{place}nonoverlap.geojson", folder, solo, properties, shop.objects)
    write_lists(folder, whole, properties, shop.objects)
    made.tiles = whole
    return made


def make_tiles(options: RasterTileSet, sources: Sequence[Source], folder: str, shop: Workshop) -> TileSet:
    """Make the tiles alone."""
    grid, kind = tile_grid(options.grid), pixel_type(options)
    made = TileSet(kind, {}, [Statistics() for _ in range(kind.bands)])
    for tile in tiles_of(sources, grid, union=options.union_bands):
        if options.subset is None or tile.name in options.subset.split(","):
            path = shop.folder / f"{tile.name}.tif"
            try:
                if _make_tile(options, sources, tile, path, made, shop):
                    shop.objects.put(f"{folder}{tile.name}.tif", path)
                    made.tiles[tile.name] = tile.footprint
            finally:
                path.unlink(missing_ok=True)
    return made


def _make_tile(
    options: RasterTileSet, sources: Sequence[Source], tile: Tile, path: Path, made: TileSet, shop: Workshop
) -> bool:
    """Write a tile's file; False, leaving none that counts, if no pixel has data."""
    written = False
    with Reader(sources, tile, options.resampling) as reader:
        places = _places(options, reader, sources, tile, made.kind)
        if not places:
            return False
        with new_tile(path, tile, made.kind) as out:
            for row, column in places:
                shop.alive()
                window = tile.block(row, column)
                values = computed(options, made.kind, reader.read(window))
                data = made.kind.has_data(values)
                if data.any():
                    out.write(values, window=window)
                    written = True
                    for band, statistics in enumerate(made.statistics):
                        statistics.add(values[band][data[band]])
    return written


def _places(
    options: RasterTileSet, reader: Reader, sources: Sequence[Source], tile: Tile, kind: PixelType
) -> list[tuple[int, int]]:
    """The blocks to compute, as (row, column) of blocks."""
    files = [file for source in sources for file in source.files]
    blocks = blocks_of(files, tile)
    filled = any(file.nodata is None for file in files)
    if not is_blank_where_sources_are(options, kind, reader.read(Window(0, 0, 1, 1)), filled=filled):
        blocks[:] = True
    return [(int(row), int(column)) for row, column in np.argwhere(blocks)]


def new_tile(path: Path, tile: Tile, kind: PixelType) -> Any:  # noqa: ANN401 - rasterio has no types
    """A tile's file to write blocks into; those that are not written take no room."""
    grid = tile.grid
    return rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=grid.pixels,
        height=grid.pixels,
        count=kind.bands,
        dtype=kind.dtype.name,
        nodata=kind.nodata,
        crs=grid.crs,
        transform=tile.transform,
        compress="DEFLATE",
        SPARSE_OK=True,
        BIGTIFF="IF_SAFER",
        **({"tiled": True, "blockxsize": grid.block, "blockysize": grid.block} if grid.block % 16 == 0 else {}),
        **({} if kind.nbits is None else {"NBITS": kind.nbits}),
    )


def band_metadata(made: TileSet, options: RasterTileSet) -> list[dict[str, Any]]:
    """What is told about each band."""
    nodata = "nan" if made.kind.nodata is not None and np.isnan(made.kind.nodata) else made.kind.nodata
    return [
        {
            "pixel_meaning": options.pixel_meaning,
            "data_type": options.data_type,
            "no_data": nodata,
            "stats": statistics.told() if options.compute_stats else None,
        }
        for statistics in made.statistics
    ]


def _properties(made: TileSet, options: RasterTileSet) -> dict[str, Any]:
    return {"bands": band_metadata(made, options)}


def _copy_solo_tiles(
    options: RasterTileSet, source: Source, made: TileSet, folder: str, shop: Workshop
) -> dict[str, Polygon]:  # fmt: skip
    """Copy the tiles of the last source that the others do not reach, as they are; returns their outlines."""
    grid = tile_grid(options.grid)
    known = {tile.name: tile for tile in tiles_of([source], grid, union=True)}
    beyond = sorted(made.tiles.keys() - known.keys())
    if beyond:
        raise DataError(f"copy_solo_tiles: the last source lacks the tiles {', '.join(beyond)}, which the others have")
    copied = {}
    for file in source.files:
        name = file.path.stem
        if name not in made.tiles:
            if name not in known:
                raise DataError(f"copy_solo_tiles: {file.path.name} of the last source is no tile of grid {grid.name}")
            shop.alive()
            shop.objects.put(f"{folder}{name}.tif", file.path)
            copied[name] = known[name].footprint
    return copied


def _intensity(folder: str, options: RasterTileSet) -> str:
    """The folder of the intensity tile set beside: the service puts its lists there too, for that one's COGs."""
    meaning = f"/{options.pixel_meaning}/geotiff/"
    return folder.removesuffix(meaning) + "/intensity/geotiff/"
