"""Integrated alerts: which configs get a job, by what is new among the three alerts."""

from __future__ import annotations

import pytest

from datapump.analyses import SyncType
from datapump.executions import ExecutionStatus
from datapump.sources.integrated import RASTER, SYSTEMS, news
from tests.support.alert_night import engine_tables, put_config, put_version, sync, versions
from tests.support.deployment import Deployment

DAILY = "geostore__integrated_alerts__daily_alerts"


@pytest.fixture
def world(tmp_path):
    with Deployment(tmp_path) as deployment:
        engine_tables(deployment)
        deployment.put_areas()
        yield deployment


def found(world, version="v20260201"):
    return news(SyncType.INTEGRATED_ALERTS, version, None, world.ports)


def test_without_a_config_or_a_latest_version_there_is_nothing_to_do(world):
    assert found(world).notes[-1] == "nothing to do: no enabled sync config of this type"
    put_config(world, "integrated_alerts")
    assert found(world).notes == [f"nothing to do: {', '.join(SYSTEMS)} have no latest version"]


def test_a_version_made_after_the_integrated_one_is_new_whatever_its_name(world):
    put_config(world, "integrated_alerts")
    put_config(world, "integrated_alerts", "gadm")
    put_version(world, SYSTEMS[0], "v20260131")
    put_version(world, RASTER, "v20260130")
    assert found(world).jobs == []
    put_version(world, SYSTEMS[2], "v20200101")
    assert {job.table.dataset for job in found(world).jobs} == {"geostore", "gadm"}


def test_the_job_is_a_whole_analysis_of_twelve_hours(world):
    config = put_config(world, "integrated_alerts")
    put_version(world, SYSTEMS[1], "v20260131")
    (job,) = found(world).jobs
    assert (job.change_only, job.timeout_sec, job.sync_type) == (False, 12 * 3600, "integrated_alerts")
    assert (job.sync_version, job.sync_config, job.sources) == ("v20260201", config.id, {SYSTEMS[1]: "v20260131"})


def test_a_night_makes_latest_versions_and_the_next_has_nothing_to_do(world):
    put_config(world, "integrated_alerts")
    put_version(world, SYSTEMS[0], "v20260131")
    assert world.run(sync("integrated_alerts")).status is ExecutionStatus.SUCCEEDED
    assert versions(world, DAILY) == {"v20260201": ("saved", True)}
    again = found(world, "v20260202")
    assert (again.jobs, again.notes) == ([], [f"nothing to do: its tables have {SYSTEMS[0]} v20260131"])
    put_version(world, SYSTEMS[2], "v20260202")
    assert len(found(world, "v20260202").jobs) == 1


def test_tables_that_a_failed_night_has_missed_are_made_up_for(world):
    put_config(world, "integrated_alerts", sync_version="v20260130", metadata={"sources": {SYSTEMS[0]: "v20260129"}})
    put_version(world, SYSTEMS[0], "v20260131")
    put_version(world, RASTER, "v20260131")
    assert len(found(world).jobs) == 1
