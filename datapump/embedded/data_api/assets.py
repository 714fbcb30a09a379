"""Assets: what exists of a version, its table first."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from datapump.embedded.data_api.errors import ApiError
from datapump.embedded.data_api.models import assets as kinds

if TYPE_CHECKING:
    from datapump.embedded.data_api.changes import Change
    from datapump.embedded.data_api.settings import DataApiSettings
    from datapump.embedded.data_api.versions import Version

_COLUMNS = (
    "asset_id, dataset, version, asset_type, asset_uri, status, is_default, is_managed, is_downloadable,"
    " creation_options, metadata, created_on, updated_on"
)
# URIs are stored with this in the place of the API's own address, which may change between two starts.
API = "{api}"


@dataclass(frozen=True)
class Asset:
    """An asset as it is stored; its status is `pending`, `saved` or `failed`."""

    asset_id: str
    dataset: str
    version: str
    asset_type: str
    asset_uri: str
    status: str
    is_default: bool
    is_managed: bool
    is_downloadable: bool
    creation_options: dict[str, Any]
    metadata: dict[str, Any] | None
    created_on: str
    updated_on: str


def uri(settings: DataApiSettings, dataset: str, version: str, asset_type: str, options: dict[str, Any]) -> str:
    """Where an asset is to be found. Source: the service's URI patterns.

    Raises:
        ApiError: The service makes no such assets.
    """
    lake = f"s3://{settings.data_lake_bucket}/{dataset}/{version}"
    tiles = f"{settings.tile_cache_url or API + '/tiles'}/{dataset}/{version}"
    name = options.get("implementation", "default")
    zoomed = str(options.get("grid", "")).startswith("zoom_")
    srid = "epsg-3857" if zoomed else "epsg-4326"
    known = {
        kinds.TABLE: f"{API}/dataset/{dataset}/{version}/query",
        kinds.GEO_TABLE: f"{API}/dataset/{dataset}/{version}/query",
        kinds.TILE_SET: (
            f"{lake}/raster/{srid}/{options.get('grid')}/{options.get('pixel_meaning')}/geotiff/{{tile_id}}.tif"
        ),
        kinds.COG: f"{lake}/raster/epsg-4326/cog/{name}.tif",
        kinds.TILE_CACHE: f"{tiles}/{name}/{{z}}/{{x}}/{{y}}.png",
        kinds.STATIC_TILES: f"{tiles}/{name}/{{z}}/{{x}}/{{y}}.pbf",
        kinds.DYNAMIC_TILES: f"{tiles}/dynamic/{{z}}/{{x}}/{{y}}.pbf",
        kinds.SHAPEFILE: f"{lake}/vector/epsg-4326/{dataset}_{version}.shp.zip",
        kinds.GEOPACKAGE: f"{lake}/vector/epsg-4326/{dataset}_{version}.gpkg",
        kinds.NDJSON: f"{lake}/vector/epsg-4326/{dataset}_{version}.ndjson",
        kinds.GRID: f"{lake}/vector/epsg-4326/{dataset}_{version}_1x1.tsv",
    }
    if asset_type not in known:
        raise ApiError(501, f"Procedure for creating asset type {asset_type} not implemented")
    return known[asset_type]


def map_tiles(settings: DataApiSettings, asset: Asset) -> str:
    """Folder of a raster tile cache's map tiles, ending in a slash."""
    name = asset.creation_options["implementation"]
    return f"s3://{settings.tile_cache_bucket}/{asset.dataset}/{asset.version}/{name}/"


def files(settings: DataApiSettings, asset: Asset) -> str | None:
    """What of an asset lies in a bucket: an object's name, or a folder's, ending in a slash; None: nothing does."""
    if asset.asset_type == kinds.TILE_CACHE:
        return map_tiles(settings, asset)
    if asset.asset_type in {kinds.GRID, kinds.COG, kinds.TILE_SET}:
        return asset.asset_uri.removesuffix("{tile_id}.tif")
    return None


def draft(
    change: Change, settings: DataApiSettings, version: Version, asset_type: str, options: dict[str, Any]
) -> Asset:
    """A new asset of a version, yet to be made and stored.

    Raises:
        ApiError: The service makes no such assets.
    """
    where = uri(settings, version.dataset, version.version, asset_type, options)
    return Asset(
        asset_id=change.new_uuid(),
        dataset=version.dataset,
        version=version.version,
        asset_type=asset_type,
        asset_uri=where,
        status="pending",
        is_default=False,
        is_managed=True,
        is_downloadable=version.is_downloadable,
        creation_options=options,
        metadata=None,
        created_on=change.now,
        updated_on=change.now,
    )


