"""Whole nights on one machine: all ten feeds from empty, a night without news, and one with a single new release."""

from __future__ import annotations

from collections import Counter

import pytest

from datapump.analyses import SyncType
from tests.support.whole_night import whole_night

ALERTS = ("umd_glad_landsat_alerts", "umd_glad_sentinel2_alerts", "wur_radd_alerts")
DIST, INTEGRATED, INTDIST = "umd_glad_dist_alerts", "gfw_integrated_alerts", "gfw_integrated_dist_alerts"
COUNTRIES = tuple(f"gadm__integrated_alerts__{level}_daily_alerts" for level in ("adm1", "adm2", "iso"))
AREAS = "geostore__integrated_alerts__daily_alerts"
GLAD = "geostore__glad__daily_alerts"


class Done:
    """What one night has done."""

    def __init__(self, night, act):
        writes, latest, known = len(night.writes()), len(night.became_latest()), len(night.executions())
        updates, areas_writes = len(night.areas.updates()), len(night.areas.store.requests())
        act()
        self.executions = night.executions()[known:]
        self.jobs = [job for one in self.executions for job in night.deployment.jobs(one.id)]
        self.writes = night.writes()[writes:]
        self.latest = night.became_latest()[latest:]
        self.updates = night.areas.updates()[updates:]
        self.areas_writes = night.areas.store.requests()[areas_writes:]
        self.emails = night.areas.store.emails()
        self.versions = {
            dataset["dataset"]: set(dataset["versions"] or []) for dataset in night.deployment.data_api.datasets()
        }
        self.configs = list(night.deployment.sync_configs.list(limit=100).items)
        self.statuses = night.areas.statuses()
        self.began = min(one.created for one in self.executions)

    def started(self):
        """What was synced: (types, who asked, which types triggered it)."""
        by_id = {one.id: types_of(one) for one in self.executions}
        return [(types_of(one), one.caller, by_id.get(one.triggered_by)) for one in self.executions]


def types_of(execution):
    return " ".join(execution.command["parameters"]["types"])


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """Three nights: the first from empty, the second without news, the third with one new release of RADD."""
    with whole_night(tmp_path_factory.mktemp("night")) as night:
        first = Done(night, night.ask_for_first_versions)
        second = Done(night, night.sleep)
        night.releases.radd("v20260119", {(0, 0): 23_990})
        yield first, second, Done(night, night.sleep)


def test_the_first_night_publishes_every_version_in_the_right_order(nights):
    first, _, _ = nights
    assert {one.status for one in first.executions} == {"succeeded"}, [one.errors for one in first.executions]
    assert {job.status for job in first.jobs} == {"complete"}
    asked = {name for one in first.executions for name in one.command["parameters"]["types"]}
    assert asked == {sync_type.value for sync_type in list(SyncType)[:10]}
    place = {dataset: number for number, (dataset, _) in enumerate(first.latest)}
    assert {DIST, *ALERTS, INTEGRATED, INTDIST, *COUNTRIES, AREAS, GLAD} == set(place)
    assert max(place[name] for name in ALERTS) < place[INTEGRATED] < place[INTDIST]
    assert place[DIST] < place[INTDIST]
    assert place[ALERTS[0]] < place[GLAD]
    assert Counter(first.latest).most_common(1)[0][1] == 1
    assert {name: version for name, version in first.latest if name in {DIST, *ALERTS}} == {
        DIST: "v20260116", ALERTS[0]: "v20260116", ALERTS[1]: "v20260116", ALERTS[2]: "v20260115",
    }  # fmt: skip


def test_the_first_night_chains_by_completion(nights):
    first, _, _ = nights
    chained = [line for line in first.started() if line[2] is not None]
    assert chained == [
        ("glad", "datapump", " ".join(ALERTS)),
        ("integrated_alerts", "datapump", " ".join(ALERTS)),
        (INTDIST, "datapump", "integrated_alerts"),
    ]


def test_the_first_night_publishes_the_new_area_and_tells_its_owner_once(nights):
    first, second, third = nights
    assert set(first.statuses.values()) == {"saved"}
    assert [status for status, _ in first.updates] == ["saved"]
    assert second.updates == third.updates == []
    assert len(third.emails) == 1


def test_a_night_without_news_writes_nothing_and_says_why(nights):
    _, second, _ = nights
    assert [(one.status, one.errors) for one in second.executions] == [("succeeded", [])] * len(second.executions)
    assert {one.caller for one in second.executions} == {"datapump"}
    assert (second.writes, second.areas_writes, second.jobs) == ([], [], [])
    assert Counter(types_of(one) for one in second.executions) == dict.fromkeys(
        ("glad", "viirs", "modis", "rw_areas", "integrated_alerts", INTDIST, DIST, " ".join(ALERTS)), 1
    )
    for config in second.configs:
        assert config.metadata.freshness.at >= second.began, config
        assert config.metadata.freshness.decided.startswith("nothing to do"), config
    rasters = {
        config.dataset: config.metadata.freshness for config in second.configs if config.analysis == "create_raster"
    }
    assert set(rasters) == {DIST, *ALERTS, INTEGRATED, INTDIST}
    assert (rasters[ALERTS[2]].source_newest, rasters[ALERTS[2]].published) == ("v20260115", "v20260115")


def test_a_new_release_makes_exactly_the_work_that_follows_from_it(nights):
    first, _, third = nights
    assert {one.status for one in third.executions} == {"succeeded"}, [one.errors for one in third.executions]
    work = Counter((job.kind, job.dataset if job.kind == "raster_version" else job.table.dataset) for job in third.jobs)
    assert work == {
        ("raster_version", ALERTS[2]): 1,
        ("raster_version", INTEGRATED): 1,
        ("raster_version", INTDIST): 1,
        ("analysis", "gadm"): 1,
        ("analysis", "geostore"): 1,
    }
    assert sorted(third.latest) == sorted(
        [(ALERTS[2], "v20260119"), *((name, "v20260119") for name in (INTEGRATED, INTDIST, *COUNTRIES, AREAS))]
    )
    assert sorted(line for line in third.writes if line.startswith("DELETE")) == [
        f"DELETE /dataset/{name}/v20260101" for name in (*COUNTRIES, AREAS)
    ]
    untouched = {name for name in first.versions if name not in {ALERTS[2], INTEGRATED, INTDIST, *COUNTRIES, AREAS}}
    assert {name: third.versions[name] for name in untouched} == {name: first.versions[name] for name in untouched}
