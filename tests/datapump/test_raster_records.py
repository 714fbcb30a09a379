"""The sync config that a completed raster version leaves; doing it twice changes nothing."""

from __future__ import annotations

import pytest

from datapump.analyses import SyncType
from datapump.jobs.documents import JobStatus, RasterJob
from datapump.jobs.raster_assets import AssetKind, RasterAsset
from datapump.raster_records import record_rasters
from datapump.sync_configs import Author

# Worked out with coreutils: printf create_raster__wur_radd_alerts__wur_radd_alerts | b2sum -l 80
RADD = "0c2be860317887070689"


def raster(dataset="wur_radd_alerts", version="v20261115", status=JobStatus.COMPLETE, sync_type="wur_radd_alerts"):
    return RasterJob(
        id="job-1",
        status=status,
        dataset=dataset,
        version=version,
        sync_type=sync_type and SyncType(sync_type),
        assets=[RasterAsset(name="date_conf", kind=AssetKind.SOURCE)],
    )


def configs(lake):
    return lake.sync_configs.list().items


def test_a_completed_version_leaves_a_config(lake):
    record_rasters([raster()], lake.ports)
    (config,) = configs(lake)
    assert config.id == RADD
    assert (config.analysis, config.analysis_version, config.dataset, config.dataset_version, config.sync_type) == (
        "create_raster", "", "wur_radd_alerts", "", "wur_radd_alerts",
    )  # fmt: skip
    assert (config.sync, config.sync_version) == (True, "v20261115")
    freshness = config.metadata.freshness
    assert (freshness.source_newest, freshness.published, freshness.at) == ("v20261115", "v20261115", lake.clock.now())


def test_doing_it_twice_changes_nothing(lake):
    record_rasters([raster()], lake.ports)
    before = configs(lake)
    lake.clock.advance(60)
    record_rasters([raster()], lake.ports)
    assert configs(lake) == before


def test_a_later_version_moves_it_and_leaves_its_switch(lake):
    record_rasters([raster()], lake.ports)
    lake.sync_configs.patch(RADD, {"sync": False}, author=Author(caller="operator"))
    record_rasters([raster(version="v20261122")], lake.ports)
    (config,) = configs(lake)
    assert (config.sync, config.sync_version, config.metadata.freshness.published) == (False, "v20261122", "v20261122")


def test_an_older_version_does_not_move_it_back(lake):
    record_rasters([raster(version="v20261122"), raster()], lake.ports)
    assert [config.sync_version for config in configs(lake)] == ["v20261122"]


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.EXECUTING])
def test_a_version_that_is_not_completed_leaves_none(lake, status):
    record_rasters([raster(status=status)], lake.ports)
    assert configs(lake) == []


def test_a_version_that_somebody_asked_for_leaves_the_config_of_its_dataset_s_sync(lake):
    record_rasters([raster(sync_type=None), raster("gfw_integrated_alerts", sync_type=None)], lake.ports)
    assert {config.dataset: config.sync_type for config in configs(lake)} == {
        "wur_radd_alerts": "wur_radd_alerts",
        "gfw_integrated_alerts": "integrated_alerts",
    }
    record_rasters([raster("some_other_raster", sync_type=None)], lake.ports)
    assert len(configs(lake)) == 2
