"""When a raster dataset has something new, and what its sync calls for."""

from __future__ import annotations

import pytest

from datapump.analyses import SyncType
from datapump.recipes import recipes
from datapump.sources.rasters import news
from datapump.sync_configs import RASTER, SyncConfig, config_id
from tests.support.jobs import begun, ended, sync_job
from tests.support.lake import ALERTS, decide

INTDIST = "gfw_integrated_dist_alerts"


@pytest.mark.parametrize(
    ("latest", "made"),
    [(None, True), ("v20261108", True), ("v20261115", False), ("v20261116", False), ("v202005", True)],
)
def test_a_release_is_new_when_it_is_newer_than_the_latest_version(lake, latest, made):
    lake.put_radd("v20261115")
    if latest is not None:
        lake.publish_alerts("wur_radd_alerts", latest)
    job, finding = decide(lake, "wur_radd_alerts")
    assert (job is not None) is made
    assert (finding.source_newest, finding.published) == ("v20261115", latest)
    assert finding.decided.startswith("a job for v20261115: " if made else f"nothing to do: {latest} is published")


@pytest.mark.parametrize(
    ("latest", "made"), [(None, True), ("v20261120", True), ("v20261121", False), ("v20261122", True)]
)
def test_a_release_of_dist_is_new_when_it_differs_from_the_latest_version(lake, latest, made):
    lake.put_dist("2026-11-21")
    if latest is not None:
        lake.publish_dist(latest)
    job, _ = decide(lake, "umd_glad_dist_alerts")
    assert (job.version if job else None) == ("v20261121" if made else None)


def test_integrated_alerts_wait_for_their_sources(lake):
    lake.publish_alerts("wur_radd_alerts", "v20261115")
    job, finding = decide(lake, "gfw_integrated_alerts")
    assert job is None
    assert finding.decided == (
        "nothing to do: umd_glad_landsat_alerts, umd_glad_sentinel2_alerts has no latest version yet"
    )


def test_integrated_alerts_are_new_when_a_source_has_another_version_than_they_were_made_from(lake):
    lake.publish_sources()
    job, finding = decide(lake, "gfw_integrated_alerts")
    assert (job.version, finding.published) == ("v20261122", None)
    lake.publish_integrated("v20261116", *((dataset, "v20261115") for dataset in ALERTS))
    assert decide(lake, "gfw_integrated_alerts").job is None
    # It was begun before the integrated version was, and ended after it.
    lake.publish_alerts("wur_radd_alerts", "v20261121", created="2020-01-01T00:00:00")
    job, finding = decide(lake, "gfw_integrated_alerts")
    assert job.version == "v20261122"
    assert finding == ("v20261121", "v20261116", "a job for v20261122: wur_radd_alerts v20261121 is not in v20261116")


def test_integrated_alerts_of_unknown_sources_are_compared_by_their_time_of_making(lake):
    lake.publish_sources()
    lake.publish_integrated("v20261116", created="2026-06-01T00:00:00")
    assert decide(lake, "gfw_integrated_alerts").job is None
    lake.publish_alerts("wur_radd_alerts", "v20261121", created="2026-06-01T00:00:00.000001")
    assert decide(lake, "gfw_integrated_alerts").job.version == "v20261122"


def test_integrated_alerts_are_not_made_twice_under_one_name(lake):
    lake.publish_sources(wur_radd_alerts="v20261121")
    lake.publish_integrated("v20261122", *((dataset, "v20261115") for dataset in ALERTS))
    job, finding = decide(lake, "gfw_integrated_alerts")
    assert job is None
    assert finding.decided.startswith("nothing to do under this name: v20261122 is published, and wur_radd_alerts")


@pytest.mark.parametrize(("latest", "made"), [(None, True), ("v20261121", True), ("v20261122", False)])
def test_the_merge_with_dist_takes_the_name_of_the_integrated_version(lake, latest, made):
    lake.publish_integrated("v20261122")
    lake.publish_dist("v20261121")
    if latest is not None:
        lake.publish_intdist(latest, "v20261121", "nonoverlap.tif", "nonoverlapintensity.tif")
    job, _ = decide(lake, INTDIST, "v20991231")
    assert (job.version if job else None) == ("v20261122" if made else None)


def test_the_merge_waits_for_dist(lake):
    lake.publish_integrated("v20261122")
    assert decide(lake, INTDIST).finding.decided == "nothing to do: umd_glad_dist_alerts has no latest version yet"


def row(dataset, *, sync):
    identity = config_id(RASTER, "", dataset, "", dataset)
    return SyncConfig(
        id=identity,
        analysis=RASTER,
        analysis_version="",
        dataset=dataset,
        dataset_version="",
        sync_type=dataset,
        sync=sync,
    )


def test_a_sync_without_a_config_makes_the_first_version(lake):
    lake.put_radd("v20261115")
    found = news(SyncType.WUR_RADD_ALERTS, "v20261122", None, lake.ports)
    identity = config_id(RASTER, "", "wur_radd_alerts", "", "wur_radd_alerts")
    (job,) = found.jobs
    assert (job.sync_config, job.sync_type, job.sync_version) == (identity, "wur_radd_alerts", "v20261122")
    assert found.notes == ["a job for v20261115: nothing is published yet"]
    assert found.findings == {identity: ("v20261115", None, "a job for v20261115: nothing is published yet")}


def test_a_sync_that_is_switched_off_does_not_look(lake):
    lake.sync_configs.put(row("wur_radd_alerts", sync=False))
    found = news(SyncType.WUR_RADD_ALERTS, "v20261122", None, lake.ports)
    assert (found.jobs, lake.data_api.asked) == ([], [])
    assert found.notes == [f"nothing to do: sync config {row('wur_radd_alerts', sync=True).id} is switched off"]


def test_a_sync_while_a_version_is_being_made_makes_no_second_one(lake):
    lake.put_radd("v20261115")
    identity = row("wur_radd_alerts", sync=True).id
    execution = begun(lake, sync_job("job-9", sync_config=identity))
    found = news(SyncType.WUR_RADD_ALERTS, "v20261122", None, lake.ports)
    assert found.jobs == []
    assert found.findings[identity] == (
        "v20261115", None, f"nothing to do now: execution {execution} is making a version; the next sync looks again",
    )  # fmt: skip
    (job,) = [stored.job for stored in lake.runs.list_jobs(execution)]
    assert lake.runs.save_job(execution, ended(job), 1)
    assert len(news(SyncType.WUR_RADD_ALERTS, "v20261122", None, lake.ports).jobs) == 1


def test_a_sync_of_tables_is_not_one_of_rasters(lake):
    found = news(SyncType.WUR_RADD_ALERTS, "v20261122", [object()], lake.ports)
    assert (found.jobs, found.notes) == ([], ["nothing to do: the command names tables, and a raster dataset has none"])


@pytest.mark.parametrize("sync_type", [name for name in recipes() if name != "gfw_integrated_alerts"])
def test_a_second_sync_with_nothing_new_asks_little_and_makes_nothing(lake, sync_type):
    lake.put_releases()
    lake.publish_sources(
        wur_radd_alerts="v20261115", umd_glad_sentinel2_alerts="v20261120", umd_glad_landsat_alerts="v20261121"
    )
    lake.publish_dist("v20261121")
    lake.publish_integrated("v20261116")
    lake.publish_intdist("v20261116", "v20261121")
    found = news(SyncType(sync_type), "v20261122", None, lake.ports)
    assert found.jobs == []
    assert found.notes[0].startswith("nothing to do: ")
    assert len(lake.data_api.asked) <= 3