def create(change: Change, settings: DataApiSettings, asset: Asset) -> None:
    """Store a new asset.

    Raises:
        ApiError: Another asset has its URI.
    """
    try:
        change.sql.execute(
            f"INSERT INTO assets ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
            (
                asset.asset_id, asset.dataset, asset.version, asset.asset_type, asset.asset_uri, asset.status,
                asset.is_default, asset.is_managed, asset.is_downloadable, json.dumps(asset.creation_options),
                asset.metadata and json.dumps(asset.metadata), asset.created_on, asset.updated_on,
            ),
        )  # fmt: skip
    except sqlite3.IntegrityError:
        raise ApiError(
            400,
            f"Cannot create asset of type {asset.asset_type}. "
            f"Asset uri must be unique. An asset with uri {public(settings, asset.asset_uri)} already exists",
        ) from None


def find(sql: sqlite3.Connection, asset_id: str) -> Asset | None:
    """The asset, if there is one."""
    query = f"SELECT {_COLUMNS} FROM assets WHERE asset_id = ?"  # noqa: S608 - constant names
    row = sql.execute(query, (asset_id,)).fetchone()
    return None if row is None else _asset(row)


def default(sql: sqlite3.Connection, dataset: str, version: str) -> Asset | None:
    """The asset that a version was made with; there is none for a moment after the version's making."""
    found = listing(sql, dataset=dataset, version=version, is_default=True)
    return found[0] if found else None


def listing(sql: sqlite3.Connection, **filters: object) -> list[Asset]:
    """Assets in the order of their making.

    Args:
        sql: The connection.
        filters: Columns of the asset, or `is_latest` of its version, and the value they must have; None: any.
    """
    wanted = {name: value for name, value in filters.items() if value is not None}
    tests = ["is_latest = ?" if name == "is_latest" else f"a.{name} = ?" for name in wanted]
    query = (
        f"SELECT a.* FROM assets a JOIN versions USING (dataset, version) WHERE {' AND '.join(tests) or '1'}"  # noqa: S608 - names come from our own calls
        " ORDER BY a.created_on, a.rowid"
    )
    return [_asset(row) for row in sql.execute(query, tuple(wanted.values()))]


def saved(sql: sqlite3.Connection, settings: DataApiSettings, dataset: str, version: str) -> list[tuple[str, str, str]]:
    """Type, URI and id of a version's saved assets, in the order of their making."""
    found = listing(sql, dataset=dataset, version=version, status="saved")
    return [(asset.asset_type, public(settings, asset.asset_uri), asset.asset_id) for asset in found]


def public(settings: DataApiSettings, stored: str) -> str:
    """A stored URI as it is shown: with the API's own address."""
    return settings.public_url + stored.removeprefix(API) if stored.startswith(API) else stored


def stored(settings: DataApiSettings, shown: str) -> str:
    """A URI that was shown as it is stored."""
    return API + shown.removeprefix(settings.public_url) if shown.startswith(settings.public_url) else shown


def update(change: Change, asset_id: str, **values: object) -> None:
    """Change some columns of an asset; dictionaries are stored as JSON."""
    columns = {
        name: json.dumps(value) if isinstance(value, dict) else value
        for name, value in {**values, "updated_on": change.now}.items()
    }
    assignments = ", ".join(f"{name} = ?" for name in columns)
    query = f"UPDATE assets SET {assignments} WHERE asset_id = ?"  # noqa: S608 - names come from our own calls
    change.sql.execute(query, (*columns.values(), asset_id))


def view(settings: DataApiSettings, asset: Asset) -> dict[str, Any]:
    """What an answer tells of an asset."""
    return {
        "created_on": asset.created_on,
        "updated_on": asset.updated_on,
        "asset_id": asset.asset_id,
        "dataset": asset.dataset,
        "version": asset.version,
        "asset_type": asset.asset_type,
        "asset_uri": public(settings, asset.asset_uri),
        "status": asset.status,
        "is_managed": asset.is_managed,
        "is_downloadable": asset.is_downloadable,
        "metadata": asset.metadata or {},
    }


def _asset(row: sqlite3.Row) -> Asset:
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a row is iterated by value
    for name in ("is_default", "is_managed", "is_downloadable"):
        values[name] = bool(values[name])
    values["creation_options"] = json.loads(values["creation_options"])
    values["metadata"] = json.loads(values["metadata"]) if values["metadata"] else None
    return Asset(**values)
