"""Creation options of what is made from a version's features, and the request for any further asset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import StrictInt  # noqa: TC002 - pydantic reads it at run time

from datapump.embedded.data_api.models.fields import JsonObject, Strict, Zoom
from datapump.embedded.data_api.models.rasters import Cog, RasterTileCache, RasterTileSet
from datapump.embedded.data_api.models.tables import TableAsset
from datapump.embedded.data_api.wording import first_of, one_of

if TYPE_CHECKING:
    from pydantic import BaseModel

TABLE, GEO_TABLE = "Database table", "Geo database table"
TILE_SET, TILE_CACHE, COG = "Raster tile set", "Raster tile cache", "COG"
DYNAMIC_TILES, STATIC_TILES = "Dynamic vector tile cache", "Static vector tile cache"
SHAPEFILE, GEOPACKAGE, NDJSON, GRID = "ESRI Shapefile", "Geopackage", "ndjson", "1x1 grid"
CSV, TSV = "csv", "tsv"

AssetType = Annotated[
    str,
    one_of(
        DYNAMIC_TILES, STATIC_TILES, TILE_CACHE, TILE_SET, TABLE, GEO_TABLE, SHAPEFILE, GEOPACKAGE, NDJSON, CSV, TSV,
        GRID, COG,
    ),
]  # fmt: skip


class StaticVectorFile(Strict):
    """A file of a version's features."""

    field_attributes: list[str] | None = None


class Grid1x1(StaticVectorFile):
    """A version's features cut by 1x1 degree cells."""

    include_tile_id: bool | None = False


class DynamicVectorTileCache(Strict):
    """Vector tiles made when they are asked for."""

    min_zoom: Zoom = 0
    max_zoom: Zoom = 14
    timeout_sec: StrictInt | None = None
    field_attributes: list[JsonObject] | None = None


class StaticVectorTileCache(Strict):
    """Vector tiles made ahead."""

    min_zoom: Zoom = 0
    max_zoom: Zoom = 14
    timeout_sec: StrictInt | None = None
    field_attributes: list[str] | None = None
    tile_strategy: Annotated[str, one_of("continuous", "discontinuous", "keep_all")]
    implementation: str = "default"
    layer_style: list[JsonObject]
    feature_filter: JsonObject | None = None


OPTIONS_OF: dict[str, type[BaseModel]] = {
    DYNAMIC_TILES: DynamicVectorTileCache,
    STATIC_TILES: StaticVectorTileCache,
    NDJSON: StaticVectorFile,
    GRID: Grid1x1,
    SHAPEFILE: StaticVectorFile,
    GEOPACKAGE: StaticVectorFile,
    TILE_SET: RasterTileSet,
    TILE_CACHE: RasterTileCache,
    COG: Cog,
}


class AssetCreateIn(Strict):
    """The request for a further asset of a version.

    The service takes the first model that the options fit, whatever the asset type; options that fit only
    another type's model are found out later.
    """

    asset_type: AssetType
    asset_uri: str | None = None
    is_managed: bool = True
    is_downloadable: bool | None = None
    creation_options: Annotated[
        TableAsset
        | Cog
        | RasterTileCache
        | StaticVectorTileCache
        | StaticVectorFile
        | Grid1x1
        | DynamicVectorTileCache
        | RasterTileSet,
        first_of(
            TableAsset, Cog, RasterTileCache, StaticVectorTileCache, StaticVectorFile, Grid1x1,
            DynamicVectorTileCache, RasterTileSet,
        ),
    ]  # fmt: skip
    metadata: JsonObject | None = None
