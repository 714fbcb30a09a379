"""version_update: from a caller's words to a published raster version; planned, it says what it would do."""

from __future__ import annotations

import threading

import pytest
import rasterio

from datapump.executions import ExecutionStatus
from datapump.objects import Objects
from datapump.planning.one_pixel import one_pixel
from datapump.rasters.virtual import virtual_raster
from tests.support.deployment import Deployment
from tests.support.jobs import begun
from tests.support.plans import made, planned, requests
from tests.support.raster_jobs import DATASET, VERSION, cog, intensity, old, put_source, raster_job, source, vrt
from tests.support.tifs import data

PATH = f"/dataset/{DATASET}/{VERSION}"
TILE_SET = {
    "source_uri": ["gs://alerts/v20260201/"],
    "pixel_meaning": "date_conf",
    "data_type": "uint16",
    "grid": "10/100000",
    "no_data": 0,
    "calc": "A + 1",
}
CACHE = {"max_zoom": 14, "min_zoom": 14, "max_static_zoom": 14, "symbology": {"type": "date_conf_intensity"}}


def command(*, tile_set=TILE_SET, tile_cache=CACHE, **changes):
    parameters = {
        "dataset": DATASET,
        "version": VERSION,
        "content_date_range": {"start_date": "2020-01-01", "end_date": "2026-02-01"},
        "tile_set_parameters": tile_set,
        **({"tile_cache_parameters": tile_cache} if tile_cache else {}),
        **changes,
    }
    return {"command": "version_update", "parameters": parameters}


@pytest.fixture
def deployment(tmp_path):
    with Deployment(tmp_path) as deployment:
        put_source(deployment)
        yield deployment


def test_a_version_is_made_with_its_map_tiles_and_becomes_latest(deployment):
    execution = deployment.run(command(content_date_description="Alerts of some years"))
    assert execution.status is ExecutionStatus.SUCCEEDED, deployment.jobs(execution.id)
    version = deployment.data_api.version(DATASET, VERSION)
    assert version["is_latest"]
    assert version["metadata"]["content_date_description"] == "Alerts of some years"
    lake = deployment.folder / "objects" / "s3" / "gfw-data-lake" / DATASET / VERSION / "raster" / "epsg-4326"
    found = data(lake / "10" / "100000" / "date_conf" / "geotiff" / "10N_010E.tif")
    assert found == {(0, 0): 20_011, (0, 1): 30_021, (50_000, 50_000): 25_001}
    assert list((deployment.folder / "objects" / "s3" / "gfw-tiles").rglob("*.png"))


def test_without_a_description_the_range_itself_is_told(deployment):
    """The Data API's contract wants one; the pipeline of before sent none, so that the command always failed."""
    deployment.run(command(tile_cache=None))
    metadata = deployment.data_api.version(DATASET, VERSION)["metadata"]
    assert metadata["content_date_description"] == "2020-01-01 to 2026-02-01"


def test_a_version_that_is_made_from_something_else_is_refused_before_anything_is_done(deployment):
    deployment.run(command(tile_cache=None))
    before = len(deployment.server.log())
    other = command(tile_set={**TILE_SET, "calc": "A + 2"}, tile_cache=None)
    execution = deployment.run(other)
    assert execution.status is ExecutionStatus.FAILED
    (error,) = execution.errors
    assert error.startswith(f"{DATASET} {VERSION} exists already (saved) and is made from something else: choose")
    assert deployment.jobs(execution.id) == []
    assert len(deployment.server.log()) == before


def test_asked_for_again_it_does_nothing(deployment):
    deployment.run(command())
    before = len(deployment.server.log())
    assert deployment.run(command()).status is ExecutionStatus.SUCCEEDED
    assert len(deployment.server.log()) == before


def test_a_version_of_which_nothing_is_known_yet_is_refused(deployment):
    come = threading.Event()
    deployment.server.at["registering"] = lambda: come.wait(20)
    options = {"source_type": "raster", "source_driver": "GeoTIFF", **TILE_SET}
    deployment.data_api.create_dataset(DATASET, {})
    deployment.data_api.create_version(DATASET, VERSION, options, {})
    execution = deployment.run(command())
    come.set()
    assert (execution.status, deployment.jobs(execution.id)) == (ExecutionStatus.FAILED, [])
    assert "does not say yet what it is made from: try again" in execution.errors[0]


def test_a_plan_of_it_writes_nothing_and_the_work_equals_it(deployment):
    plan, _ = planned(deployment, command())
    assert deployment.server.log() == []
    assert requests(plan) == sorted([f"PUT /dataset/{DATASET}", f"PUT {PATH}", f"POST {PATH}/assets", f"PATCH {PATH}"])
    assert deployment.run(command()).status is ExecutionStatus.SUCCEEDED
    assert requests(plan) == made(deployment, 0)


@pytest.mark.parametrize(
    ("uri", "there"),
    [
        ("gs://alerts/v20260201", True),
        ("gs://alerts/v2026*", True),
        ("gs://alerts/v20260202/", False),
        ("gs://alerts/v20260201/none.tif", False),
        ("gs://nowhere/v20260201/", False),
    ],
)
def test_a_plan_over_sources_that_are_not_there_fails_as_the_work_does(deployment, uri, there):
    asked = command(tile_set={**TILE_SET, "source_uri": [uri]}, tile_cache=None)
    plan, _ = planned(deployment, asked)
    execution = deployment.run(asked)
    (job,) = deployment.jobs(execution.id)
    assert plan.jobs[0].outcome == job.status == ("complete" if there else "failed")
    if not there:
        assert all(f"Invalid sources: ['{uri}']" in one for one in (plan.jobs[0].message, job.message))


def test_a_plan_of_a_whole_graph_equals_the_work(deployment):
    put_source(deployment, "v20250101")
    first = raster_job(source(source_uri=["gs://alerts/v20250101/"]), intensity(), id="old", version="v20250101")
    deployment.carry(begun(deployment, first))
    before = len(deployment.server.log())
    retire = [old("v20250101", kind="assets", assets=["/intensity/"]), old("v20250101")]
    graph = (source(), intensity(), cog(), cog("intensity", "intensity"), vrt("default", "intensity"))
    document = raster_job(*graph, retire=retire).model_dump(mode="json")
    asked = {"command": "continue_jobs", "parameters": {"jobs": [document]}}
    plan, execution = planned(deployment, asked)
    assert execution.status is ExecutionStatus.SUCCEEDED, execution.errors
    assert [job.outcome for job in plan.jobs] == ["complete"], plan.jobs
    assert len(deployment.server.log()) == before
    assert deployment.run(asked).status is ExecutionStatus.SUCCEEDED
    assert anonymous(requests(plan)) == anonymous(made(deployment, before))
    (uploaded,) = [write.target for write in plan.writes if write.system == "objects"]
    assert uploaded.endswith("/cog/all.vrt")
    assert deployment.objects.exists(uploaded)


def anonymous(lines):
    """Without the ids of assets."""
    return ["DELETE /asset" if line.startswith("DELETE /asset/") else line for line in lines]


def test_what_a_plan_pretends_to_have_made_is_a_raster(tmp_path):
    path = tmp_path / "s3" / "lake" / "one.tif"
    path.parent.mkdir(parents=True)
    path.write_bytes(one_pixel())
    with rasterio.open(path) as file:
        assert (file.width, file.height, file.dtypes, file.crs.to_epsg()) == (1, 1, ("uint16",), 4326)
    assert b"one.tif" in virtual_raster(["s3://lake/one.tif"], Objects(tmp_path))
