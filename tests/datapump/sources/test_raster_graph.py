"""Which assets the version of a raster dataset gets, and what the requests for them say."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from pydantic import TypeAdapter

from datapump.embedded.data_api.models.assets import AssetCreateIn
from datapump.embedded.data_api.models.rasters import Cog, RasterSource, RasterTileCache, RasterTileSet
from datapump.embedded.data_api.models.requests import VersionCreateIn, VersionMetadata
from datapump.errors import DataError
from datapump.recipes import recipe_of, recipes
from datapump.sources.raster_graph import last_first_sunday
from datapump.sources.rasters import raster_job
from tests.support.lake import HANSEN, LAKE, RADD, decide, tiles

INTDIST = "gfw_integrated_dist_alerts"


def by_name(job):
    return {asset.name: asset for asset in job.assets}


def test_radd_becomes_a_tile_set_and_map_tiles(lake):
    lake.put_radd("v20261115")
    job, _ = decide(lake, "wur_radd_alerts")
    source, cache = job.assets
    assert (job.dataset, job.version, job.timeout_sec, job.notify) == ("wur_radd_alerts", "v20261115", 86400, [])
    assert source.options == {
        "source_type": "raster",
        "source_driver": "GeoTIFF",
        "source_uri": [f"{RADD}/v20261115"],
        "pixel_meaning": "date_conf",
        "data_type": "uint16",
        "no_data": 0,
        "grid": "10/100000",
        "calc": "np.where((A >= 20000) & (A < 40000), A, 0)",
        "resampling": "nearest",
        "union_bands": False,
        "unify_projection": False,
        "compute_stats": False,
        "timeout_sec": 7200,
    }
    assert (cache.kind, cache.made_from) == ("tile_cache", ["date_conf"])
    assert (cache.options["max_zoom"], cache.options["resampling"]) == (14, "med")
    assert cache.options["symbology"] == {"type": "date_conf_intensity"}
    assert job.metadata["content_date_range"] == {"start_date": "2020-01-01", "end_date": "2026-11-15"}


def test_glad_l_reads_two_bands_a_year(lake):
    lake.put_glad_l("11_20")
    job, _ = decide(lake, "umd_glad_landsat_alerts")
    source, cache, fine = job.assets
    c2 = f"{HANSEN}/GLADalert/C2"
    assert source.options["source_uri"] == [
        f"{c2}/{folder}/{band}{year}*"
        for year, folder in [(year, f"20{year}/final") for year in range(21, 26)] + [(26, "2026/11_20")]
        for band in ("alert", "alertDate")
    ]
    assert source.options["calc"].count("np.where") == 6
    assert (source.options["grid"], cache.options["max_zoom"]) == ("10/40000", 12)
    assert (fine.kind, fine.made_from, fine.timeout_sec) == ("tile_set", [], 6 * 3600)
    assert (fine.options["grid"], fine.options["union_bands"], fine.options["compute_stats"]) == (
        "10/100000",
        True,
        True,
    )
    assert "calc" not in fine.options
    assert (job.version, job.metadata["content_date_range"]["end_date"]) == ("v20261120", "2026-11-20")


def test_dist_adds_its_week_to_all_alerts_of_the_latest_version(lake):
    lake.put_dist("2026-11-21")
    lake.publish_dist("v20261114")
    job, _ = decide(lake, "umd_glad_dist_alerts")
    assets = by_name(job)
    assert assets["currentweek"].options["source_uri"] == [
        f"{HANSEN}/DIST-ALERT/{name}" for name in ("VEG-ANOM-MAX", "VEG-DIST-DATE", "VEG-DIST-COUNT")
    ]
    assert assets["currentweek"].options["unify_projection"] is True
    assert assets["currentweek"].timeout_sec == 3 * 3600
    (band,) = assets["default"].bands
    assert (band.dataset, band.version, band.pixel_meaning, band.grid) == (
        "umd_glad_dist_alerts", "v20261114", "default", "10/40000",
    )  # fmt: skip
    assert {name: asset.made_from for name, asset in assets.items()} == {
        "currentweek": [],
        "default": [],
        "intensity": ["default"],
        "date_conf": ["default"],
        "resample10m": ["default"],
        "default_cog": ["default"],
        "intensity_cog": ["intensity"],
    }
    assert (assets["resample10m"].timeout_sec, job.notify) == (3 * 3600, ["gnw"])
    assert (assets["default_cog"].options["resampling"], assets["intensity_cog"].options["resampling"]) == (
        "mode", "bilinear",
    )  # fmt: skip
    assert job.metadata["content_date_range"] == {"start_date": "2020-12-31", "end_date": "2026-11-22"}


def test_the_first_version_of_dist_is_its_week_alone(lake):
    lake.put_dist("2026-11-21")
    default = by_name(decide(lake, "umd_glad_dist_alerts").job)["default"]
    assert (default.bands, default.options["calc"]) == ([], "A")


def test_integrated_alerts_are_made_from_the_latest_versions(lake):
    lake.publish_sources(umd_glad_sentinel2_alerts="v20261120")
    job, _ = decide(lake, "gfw_integrated_alerts")
    source = job.assets[0]
    assert source.options["source_uri"] == [
        tiles("umd_glad_landsat_alerts", "v20261115"),
        tiles("umd_glad_sentinel2_alerts", "v20261120"),
        tiles("wur_radd_alerts", "v20261115"),
    ]
    assert (source.timeout_sec, source.options["union_bands"]) == (13 * 3600, True)
    assert (job.sync_type, job.sync_version) == ("integrated_alerts", "v20261122")
    assert job.metadata["content_date_range"] == {"start_date": "2014-12-31", "end_date": "2026-11-22"}
    assert [asset.name for asset in job.assets] == ["date_conf", "intensity", "default_cog", "intensity_cog"]


@pytest.mark.parametrize("name", ["date_conf", "10/40000/date_conf"])
def test_a_source_without_the_tile_set_is_an_error(lake, name):
    lake.publish_sources()
    lake.data_api.publish("wur_radd_alerts", "v20261120", assets=["10/40000/date_conf"])
    with pytest.raises(
        DataError, match="wur_radd_alerts v20261120 has no saved tile set date_conf on the grid 10/100000"
    ):
        decide(lake, "gfw_integrated_alerts")


def merged(
    lake, version, latest, *, dist="v20261114", now_dist="v20261114", cogs=("nonoverlap.tif", "nonoverlapintensity.tif")
):
    """The merge's version, after a latest one that was made from a version of DIST."""
    lake.publish_integrated(version)
    lake.publish_dist(now_dist)
    if latest is not None:
        lake.publish_intdist(latest, dist, *cogs)
    return decide(lake, INTDIST).job


