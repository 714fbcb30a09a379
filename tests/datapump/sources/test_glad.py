"""GLAD-L alerts: which configs get a job, and what is found for each."""

from __future__ import annotations

import pytest

from datapump.analyses import SyncType
from datapump.executions import ExecutionStatus
from datapump.sources.glad import RASTER, news
from tests.support.alert_night import engine_tables, put_config, put_version, sync, versions
from tests.support.deployment import Deployment

DAILY = "geostore__glad__daily_alerts"


@pytest.fixture
def world(tmp_path):
    with Deployment(tmp_path) as deployment:
        engine_tables(deployment)
        deployment.put_areas()
        yield deployment


def found(world, version="v20260201", tables=None):
    return news(SyncType.GLAD, version, tables, world.ports)


def test_without_a_config_there_is_nothing_to_do(world):
    assert found(world).notes == ["nothing to do: no enabled sync config of this type"]


def test_without_a_latest_version_there_is_nothing_to_do(world):
    config = put_config(world)
    put_version(world, RASTER, "v20260131", latest=False)
    (jobs, notes, errors, findings) = found(world)
    assert (jobs, notes, errors) == ([], [f"nothing to do: {RASTER} has no latest version"], [])
    assert findings[config.id] == (None, None, notes[0])


@pytest.mark.parametrize(("brought_to", "expected"), [(None, 1), ("v20260130", 1), ("v20260131", 0), ("v20260201", 0)])
def test_a_config_older_than_the_latest_version_gets_a_job(world, brought_to, expected):
    put_version(world, RASTER, "v20260131")
    config = put_config(world, sync_version=brought_to)
    assert len(found(world, "v20260202").jobs) == expected
    assert found(world, "v20260202").findings[config.id].source_newest == f"{RASTER} v20260131"


def test_the_job_is_an_analysis_of_what_changes_only(world):
    put_version(world, RASTER, "v20260131")
    config = put_config(world, metadata={"geotrellis_version": "2.6.20", "features_1x1": "s3://b/f.tsv"})
    (job,) = found(world).jobs
    assert (job.change_only, job.sync_type, job.sync_version, job.sync_config) == (True, "glad", "v20260201", config.id)
    assert (job.timeout_sec, job.features, job.sources) == (16 * 3600, ["s3://b/f.tsv"], {RASTER: "v20260131"})
    assert (job.alert_sources, job.alerts_until, job.content_end_date) == ([], None, None)


def test_an_engine_that_cannot_compute_it_is_an_error_of_the_config(world):
    put_version(world, RASTER, "v20260131")
    put_config(world)
    world.engine.tables.clear()
    jobs, _, errors, _ = found(world)
    assert (jobs, errors) == ([], ["geostore: this deployment's engine cannot compute glad"])


def test_a_night_makes_a_latest_version_and_the_next_has_nothing_to_do(world):
    put_version(world, RASTER, "v20260131")
    config = put_config(world)
    assert world.run(sync("glad")).status is ExecutionStatus.SUCCEEDED
    assert versions(world, DAILY) == {"v20260201": ("saved", True)}
    after = world.sync_configs.get(config.id)
    assert (after.sync_version, after.metadata.sources) == ("v20260201", {RASTER: "v20260131"})
    assert after.metadata.freshness.published == "v20260201"
    log = len(world.server.log())
    again = world.run(sync("glad", version="v20260202"))
    assert again.notes == [f"glad: nothing to do: its tables have {RASTER} v20260131"]
    assert [line.method for line in world.server.log()[log:] if line.method != "GET"] == []


def test_a_release_of_the_same_day_as_a_sync_is_taken_by_the_next_one(world):
    put_version(world, RASTER, "v20260131")
    put_config(world)
    world.run(sync("glad"))
    put_version(world, RASTER, "v20260201")
    assert "not today: its tables have been brought to v20260201 already" in world.run(sync("glad")).notes[0]
    assert world.run(sync("glad", version="v20260202")).status is ExecutionStatus.SUCCEEDED
    assert versions(world, DAILY) == {"v20260201": ("saved", False), "v20260202": ("saved", True)}


def test_a_config_that_is_being_brought_up_to_date_gets_no_second_job(world):
    put_version(world, RASTER, "v20260131")
    put_config(world)
    first = world.submit(sync("glad"))
    world.carry_until(lambda: world.jobs(first))
    assert found(world, "v20260202").notes == [f"nothing to do: execution {first} is working on it"]
    put_version(world, RASTER, "v20260201")
    assert found(world).notes[0].startswith(f"not today: execution {first} is making v20260201 from older rasters")
    assert len(found(world, "v20260202").jobs) == 1
