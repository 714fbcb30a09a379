"""Making a raster tile cache: tile sets of every zoom level, and map tiles of the lower ones, only where data is.

As the service does, each level has three tile sets: the pixels, their intensity, and the colours made of both. Each
level is made from the one above it. Levels above `max_static_zoom`, which the service draws when they are asked for,
have their tile sets here but no map tiles.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from datapump.embedded.data_api.made import TileSetMade
from datapump.embedded.data_api.rasters.colours import Level, make_colours
from datapump.embedded.data_api.rasters.lists import write_lists
from datapump.embedded.data_api.rasters.sources import open_source
from datapump.embedded.data_api.rasters.symbologies import symbology
from datapump.embedded.data_api.rasters.tile_sets import make_tiles
from datapump.errors import DataError

if TYPE_CHECKING:
    from datapump.embedded.data_api.models.rasters import RasterTileCache, RasterTileSet
    from datapump.embedded.data_api.rasters.symbologies import Symbology
    from datapump.embedded.data_api.rasters.tile_sets import TileSet, Workshop
    from datapump.objects import Objects


@dataclass(frozen=True)
class Cache:
    """What a cache is made from.

    Attributes:
        source: The list of the source's tiles.
        tile_set: The source's creation options.
        options: The cache's.
        lake: The version's folder, without a slash at its end.
        map_tiles: Folder of the map tiles, ending in a slash.
    """

    source: str
    tile_set: RasterTileSet
    options: RasterTileCache
    lake: str
    map_tiles: str

    def folder(self, tile_set: RasterTileSet) -> str:
        """Where the tiles of a level's tile set go, ending in a slash."""
        return f"{self.lake}/raster/epsg-3857/{tile_set.grid}/{tile_set.pixel_meaning}/geotiff/"


@dataclass
class Drawn:
    """What came of it: the tile sets, and every folder that was written to."""

    words: str = ""
    tile_sets: list[TileSetMade] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)


def make_cache(cache: Cache, drawn: Drawn, shop: Workshop) -> None:
    """Make the tile sets of all levels and draw the map tiles of the static ones; `drawn` tells what was written.

    Raises:
        DataError: The zoom levels contradict each other, or the source has several bands.
        UnsupportedError: A symbology that is not drawn here.
    """
    options = cache.options
    if not options.min_zoom <= options.max_zoom:
        raise DataError(f"min_zoom {options.min_zoom} is above max_zoom {options.max_zoom}")
    how = symbology(options.symbology.type)
    if cache.tile_set.band_count != 1:
        raise DataError(f"map tiles are drawn from tile sets of one band, the source has {cache.tile_set.band_count}")
    drawn.folders.append(cache.map_tiles)
    values: str | None = cache.source
    intensity: str | None = cache.source
    count, last = 0, options.max_zoom
    for zoom in range(options.max_zoom, options.min_zoom - 1, -1):
        top = zoom == options.max_zoom
        level = _level(cache, how, zoom, top=top)
        values = _made(cache, level[0], values, drawn, shop)
        if values is None:
            break
        intensity = _made(cache, level[1], values if top else intensity, drawn, shop)
        count += _colour(cache, how, level[2], [one for one in (values, intensity) if one], drawn, shop)
        last = zoom
    drawn.words = _words(options, count, last) if drawn.tile_sets else f"no pixel is left at level {last}: drew nothing"


def _words(options: RasterTileCache, count: int, last: int) -> str:
    static = min(options.max_static_zoom, options.max_zoom)
    words = f"drew {count} map tiles of levels {last} to {static}"
    if last > options.min_zoom:
        words += f"; below level {last} no pixel has data"
    if options.max_zoom > static:
        words += (
            f"; levels {static + 1} to {options.max_zoom} have tile sets but no map tiles here, because no server "
            "draws them when they are asked for"
        )
    return words


def _level(cache: Cache, how: Symbology, zoom: int, *, top: bool) -> tuple[RasterTileSet, RasterTileSet, RasterTileSet]:
    """The options of a level's three tile sets: values, intensity, colours."""
    name = cache.options.implementation
    common = {"grid": f"zoom_{zoom}", "calc": None, "compute_stats": False, "auxiliary_assets": None, "subset": None}
    values = cache.tile_set.model_copy(
        update={
            **common,
            "pixel_meaning": f"{cache.tile_set.pixel_meaning}_{name}",
            "resampling": "nearest" if top else cache.options.resampling,
        }
    )
    byte = {"data_type": "uint8", "nbits": None, "no_data": 0}
    intensity = values.model_copy(
        update={
            **byte,
            "pixel_meaning": f"intensity_{name}",
            "resampling": how.resampling,
            "calc": f"(A > 0) * {how.intensity}" if top else None,
        }
    )
    colours = values.model_copy(update={**byte, "pixel_meaning": name, "band_count": 3})
    return values, intensity, colours


def _made(cache: Cache, options: RasterTileSet, source: str | None, drawn: Drawn, shop: Workshop) -> str | None:
    """Make one tile set of a level; returns the list of its tiles, None if no pixel has data."""
    if source is None:
        return None
    opened = [open_source(source, shop.objects, unify_projection=False)]
    drawn.folders.append(cache.folder(options))
    return _listed(cache, options, make_tiles(options, opened, cache.folder(options), shop), drawn, shop.objects)


def _listed(cache: Cache, options: RasterTileSet, made: TileSet, drawn: Drawn, objects: Objects) -> str | None:
    if not made.tiles:
        return None
    folder = cache.folder(options)
    write_lists(folder, made.tiles, {}, objects)
    drawn.tile_sets.append(TileSetMade(options.model_dump(mode="json"), f"{folder}{{tile_id}}.tif"))
    return f"{folder}tiles.geojson"


def _colour(
    cache: Cache, how: Symbology, colours: RasterTileSet, lists: list[str], drawn: Drawn, shop: Workshop
) -> int:
    """Make the level's colours, and its map tiles if it is a static one; returns how many map tiles."""
    zoom = int(colours.grid.removeprefix("zoom_"))
    target = f"{cache.map_tiles}{zoom}/" if zoom <= cache.options.max_static_zoom else None
    sources = [open_source(uri, shop.objects, unify_projection=False) for uri in lists]
    drawn.folders.append(cache.folder(colours))
    made, count = make_colours(Level(colours, how, sources, cache.folder(colours), target), shop)
    _listed(cache, colours, made, drawn, shop.objects)
    return count