def test_the_merge_copies_what_dist_alone_covers_and_makes_its_cogs_from_lists_of_tiles(lake):
    assets = by_name(merged(lake, "v20261122", None))
    source = assets["date_conf"].options
    assert source["source_uri"] == [
        tiles("gfw_integrated_alerts", "v20261122"),
        tiles("umd_glad_dist_alerts", "v20261114", "resample10m"),
    ]
    assert (source["copy_solo_tiles"], source["union_bands"], source["timeout_sec"]) == (True, False, 3 * 3600)
    folder = f"{LAKE}/{INTDIST}/v20261122/raster/epsg-4326/10/100000"
    assert {name: asset.options["source_asset_id"] for name, asset in assets.items() if asset.kind == "cog"} == {
        "overlap": f"{folder}/date_conf/geotiff/overlap.geojson",
        "overlapintensity": f"{folder}/intensity/geotiff/overlap.geojson",
        "nonoverlap": f"{folder}/date_conf/geotiff/nonoverlap.geojson",
        "nonoverlapintensity": f"{folder}/intensity/geotiff/nonoverlap.geojson",
        "intdist_tropics": f"{folder}/date_conf/geotiff/overlap.geojson",
    }
    assert (assets["intdist_tropics"].options["block_size"], assets["intdist_tropics"].options["export_to_gee"]) == (
        2048, True,
    )  # fmt: skip
    assert assets["overlap"].options["block_size"] == 1024
    cogs = f"{LAKE}/{INTDIST}/v20261122/raster/epsg-4326/cog"
    assert assets["intdist"].options == {
        "sources": [f"{cogs}/nonoverlap.tif", f"{cogs}/overlap.tif"],
        "uri": f"{cogs}/intdist.vrt",
    }
    assert assets["intdist"].made_from == ["nonoverlap", "overlap"]


