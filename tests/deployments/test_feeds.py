"""Every feed, and what follows from it, leaves the same on both deployments."""

from __future__ import annotations

import pytest
import shapely

from tests.support.alert_night import engine_tables, put_config, put_version, sync
from tests.support.areas import rw_sync
from tests.support.aws.faults import Fault
from tests.support.deployment import ANALYSIS
from tests.support.raster_nights import HANSEN, NAME, RASTERS, Releases, put_releases
from tests.support.scenarios import ENDED_BY_HAND, Scenarios, difference
from tests.support.whole_night import WholeNight

GLAD_L, S2, RADD = "umd_glad_landsat_alerts", "umd_glad_sentinel2_alerts", "wur_radd_alerts"
RADD_TILE = f"gs://gfw_gee_export/{RADD}/v20260118/{NAME}.tif"
SEA = shapely.box(-150, -61, -149, -60.5)
VERSION_UPDATE = {
    "command": "version_update",
    "parameters": {
        "dataset": "umd_tiny_alerts",
        "version": "v20260118",
        "content_date_range": {"start_date": "2020-01-01", "end_date": "2026-02-01"},
        "tile_set_parameters": {
            "source_uri": [f"gs://gfw_gee_export/{RADD}/v20260118/"],
            "pixel_meaning": "date_conf",
            "data_type": "uint16",
            "grid": "10/100000",
            "no_data": 0,
            "calc": "A + 1",
        },
    },
}
scenario = Scenarios()


def radd(d, version="v20260118"):
    Releases(d.objects).radd(version, {(0, 0): 33990, (10, 10): 24000, (20, 20): 15000})


def synced(d, *types, version="v20260201"):
    """Sync some types, and carry what follows."""
    d.submit(sync(*types, version=version))
    return d.carry_all()


# Rasters.


@scenario()
def a_release_becomes_a_version_once(d):
    radd(d)
    synced(d, RADD)
    return synced(d, RADD, version="v20260202"), "succeeded"


@scenario(pytest.mark.soak)
def the_releases_of_three_systems_become_versions(d):
    releases = Releases(d.objects)
    radd(d)
    releases.glad_l("2025/final", 25, {(4, 4): (3, 100)})
    releases.glad_l("2026/01_30", 26, {(4, 4): (1, 5)})
    releases.s2("Fri Jan 30 14:27:01 2026", {(0, 0): (1, 2530), (30, 30): (2, 2560)})
    return synced(d, *RASTERS[:3]), "succeeded"


@scenario(pytest.mark.soak)
def all_releases_become_versions_and_so_do_the_rasters_made_of_them(d):
    put_releases(Releases(d.objects))
    synced(d, *RASTERS)
    radd(d, "v20260202")
    return synced(d, *RASTERS, version="v20260202"), "succeeded"


@scenario()
def a_release_that_cannot_be_read_fails_and_is_made_up_for_by_the_next_night(d):
    d.objects.put(RADD_TILE, b"no raster")
    synced(d, RADD)
    radd(d)
    return synced(d, RADD, version="v20260202"), ["failed", "succeeded", "succeeded"]


@scenario()
def a_raster_job_is_stopped_in_the_middle_and_retried(d):
    radd(d)
    d.before_tick("making", d.stop)
    [stopped] = synced(d, RADD)
    d.retry(stopped)
    return d.carry_all(), ["stopped", "succeeded", "succeeded"]


@scenario()
def a_version_is_made_as_asked_for(d):
    radd(d)
    return [d.run(VERSION_UPDATE).id], ["succeeded"]


@scenario(like=a_version_is_made_as_asked_for)
def the_executor_times_out_while_a_raster_is_made(d):
    d.disturb(Fault("executor", "after", times=5))
    return a_version_is_made_as_asked_for(d)


@scenario()
def the_data_api_is_down_while_a_raster_is_made(d):
    d.before_tick("making", lambda _: d.outage(3), times=2)
    return a_version_is_made_as_asked_for(d)


@scenario(pytest.mark.soak)
def a_bucket_without_its_date_of_upload_fails_its_own_type_only(d):
    radd(d)
    d.objects.put(f"{HANSEN}/S2alert/uploadDate.txt", b"tomorrow")
    return synced(d, S2, RADD), ["failed", "succeeded"]


# Alert tables.


@scenario()
def glad_follows_its_raster_with_a_version_each_night(d):
    engine_tables(d)
    put_config(d, "glad")
    for day in ("v20260130", "v20260131", "v20260201"):
        put_version(d, GLAD_L, day)
        synced(d, "glad", version=day)
    return synced(d, "glad", version="v20260202"), "succeeded"


@scenario()
def integrated_alerts_are_analysed_for_countries_and_areas(d):
    engine_tables(d)
    WholeNight(d, areas=None).put_countries()
    put_config(d, "integrated_alerts")
    put_config(d, "integrated_alerts", "gadm")
    put_version(d, S2, "v20260131")
    return synced(d, "integrated_alerts"), ["succeeded"]


@scenario()
def a_new_raster_starts_what_comes_after_it(d):
    engine_tables(d)
    put_config(d, "integrated_alerts")
    radd(d)
    return synced(d, RADD), "succeeded"


# Fires and user areas.


@scenario()
def both_fire_feeds_of_a_night_are_appended(d):
    night = WholeNight(d, areas=None)
    night.put_saved_fires("modis")
    night.put_modis_feed()
    tables = [{**ANALYSIS["parameters"]["tables"][0], "analysis": kind} for kind in ("viirs", "modis")]
    d.run({**ANALYSIS, "parameters": {**ANALYSIS["parameters"], "tables": tables}})
    return synced(d, "viirs", "modis", version="v20260117"), ["succeeded"] * 2


@scenario()
def user_areas_are_cut_appended_and_told_of(d):
    d.areas.add(shapely.box(9.5, 9.5, 10.5, 10.5), SEA)
    d.areas.add_geojson({"type": "Point", "coordinates": [10, 10]})
    d.run(ANALYSIS)
    d.submit(rw_sync("v20260201"))
    d.carry_all()
    d.submit(rw_sync("v20260202"))
    return d.carry_all(), ["succeeded"] * 3


@scenario()
def user_areas_whose_tables_cannot_be_made_stay_pending(d):
    d.areas.add(shapely.box(9.5, 9.5, 10.5, 10.5))
    d.run(ANALYSIS)
    d.ends("geostore", ENDED_BY_HAND)
    d.submit(rw_sync("v20260201"))
    return d.carry_all(), ["succeeded", "failed"]


@pytest.mark.parametrize("one", scenario.params)
def test_both_deployments_leave_the_same(one, tmp_path):
    told = difference(one, tmp_path)
    assert not told, told
