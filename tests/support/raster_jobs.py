"""Raster jobs on tiny sources, and deployments that hold those sources."""

from __future__ import annotations

from datapump.jobs.documents import RasterJob
from datapump.jobs.raster_assets import AssetKind, OtherTileSet, RasterAsset, Retirement
from tests.support.tifs import write_tile

DATASET = "umd_tiny_alerts"
VERSION = "v20260201"
PIXELS = {(0, 0): [[20_010, 30_020]], (50_000, 50_000): [[25_000]]}
SOURCE = {
    "source_type": "raster",
    "source_driver": "GeoTIFF",
    "source_uri": ["gs://alerts/v20260201/"],
    "pixel_meaning": "date_conf",
    "data_type": "uint16",
    "no_data": 0,
    "grid": "10/100000",
    "calc": "np.where(A.data >= 20000, A.data, 0)",
}
TILE_SET = {"data_type": "uint8", "no_data": 0, "grid": "10/100000"}
CACHE = {"max_zoom": 14, "min_zoom": 13, "max_static_zoom": 13, "symbology": {"type": "date_conf_intensity"}}
CACHE |= {"resampling": "med", "implementation": "default"}


def put_source(deployment, folder="v20260201", patches=PIXELS, name="10N_010E"):
    """A release of one tile."""
    write_tile(deployment.folder / "objects" / "gs" / "alerts" / folder / f"{name}.tif", patches, name=name)


def source(**options):
    return RasterAsset(name="date_conf", kind=AssetKind.SOURCE, options={**SOURCE, **options})


def intensity(**changes):
    options = {**TILE_SET, "pixel_meaning": "intensity", "calc": "np.where(A.data > 0, 55, 0)"}
    return RasterAsset(**{"name": "intensity", "kind": AssetKind.TILE_SET, "options": options, **changes})


def cog(name="default", made_from="date_conf", **changes):
    options = {"implementation": name, "resampling": "mode", "block_size": 1024}
    known = {"name": f"{name}_cog", "kind": AssetKind.COG, "made_from": [made_from], "options": options}
    return RasterAsset(**known | changes)


def cache(**changes):
    known = {"name": "cache", "kind": AssetKind.TILE_CACHE, "made_from": ["date_conf"], "options": CACHE}
    return RasterAsset(**known | changes)


def vrt(*names, version=VERSION):
    folder = f"s3://gfw-data-lake/{DATASET}/{version}/raster/epsg-4326/cog"
    options = {"uri": f"{folder}/all.vrt", "sources": [f"{folder}/{name}.tif" for name in names]}
    made_from = [f"{name}_cog" for name in names]
    return RasterAsset(name="vrt", kind=AssetKind.VRT, made_from=made_from, options=options)


def raster_job(*assets, **changes):
    """A job of the whole graph, or of some assets."""
    whole = (source(), cache(), intensity(), cog(), cog("intensity", "intensity"), vrt("default", "intensity"))
    known = {
        "id": "raster-1",
        "dataset": DATASET,
        "version": VERSION,
        "metadata": {
            "content_date_range": {"start_date": "2020-01-01", "end_date": "2026-02-01"},
            "content_date_description": "Alerts",
        },
        "assets": list(assets or whole),
    }
    return RasterJob(**known | changes)


def other(version, pixel_meaning="date_conf", **changes):
    return OtherTileSet(**{"dataset": DATASET, "version": version, "pixel_meaning": pixel_meaning, **changes})


def old(version, **changes):
    return Retirement(**{"dataset": DATASET, "version": version, "reason": "it is old", **changes})