def test_the_merge_takes_over_the_newest_cog_outside_the_tropics_until_the_next_release_of_dist(lake):
    lake.publish_intdist("v20261118", "v20261114", "nonoverlap.tif", "nonoverlapintensity.tif")
    lake.publish_intdist("v20261119", "v20261114")
    assets = by_name(merged(lake, "v20261122", "v20261121", cogs=()))
    assert "nonoverlap" not in assets
    assert "nonoverlapintensity" not in assets
    assert assets["intdistintensity"].options["sources"] == [
        f"{LAKE}/{INTDIST}/v20261118/raster/epsg-4326/cog/nonoverlapintensity.tif",
        f"{LAKE}/{INTDIST}/v20261122/raster/epsg-4326/cog/overlapintensity.tif",
    ]
    assert assets["intdistintensity"].made_from == ["overlapintensity"]


def test_the_first_merge_after_a_release_of_dist_makes_the_cog_outside_the_tropics(lake):
    assets = by_name(merged(lake, "v20261122", "v20261121", now_dist="v20261121"))
    assert {"nonoverlap", "nonoverlapintensity"} <= set(assets)
    assert assets["intdist"].options["sources"][0] == f"{LAKE}/{INTDIST}/v20261122/raster/epsg-4326/cog/nonoverlap.tif"


def test_a_cog_outside_the_tropics_that_is_lost_is_made_again(lake):
    assert "nonoverlap" in by_name(merged(lake, "v20261122", "v20261121", cogs=()))


EXPORTS = {
    # name: (version, latest, whether it is exported)
    "the first Sunday of a month": ("v20261101", "v20261031", True),
    "the day after it, with the Sunday's version there": ("v20261102", "v20261101", False),
    "the day after it, without": ("v20261102", "v20261031", True),
    "four weeks after it, with no version since": ("v20261128", "v20261031", True),
    "four weeks after it": ("v20261128", "v20261127", False),
    "the second Sunday": ("v20261108", "v20261107", False),
    "the first of a month before its first Sunday": ("v20261201", "v20261130", False),
    "the day before the first Sunday": ("v20261205", "v20261204", False),
    "a first Sunday on the sixth": ("v20261206", "v20261205", True),
    "the last day of a month": ("v20261130", "v20261129", False),
    "the last day of a month, the first version since its first Sunday": ("v20261130", "v20261031", True),
    "a new month before its first Sunday, nothing since the last one's": ("v20261202", "v20261031", True),
    "New Year's Eve": ("v20261231", "v20261230", False),
    "New Year's Day, a Friday": ("v20270101", "v20261231", False),
    "the first Sunday of a year": ("v20270103", "v20270102", True),
    "the first version of a year, after its first Sunday": ("v20270105", "v20261231", True),
    "New Year's Day, nothing since the first Sunday of December": ("v20270101", "v20261205", True),
    "a first Sunday on the first of March, after the last of February": ("v20260301", "v20260228", True),
    "a leap day that is a Sunday, the fifth": ("v20320229", "v20320228", False),
    "a first Sunday on the seventh": ("v20270207", "v20270206", True),
    "the day before a first Sunday on the seventh": ("v20270206", "v20270205", False),
    "no version yet": ("v20261110", None, True),
}


