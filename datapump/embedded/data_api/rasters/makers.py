"""Makers of rasters: what a task and its asset ask for, and where the result goes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from datapump.embedded.data_api import assets as stored
from datapump.embedded.data_api.context import WORK
from datapump.embedded.data_api.made import Made, Making
from datapump.embedded.data_api.models import assets as kinds
from datapump.embedded.data_api.models.rasters import Cog, RasterSource, RasterTileCache, RasterTileSet
from datapump.embedded.data_api.rasters.caches import Cache, Drawn, make_cache
from datapump.embedded.data_api.rasters.cogs import make_cog
from datapump.embedded.data_api.rasters.tile_sets import Workshop, band_metadata, make_tile_set
from datapump.errors import DataError, DatapumpError, InternalError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datapump.embedded.data_api.assets import Asset
    from datapump.embedded.data_api.rasters.tile_sets import TileSet

TILE = "{tile_id}.tif"


def source_raster(making: Making) -> Made:
    """Make a version's own tile set from the sources of its request."""
    options = RasterSource.model_validate(making.task.creation_options)
    return _tile_set(making, options, options.source_uri)


def tile_set(making: Making) -> Made:
    """Make a further tile set from the version's own and the auxiliary assets, in this order."""
    asset = _asset(making)
    options = RasterTileSet.model_validate(asset.creation_options)
    with making.context.database.read() as sql:
        own = stored.default(sql, asset.dataset, asset.version)
        others = [stored.find(sql, str(one)) for one in options.auxiliary_assets or []]
    if own is None or own.asset_type != kinds.TILE_SET:
        raise DataError("raster tile sets from vector features are not available in the embedded Data API")
    missing = [str(one) for one, found in zip(options.auxiliary_assets or [], others, strict=True) if found is None]
    if missing:
        raise DataError(f"auxiliary assets {', '.join(missing)} were deleted meanwhile")
    bands = [own, *(one for one in others if one is not None)]
    return _tile_set(making, options, [tiles_list(one) for one in bands])


def cog(making: Making) -> Made:
    """Make one file of a tile set, or of a list of tiles."""
    asset = _asset(making)
    options = Cog.model_validate(asset.creation_options)
    source = options.source_asset_id
    if not source.startswith("s3://"):
        source = tiles_list(_source(making, source))
    objects = making.context.objects
    with _workshop(making) as shop:
        words = make_cog(options, source, asset.asset_uri, shop)
    return Made(words, lambda: objects.delete(asset.asset_uri))


def tile_cache(making: Making) -> Made:
    """Draw map tiles, and make the tile sets that they are drawn from."""
    asset = _asset(making)
    options = RasterTileCache.model_validate(asset.creation_options)
    source = _source(making, options.source_asset_id)
    settings = making.context.settings
    tile_options = RasterTileSet.model_validate(
        {name: value for name, value in source.creation_options.items() if name in RasterTileSet.model_fields}
    )
    cache = Cache(
        source=tiles_list(source),
        tile_set=tile_options,
        options=options,
        lake=f"s3://{settings.data_lake_bucket}/{asset.dataset}/{asset.version}",
        map_tiles=stored.map_tiles(settings, asset),
    )
    drawn = Drawn()
    try:
        with _workshop(making) as shop:
            make_cache(cache, drawn, shop)
    except DatapumpError:
        _remove(making, drawn.folders)
        raise
    return Made(drawn.words, lambda: _remove(making, drawn.folders), extras=tuple(drawn.tile_sets))


def tiles_list(asset: Asset) -> str:
    """The list of an asset's tiles."""
    return asset.asset_uri.replace(TILE, "tiles.geojson")


def _tile_set(making: Making, options: RasterTileSet, uris: list[str]) -> Made:
    asset = _asset(making)
    folder = asset.asset_uri.removesuffix(TILE)
    with _workshop(making) as shop:
        made = make_tile_set(options, uris, folder, shop)
    told = {"tags": None, "bands": band_metadata(made, options), "id": asset.asset_id}
    return Made(_words(made), lambda: _remove(making, [folder]), metadata=told)


def _words(made: TileSet) -> str:
    pixels = sum(statistics.count for statistics in made.statistics)
    return f"made {len(made.tiles)} tiles; {pixels} pixels have data"


def _remove(making: Making, folders: list[str]) -> None:
    objects = making.context.objects
    for folder in folders:
        for info in objects.listing(folder):
            objects.delete(info.uri)


def _asset(making: Making) -> Asset:
    if making.asset is None:
        raise InternalError("a raster was asked for without an asset")
    return making.asset


def _source(making: Making, asset_id: str) -> Asset:
    """The tile set that another asset is made from.

    Raises:
        DataError: There is none of that id, or it is something else, or not saved.
    """
    with making.context.database.read() as sql:
        found = stored.find(sql, asset_id)
    if found is None:
        raise DataError(f"source asset {asset_id} does not exist")
    if found.asset_type != kinds.TILE_SET or found.status != "saved":
        raise DataError(f"source asset {asset_id} is a {found.asset_type} that is {found.status}: expected a saved "
                        f"{kinds.TILE_SET}")  # fmt: skip
    return found


@contextmanager
def _workshop(making: Making) -> Iterator[Workshop]:
    folder = making.context.settings.folder / WORK / str(making.task.task_id)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield Workshop(making.context.objects, folder, making.alive)
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


RASTER_MAKERS: dict[str, Any] = {
    "raster": source_raster,
    kinds.TILE_SET: tile_set,
    kinds.COG: cog,
    kinds.TILE_CACHE: tile_cache,
}
