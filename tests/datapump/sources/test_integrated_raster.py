"""The raster of integrated alerts: made once a sync, beside the tables, and by itself while no table follows it."""

from __future__ import annotations

import pytest

from datapump.analyses import SyncType
from datapump.commands import Table
from datapump.sources.integrated import RASTER, news
from datapump.sync_configs import SyncConfig, SyncMetadata, config_id

ROW = config_id("create_raster", "", RASTER, "", "integrated_alerts")


@pytest.fixture
def lake(lake):
    lake.publish_sources()
    return lake


def put_config(lake, dataset, *, sync=True, analysis="integrated_alerts", identity=None):
    version = "" if identity else "v1"
    identity = identity or config_id(analysis, version, dataset, version, "integrated_alerts")
    return lake.sync_configs.put(
        SyncConfig(
            id=identity,
            analysis=analysis,
            analysis_version=version,
            dataset=dataset,
            dataset_version=version,
            sync_type="integrated_alerts",
            sync=sync,
            metadata=SyncMetadata(geotrellis_version="2.6.20", features_1x1="s3://bucket/features.tsv"),
        )
    )


def found(lake, tables=None):
    return news(SyncType.INTEGRATED_ALERTS, "v20261122", tables, lake.ports)


def made(news):
    return [job.dataset if job.kind == "raster_version" else job.table.dataset for job in news.jobs]


def test_the_raster_is_made_once_beside_the_tables(lake):
    put_config(lake, "gadm")
    put_config(lake, "geostore")
    answer = found(lake)
    assert made(answer)[0] == RASTER
    assert set(made(answer)[1:]) == {"gadm", "geostore"}
    assert len(answer.findings) == 3
    assert answer.jobs[0].sync_config == ROW
    assert answer.errors == []


@pytest.mark.parametrize("gadm", [None, False])
def test_the_raster_is_not_made_without_the_table_of_countries(lake, gadm):
    put_config(lake, "geostore")
    if gadm is not None:
        put_config(lake, "gadm", sync=gadm)
    assert made(found(lake)) == ["geostore"]


def test_the_raster_is_made_by_itself_while_no_table_follows_it(lake):
    answer = found(lake)
    assert made(answer) == [RASTER]
    assert answer.notes[0] == f"{RASTER}: a job for v20261122: nothing is published yet"
    put_config(lake, "geostore", sync=False)
    assert made(found(lake)) == []


def test_a_raster_that_is_switched_off_is_not_made(lake):
    put_config(lake, RASTER, analysis="create_raster", identity=ROW, sync=False)
    put_config(lake, "gadm")
    answer = found(lake)
    assert made(answer) == ["gadm"]
    assert f"{RASTER}: nothing to do: sync config {ROW} is switched off" in answer.notes


def test_its_own_config_alone_calls_for_the_raster_alone(lake):
    put_config(lake, RASTER, analysis="create_raster", identity=ROW)
    assert made(found(lake)) == [RASTER]


def test_only_the_given_tables_are_brought_up_to_date(lake):
    put_config(lake, "gadm")
    put_config(lake, "geostore")
    table = {"version": "v1", "analysis": "integrated_alerts"}
    assert made(found(lake, [Table.model_validate({"dataset": "geostore", **table}, strict=False)])) == ["geostore"]
    assert made(found(lake, [Table.model_validate({"dataset": "gadm", **table}, strict=False)])) == [RASTER, "gadm"]


def test_tables_are_made_even_if_the_raster_cannot_be(lake):
    put_config(lake, "gadm")
    lake.data_api.publish("wur_radd_alerts", "v20261120", assets=["10/40000/date_conf"])
    answer = found(lake)
    assert made(answer) == ["gadm"]
    assert answer.errors == [
        f"{RASTER}: wur_radd_alerts v20261120 has no saved tile set date_conf on the grid 10/100000"
    ]