@pytest.mark.parametrize(("version", "latest", "exported"), EXPORTS.values(), ids=EXPORTS)
def test_the_tropics_are_exported_once_a_month_from_its_first_sunday(lake, version, latest, exported):
    job = merged(lake, version, latest)
    assert job.version == version
    assert ("intdist_tropics" in by_name(job)) is exported
    dist = job.assets[0].options["source_uri"][1]
    assert dist == tiles("umd_glad_dist_alerts", "v20261114", "resample10m")


def test_of_versions_made_daily_one_a_month_is_exported_on_the_first_sunday(lake):
    day, exported = date(2026, 1, 1), []
    before = "v20251231"
    recipe = recipe_of(INTDIST)
    lake.publish_dist("v20260101")
    lake.publish_intdist(before, "v20260101", "nonoverlap.tif", "nonoverlapintensity.tif")
    while day.year == 2026:
        version = f"v{day:%Y%m%d}"
        lake.publish_integrated(version)
        job = raster_job(recipe, version, lake.ports).job
        if "intdist_tropics" in by_name(job):
            exported.append(day)
        lake.publish_intdist(version, "v20260101")
        day += timedelta(days=1 + day.day % 2)
    assert [day.month for day in exported] == list(range(1, 13))
    assert all(last_first_sunday(day) <= day <= last_first_sunday(day) + timedelta(days=1) for day in exported)


@pytest.fixture(params=sorted(recipes()))
def job(request, lake):
    lake.put_releases()
    if request.param.startswith("gfw"):
        lake.publish_sources()
        lake.publish_dist("v20261114")
    if request.param == INTDIST:
        lake.publish_integrated("v20261116")
    return decide(lake, request.param).job


MODELS = {"source": RasterSource, "tile_set": RasterTileSet, "tile_cache": RasterTileCache, "cog": Cog}
KINDS = {"tile_set": "Raster tile set", "tile_cache": "Raster tile cache", "cog": "COG"}
IDENTITY = "11111111-2222-4333-8444-555555555555"


def test_every_request_of_every_recipe_is_valid_by_the_data_api_s_models(job):
    for asset in job.assets:
        if asset.kind == "vrt":
            continue
        options = dict(asset.options)
        if asset.kind in {"tile_cache", "cog"}:
            options.setdefault("source_asset_id", IDENTITY)
        if asset.kind == "tile_set" and (asset.made_from or asset.bands):
            options["auxiliary_assets"] = [IDENTITY] * (len(asset.made_from) + len(asset.bands))
        MODELS[asset.kind].model_validate(options)
        if asset.kind == "source":
            body = {"creation_options": options, "metadata": job.metadata}
            assert isinstance(VersionCreateIn.model_validate(body).creation_options, RasterSource)
        else:
            body = {"asset_type": KINDS[asset.kind], "creation_options": options}
            assert isinstance(AssetCreateIn.model_validate(body).creation_options, MODELS[asset.kind])
    assert set(job.metadata) <= set(VersionMetadata.model_fields)


def test_every_job_is_a_document_whose_assets_come_after_what_they_are_made_from(job):
    adapter = TypeAdapter(type(job))
    assert adapter.validate_json(adapter.dump_json(job)) == job
    for index, asset in enumerate(job.assets):
        assert set(asset.made_from) <= {before.name for before in job.assets[:index]}
    assert job.assets[0].kind == "source"
    assert all(asset.timeout_sec >= int(asset.options.get("timeout_sec", 0)) for asset in job.assets)


def test_statistics_are_off_for_the_version_s_own_tile_set_and_on_for_others(job):
    for asset in job.assets:
        if asset.kind in {"source", "tile_set"}:
            assert asset.options["compute_stats"] is (asset.kind == "tile_set")


def test_a_day_that_the_pixels_cannot_express_is_refused(lake):
    lake.clock.advance(2 * 365 * 86400)
    lake.put_dist("2028-07-30")
    with pytest.raises(
        DataError, match=r"umd_glad_dist_alerts v20280730: the pixels cannot express days after 2028-07-29"
    ):
        decide(lake, "umd_glad_dist_alerts")
