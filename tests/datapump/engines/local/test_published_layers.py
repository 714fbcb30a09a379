"""Layers that are raster tile sets of the Data API: made there, then read from where it says."""

from __future__ import annotations

import datetime as dt

import shapely

from datapump.engines.local import zonal
from datapump.executions import ExecutionStatus
from tests.datapump.engines.local.rasterworlds import table
from tests.datapump.engines.local.worlds import HEADERS, feature_row, request, write_tsv
from tests.support.deployment import Deployment
from tests.support.jobs import begun
from tests.support.raster_jobs import DATASET, VERSION, put_source, raster_job, source

LAYERS = f"""
[layers.wur_radd_alerts]
dataset = "{DATASET}"
pixel_meaning = "date_conf"

[layers.umd_glad_sentinel2_alerts]
uri = "s3://gfw-data-lake/{DATASET}/latest/raster/epsg-4326/{{grid}}/date_conf/geotiff/{{tile_id}}.tif"
"""


def test_a_tile_set_of_a_dataset_and_the_latest_version_in_an_address_are_read_from_where_the_data_api_made_them(
    tmp_path,
):
    with Deployment(tmp_path / "deployment") as deployment:
        put_source(deployment)
        execution = deployment.carry(begun(deployment, raster_job(source())))
        assert execution.status is ExecutionStatus.SUCCEEDED
        (tmp_path / "layers.toml").write_text(LAYERS)
        corner = shapely.box(10, 9.9995, 10.0005, 10)
        write_tsv(tmp_path / "features.tsv", HEADERS["geostore"], [feature_row("geostore", ("a",), corner)])
        asked = request(tmp_path, "geostore", "integrated_alerts", fire_sources=(), as_of=dt.date(2015, 6, 1))
        asked = asked.model_copy(update={"features": ("s3://gfw-pipelines/features.tsv",)})
        asked = asked.model_copy(update={"output": "s3://gfw-pipelines/out"})
        deployment.objects.put("s3://gfw-pipelines/features.tsv", tmp_path / "features.tsv")
        summary = zonal.run(
            asked,
            deployment.objects,
            layers=tmp_path / "layers.toml",
            progress=lambda *_: None,
            versions=deployment.data_api,
        )
        where = f"s3://gfw-data-lake/{DATASET}/{VERSION}/raster/epsg-4326"
        assert set(summary["layers"].values()) == {
            f"{where}/10/100000/date_conf/geotiff/{{tile_id}}.tif",
            f"{where}/{{grid}}/date_conf/geotiff/{{tile_id}}.tif",
        }
        found = table(deployment.objects.path("s3://gfw-pipelines/out"), "geostore", "daily_alerts")
    seen = {
        (row["wur_radd_alerts__date"], row["umd_glad_sentinel2_alerts__date"], row["gfw_integrated_alerts__date"])
        for row in found
    }
    first, second = "2015-01-10", "2015-01-20"
    assert seen == {(one, "", "") for one in (first, second)} | {("", one, "") for one in (first, second)} | {
        ("", "", one) for one in (first, second)
    }
    assert {row["gfw_integrated_alerts__confidence"] for row in found} == {"", "highest"}
