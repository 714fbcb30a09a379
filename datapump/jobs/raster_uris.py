"""Where the assets of a raster version are found: the Data API names them by rule, and by their names they are known.

Types alone do not tell: a tile cache adds tile sets of its own to the version that it is drawn from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.jobs.raster_assets import AssetKind
from datapump.jobs.ticking import JobFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.clients.data_api import JSON
    from datapump.jobs.documents import RasterJob
    from datapump.jobs.raster_assets import OtherTileSet, RasterAsset
    from datapump.ports import Ports

_TYPES = {
    AssetKind.SOURCE: "Raster tile set",
    AssetKind.TILE_SET: "Raster tile set",
    AssetKind.TILE_CACHE: "Raster tile cache",
    AssetKind.COG: "COG",
}


def asset_type(asset: RasterAsset) -> str:
    """The Data API's name of a kind of asset."""
    return _TYPES[asset.kind]


def find_asset(job: RasterJob, asset: RasterAsset, known: Sequence[JSON], ports: Ports) -> JSON | None:
    """The asset of the job among those that a version has, None if it is not among them."""
    if asset.kind is AssetKind.VRT:
        return None
    wanted = _uri(job, asset, ports)
    found = [one for one in known if one["asset_type"] == asset_type(asset) and str(one["asset_uri"]).endswith(wanted)]
    return found[0] if found else None


def tile_set_of(other: OtherTileSet, ports: Ports) -> str:
    """The id of a saved tile set of another version.

    Raises:
        JobFailedError: There is none, or several.
    """
    middle = f"/raster/epsg-4326/{other.grid}/" if other.grid else "/raster/epsg-4326/"
    found = [
        one
        for one in ports.data_api.assets(other.dataset, other.version)
        if one["asset_type"] == _TYPES[AssetKind.TILE_SET]
        and middle in str(one["asset_uri"])
        and f"/{other.pixel_meaning}/geotiff/" in str(one["asset_uri"])
        and one["status"] == "saved"
    ]
    if len(found) != 1:
        what = f"{other.dataset} {other.version} has {len(found) or 'no'} saved tile sets {other.pixel_meaning}"
        raise JobFailedError(f"{what}{f' on grid {other.grid}' if other.grid else ''}, where one is needed")
    return str(found[0]["asset_id"])


def _uri(job: RasterJob, asset: RasterAsset, ports: Ports) -> str:
    """The URI of an asset, or its end where it begins with an address of the Data API's own."""
    options = asset.options
    name = options.get("implementation", "default")
    if asset.kind is AssetKind.TILE_CACHE:
        return f"/{job.dataset}/{job.version}/{name}/{{z}}/{{x}}/{{y}}.png"
    folder = f"s3://{ports.settings.data_lake_bucket}/{job.dataset}/{job.version}/raster"
    if asset.kind is AssetKind.COG:
        return f"{folder}/epsg-4326/cog/{name}.tif"
    srid = "epsg-3857" if str(options.get("grid")).startswith("zoom_") else "epsg-4326"
    return f"{folder}/{srid}/{options.get('grid')}/{options.get('pixel_meaning')}/geotiff/{{tile_id}}.tif"
