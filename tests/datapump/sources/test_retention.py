"""What a new raster version makes superfluous, and what is never deleted."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datapump.names import day_of
from datapump.recipes import recipe_of
from datapump.sources.raster_versions import Published
from datapump.sources.rasters import raster_job
from datapump.sources.releases import version_of
from datapump.sources.retention import retirements
from tests.support.lake import ReadOnlyDataApi, decide

TODAY = date(2026, 11, 22)


def retired(lake, dataset):
    job = decide(lake, dataset).job
    return [(one.kind, one.version) for one in job.retire]


def test_versions_older_than_the_recipe_s_days_are_deleted(lake):
    lake.put_radd("v20261122")
    for version in ("v20260823", "v20260824", "v20261001", "v20260815", "v20261115"):
        lake.publish_alerts("wur_radd_alerts", version)
    assert retired(lake, "wur_radd_alerts") == [("version", "v20260815"), ("version", "v20260823")]
    assert date(2026, 8, 24) == TODAY - timedelta(days=90)


@pytest.mark.parametrize("version", ["v202005", "v4.1", "v20260399", "v20260815.1", "v2026", "v1"])
def test_a_version_that_is_not_named_after_a_day_stays(lake, version):
    lake.put_radd("v20261122")
    lake.publish_alerts("wur_radd_alerts", version)
    lake.publish_alerts("wur_radd_alerts", "v20261115")
    assert retired(lake, "wur_radd_alerts") == []


@pytest.mark.parametrize("version", ["v20210704", "v20260401", "v20260701"])
def test_a_preserved_version_stays(lake, version):
    lake.put_radd("v20261122")
    lake.publish_alerts("wur_radd_alerts", version)
    lake.publish_alerts("wur_radd_alerts", "v20260402")
    lake.publish_alerts("wur_radd_alerts", "v20261115")
    assert retired(lake, "wur_radd_alerts") == [("version", "v20260402")]


def test_the_latest_version_stays_however_old_it_is(lake):
    lake.put_radd("v20261122")
    lake.publish_alerts("wur_radd_alerts", "v20250202")
    lake.publish_alerts("wur_radd_alerts", "v20250209", latest=False)
    assert retired(lake, "wur_radd_alerts") == [("version", "v20250209")]


def test_nothing_is_decided_before_there_is_something_new(lake):
    lake.put_radd("v20261115")
    lake.publish_alerts("wur_radd_alerts", "v20250202", latest=False)
    lake.publish_alerts("wur_radd_alerts", "v20261115")
    assert raster_job(recipe_of("wur_radd_alerts"), "v20261122", lake.ports).job is None
    assert lake.data_api.asked == ["latest"]


def test_the_merge_keeps_three_weeks_and_what_its_virtual_rasters_refer_to(lake):
    lake.publish_integrated("v20261122")
    lake.publish_dist("v20261001")
    lake.publish_intdist("v20261020", "v20261001", "nonoverlap.tif", "nonoverlapintensity.tif")
    for version in ("v20251101", "v20261015", "v20261021", "v20261101", "v20261102"):
        lake.publish_intdist(version, "v20261001")
    assert retired(lake, "gfw_integrated_dist_alerts") == [("version", "v20261015"), ("version", "v20261021")]


def dist_job(lake):
    lake.put_dist("2026-11-21")
    return raster_job(recipe_of("umd_glad_dist_alerts"), "v20261122", lake.ports).job


def test_dist_keeps_every_week_and_deletes_what_can_be_made_again_of_the_version_before_the_previous_one(lake):
    for version in ("v20250101", "v20261031", "v20261107", "v20261114"):
        lake.publish_dist(version)
    (one,) = dist_job(lake).retire
    assert (one.kind, one.version) == ("assets", "v20261107")
    assert one.assets == [
        "/cog/intensity.tif",
        "/cog/default.tif",
        "/raster/epsg-4326/10/40000/intensity/",
        "/date_conf/",
        "/resample10m/",
    ]


def test_dist_deletes_nothing_of_the_previous_version_nor_what_is_gone(lake):
    lake.publish_dist("v20261114")
    assert dist_job(lake).retire == []
    lake.data_api.publish("umd_glad_dist_alerts", "v20261107", assets=["10/40000/default"], latest=False)
    assert dist_job(lake).retire == []


def test_the_parts_of_the_assets_to_delete_name_those_that_can_be_made_again_and_no_others():
    remake = recipe_of("umd_glad_dist_alerts").retention.remake
    folder = "s3://gfw-data-lake/umd_glad_dist_alerts/v20261107/raster/epsg-4326"
    kept = [f"{folder}/10/40000/{meaning}/geotiff/{{tile_id}}.tif" for meaning in ("currentweek", "default")]
    assert not [uri for uri in kept if any(part in uri for part in remake)]


@given(
    st.lists(
        st.one_of(st.dates(date(2024, 1, 1), date(2026, 12, 31)).map(version_of), st.sampled_from(["v202005", "v4"]))
    ),
    st.integers(0, 30),
    st.sampled_from(["wur_radd_alerts", "gfw_integrated_alerts", "gfw_integrated_dist_alerts", "umd_glad_dist_alerts"]),
)
def test_whatever_versions_there_are_only_old_ones_that_nothing_needs_are_deleted(names, place, dataset):
    api = ReadOnlyDataApi()
    for name in names:
        api.publish(dataset, name, assets=["10/40000/intensity"], latest=False)
    if names:
        api.publish(dataset, names[place % len(names)], assets=["10/40000/intensity"])
    recipe = recipe_of(dataset)
    published = Published(dataset, api)
    in_use = frozenset(names[1:2])
    found = retirements(recipe, "v20261122", published, in_use, TODAY)
    gone = [one.version for one in found if one.kind == "version"]
    assert not {"v20261122", published.latest, *recipe.retention.keep, *in_use} & {one.version for one in found}
    assert all(TODAY - day_of(name) > timedelta(days=recipe.retention.keep_days) for name in gone)
    assert gone == sorted(set(gone))
    assert len([one for one in found if one.kind == "assets"]) <= (1 if recipe.retention.remake else 0)
