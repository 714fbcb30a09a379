"""The raster version job, against the embedded Data API over HTTP."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest
import rasterio

from datapump.errors import RemoteRefusedError
from datapump.executions import ExecutionStatus
from datapump.executor import tick
from datapump.jobs.documents import JobStatus
from datapump.jobs.raster_assets import AssetState
from datapump.recipes import recipes
from tests.support.deployment import Deployment
from tests.support.faults import Tap, TappedDataApi
from tests.support.jobs import begun
from tests.support.raster_jobs import (
    DATASET,
    VERSION,
    cache,
    cog,
    intensity,
    old,
    other,
    put_source,
    raster_job,
    source,
    vrt,
)
from tests.support.tifs import data

LAKE = f"s3/gfw-data-lake/{DATASET}/{VERSION}/raster/epsg-4326"
RETRY_HOURS = 3


@pytest.fixture
def deployment(tmp_path):
    with Deployment(tmp_path) as deployment:
        put_source(deployment)
        yield deployment


def carried(deployment, *jobs):
    """Carry jobs to their end; returns them."""
    execution_id = begun(deployment, *jobs)
    deployment.carry(execution_id)
    return deployment.jobs(execution_id)


def completed(deployment, job):
    (done,) = carried(deployment, job)
    assert done.status is JobStatus.COMPLETE, done.errors
    return done


def failed(deployment, job):
    (done,) = carried(deployment, job)
    assert done.status is JobStatus.FAILED
    return done


def requests(deployment):
    return [f"{line.method} {line.path}" for line in deployment.server.log()]


def made(deployment, version=VERSION):
    return [(a["asset_type"], a["status"]) for a in deployment.data_api.assets(DATASET, version)]


def test_a_whole_version_is_made_published_and_told_of(deployment):
    done = completed(deployment, raster_job())
    assert done.message == f"{DATASET} {VERSION} is published"
    assert {asset.state for asset in done.assets} == {AssetState.SAVED}
    version = deployment.data_api.version(DATASET, VERSION)
    assert (version["status"], version["is_latest"]) == ("saved", True)
    assert version["metadata"]["content_date_description"] == "Alerts"
    assert version["metadata"]["content_date_range"] == {"start_date": "2020-01-01", "end_date": "2026-02-01"}
    path = f"/dataset/{DATASET}/{VERSION}"
    assert requests(deployment) == [
        f"PUT /dataset/{DATASET}", f"PUT {path}", *[f"POST {path}/assets"] * 4, f"PATCH {path}"
    ]  # fmt: skip
    folder = deployment.folder / "objects" / LAKE
    assert data(folder / "10/100000/date_conf/geotiff/10N_010E.tif") == {
        (0, 0): 20_010, (0, 1): 30_020, (50_000, 50_000): 25_000
    }  # fmt: skip
    assert set(data(folder / "10/100000/intensity/geotiff/10N_010E.tif").values()) == {55}
    assert "ComplexSource" in (folder / "cog" / "all.vrt").read_text()
    assert list((deployment.folder / "objects" / "s3" / "gfw-tiles").rglob("*.png"))


def test_what_has_its_inputs_is_made_at_once(deployment):
    with deployment.server.held():
        execution_id = begun(deployment, raster_job())
        deployment.carry_until(lambda: states(deployment, execution_id)["date_conf"] is AssetState.MAKING)
    deployment.carry_until(lambda: states(deployment, execution_id)["date_conf"] is AssetState.SAVED)
    with deployment.server.held():
        making = {"cache", "intensity", "default_cog"}
        wanted = {**states(deployment, execution_id), **dict.fromkeys(making, AssetState.MAKING)}
        deployment.carry_until(lambda: states(deployment, execution_id) == wanted)
        assert wanted["intensity_cog"] is wanted["vrt"] is AssetState.WAITING
    deployment.carry(execution_id)


def states(deployment, execution_id):
    return {asset.name: asset.state for asset in deployment.jobs(execution_id)[0].assets}


def test_it_is_not_latest_before_all_is_there(deployment):
    server = deployment.server
    server.at["finished"] = server.hold
    execution_id = begun(deployment, raster_job(source(), intensity()))
    deployment.carry_until(lambda: states(deployment, execution_id)["intensity"] is AssetState.MAKING)
    for _ in range(40):
        deployment.step()
    assert deployment.data_api.latest(DATASET) is None
    server.load()
    deployment.carry(execution_id)
    assert deployment.data_api.latest(DATASET) == VERSION


def test_the_tile_sets_of_a_cache_are_not_taken_for_its_own(deployment):
    """Their pixel meanings are made of its own, and one may be the same."""
    own = intensity(name="twin", options={**intensity().options, "pixel_meaning": "intensity_default"})
    done = completed(deployment, raster_job(source(), cache(), own, cog("twin", "twin")))
    kinds = [kind for kind, _ in made(deployment)]
    assert kinds.count("Raster tile set") > 2 + 3
    twin = next(asset for asset in done.assets if asset.name == "twin")
    found = {a["asset_id"]: a["asset_uri"] for a in deployment.data_api.assets(DATASET, VERSION)}
    assert "/epsg-4326/10/100000/intensity_default/" in found[twin.asset_id]
    assert found[done.assets[0].asset_id].endswith("/10/100000/date_conf/geotiff/{tile_id}.tif")


def test_an_asset_that_fails_fails_the_job_and_only_it_is_made_again(deployment):
    bad = cog("bad", "date_conf", options={"implementation": "bad", "resampling": "q1"})
    execution_id = begun(deployment, raster_job(source(), intensity(), bad))
    execution = deployment.carry(execution_id)
    assert execution.status is ExecutionStatus.FAILED
    (job,) = deployment.jobs(execution_id)
    assert job.errors[-1].message == (
        "bad_cog: the Data API failed to make it: resampling q1 cannot make overviews"
    )  # fmt: skip
    assert {a.name: a.state for a in job.assets}["intensity"] is AssetState.SAVED
    assert deployment.data_api.latest(DATASET) is None
    before = len(requests(deployment))
    next(asset for asset in job.assets if asset.name == "bad_cog").options["resampling"] = "mode"
    again = continued(deployment, job)
    assert again.status is JobStatus.COMPLETE, again.errors
    new = requests(deployment)[before:]
    assert [one.split()[0] for one in new] == ["DELETE", "POST", "PATCH"]
    assert new[0].startswith("DELETE /asset/")
    assert [status for _, status in made(deployment)] == ["saved"] * 3


def continued(deployment, job):
    document = json.loads(job.model_dump_json())
    execution = deployment.run({"command": "continue_jobs", "parameters": {"jobs": [document]}})
    (again,) = deployment.jobs(execution.id)
    return again


def test_a_version_that_fails_is_made_anew_by_a_retry(deployment):
    job = failed(deployment, raster_job(source(calc="A + B"), intensity()))
    assert job.errors[-1].message.startswith("date_conf: the Data API failed to make it: the formula reads band B")
    job.assets[0].options["calc"] = "A"
    again = continued(deployment, job)
    assert again.status is JobStatus.COMPLETE, again.errors
    assert [one.split()[0] for one in requests(deployment)] == ["PUT", "PUT", "DELETE", "PUT", "POST", "PATCH"]


def test_a_version_that_stays_pending_for_ever_ends_by_its_time(deployment):
    extent = deployment.folder / "objects" / LAKE / "10/100000/date_conf/geotiff/extent.geojson"
    deployment.server.at["loaded"] = lambda: extent.unlink(missing_ok=True)
    job = failed(deployment, raster_job(source(), intensity()))
    assert job.errors[-1].message == (
        "date_conf: it is not made after 2 hours: its tiles are saved, but the version stays pending, as it does for "
        "ever when its extent is missing"
    )
    assert made(deployment) == [("Raster tile set", "saved")]
    deployment.server.at.clear()
    again = continued(deployment, job)
    assert again.status is JobStatus.COMPLETE, again.errors
    assert [one.split()[0] for one in requests(deployment)] == ["PUT", "PUT", "DELETE", "PUT", "POST", "PATCH"]


def test_an_asset_that_takes_too_long_ends_by_its_own_time_and_is_made_again(deployment):
    server = deployment.server
    server.at["finished"] = server.hold
    job = failed(deployment, raster_job(source(), intensity(timeout_sec=120)))
    assert job.errors[-1].message == "intensity: it is not made after 2 minutes"
    server.at.clear()
    server.load()
    server.settle()
    again = continued(deployment, job)
    assert again.status is JobStatus.COMPLETE, again.errors
    # It was saved after all: there is nothing to delete, and nothing to make.
    assert [one.split()[0] for one in requests(deployment)] == ["PUT", "PUT", "POST", "PATCH"]


def test_a_default_asset_that_comes_late_is_waited_for(deployment):
    come = threading.Event()
    deployment.server.at["registering"] = lambda: come.wait(20)
    execution_id = begun(deployment, raster_job(source()))
    deployment.carry_until(lambda: states(deployment, execution_id)["date_conf"] is AssetState.MAKING)
    for _ in range(5):
        tick(execution_id, "raster-1", deployment.ports)
    assert deployment.data_api.assets(DATASET, VERSION) == []
    (job,) = deployment.jobs(execution_id)
    assert (job.status, job.message) == (JobStatus.EXECUTING, "making date_conf")
    come.set()
    deployment.carry(execution_id)
    assert deployment.jobs(execution_id)[0].status is JobStatus.COMPLETE


def test_a_version_that_takes_no_assets_yet_is_asked_again(deployment):
    refusals = iter([409, 409])

    def refuse(name):
        status = next(refusals, None) if name.startswith("POST") else None
        if status is not None:
            raise RemoteRefusedError(f"{name}: Version status is currently `pending`", status=status)

    class Pending(TappedDataApi):
        """Says that the version is pending although it was saved a moment before."""

        def exchange(self, method, path, **arguments):
            refuse(f"{method} {path}")
            return super().exchange(method, path, **arguments)

    api = Pending(deployment.server.url, Tap(lambda *_: None, None))
    execution_id = begun(deployment, raster_job(source(), intensity()))
    deployment.carry(execution_id, replace(deployment.ports, data_api=api))
    api.close()
    assert deployment.jobs(execution_id)[0].status is JobStatus.COMPLETE
    assert next(refusals, None) is None


def test_a_version_of_other_sources_is_never_touched(deployment):
    put_source(deployment, "v20250101")
    completed(deployment, raster_job(source(source_uri=["gs://alerts/v20250101/"]), id="other"))
    before = requests(deployment)
    job = failed(deployment, raster_job())
    assert job.errors[-1].message == (
        f"{DATASET} {VERSION} exists already (saved) and is made from something else: choose another version, or "
        "delete that one first"
    )
    assert requests(deployment) == before


def test_a_version_of_the_very_same_is_gone_on_with(deployment):
    completed(deployment, raster_job(source(), id="other"))
    before = len(requests(deployment))
    completed(deployment, raster_job(source(), intensity()))
    assert [one.split()[0] for one in requests(deployment)[before:]] == ["POST"]


def test_the_pixels_of_another_version_are_a_band(deployment):
    put_source(deployment, "v20250101", {(0, 0): [[1, 2, 3]]})
    first = source(source_uri=["gs://alerts/v20250101/"], calc="A")
    completed(deployment, raster_job(first, id="first", version="v20250101"))
    calc = "np.where(A.data > 0, A.data, B.data)"
    options = {"data_type": "uint16", "no_data": 0, "grid": "10/100000", "pixel_meaning": "default", "calc": calc}
    all_time = intensity(name="default", bands=[other("v20250101", grid="10/100000")], options=options)
    completed(deployment, raster_job(source(), all_time))
    found = data(deployment.folder / "objects" / LAKE / "10/100000/default/geotiff/10N_010E.tif")
    assert found == {(0, 0): 20_010, (0, 1): 30_020, (0, 2): 3, (50_000, 50_000): 25_000}


def test_a_band_that_is_not_there_fails_the_job(deployment):
    completed(deployment, raster_job(source(), id="first"))
    put_source(deployment, "v20260202")
    new = source(source_uri=["gs://alerts/v20260202/"])
    all_time = intensity(bands=[other(VERSION, "default")])
    job = failed(deployment, raster_job(new, all_time, version="v20260202"))
    assert job.errors[-1].message == f"{DATASET} {VERSION} has no saved tile sets default, where one is needed"


def test_old_versions_and_assets_are_deleted_once_the_new_is_latest(deployment):
    for number in (1, 2, 3):
        put_source(deployment, f"v2025010{number}")
        known = source(source_uri=[f"gs://alerts/v2025010{number}/"])
        job = raster_job(known, intensity(), id=f"old-{number}", version=f"v2025010{number}")
        completed(deployment, job)
    before = len(requests(deployment))
    retire = [old("v20250101"), old("v20250102", kind="assets", assets=["/intensity/"]), old("v20240101")]
    done = completed(deployment, raster_job(source(), retire=retire))
    assert done.notes == [
        f"deleted {DATASET} v20250101: it is old",
        f"deleted assets of {DATASET} v20250102: it is old",
        f"{DATASET} v20240101 is gone already",
    ]
    assert [one.split()[0] for one in requests(deployment)[before:]] == ["PUT", "PATCH", "DELETE", "DELETE"]
    assert made(deployment, "v20250102") == [("Raster tile set", "saved")]
    assert sorted(deployment.data_api.dataset(DATASET)["versions"]) == ["v20250102", "v20250103", VERSION]


def test_what_became_latest_meanwhile_is_not_deleted(deployment):
    put_source(deployment, "v20270101")
    known = source(source_uri=["gs://alerts/v20270101/"])
    completed(deployment, raster_job(known, id="old", version="v20270101"))
    execution_id = begun(deployment, raster_job(source(), retire=[old("v20270101"), old(VERSION)]))
    deployment.carry_until(lambda: deployment.jobs(execution_id)[0].step == "retiring")
    deployment.data_api.update_version(DATASET, "v20270101", {"is_latest": True})
    deployment.carry(execution_id)
    assert deployment.jobs(execution_id)[0].notes == [
        f"{DATASET} v20270101 was not deleted: it is the latest version",
        f"{DATASET} {VERSION} was not deleted: it is the new version",
    ]
    assert deployment.data_api.version(DATASET, "v20270101") is not None


def test_preserved_versions_are_not_deleted(deployment):
    dataset = "wur_radd_alerts"
    version = recipes()[dataset].retention.keep[0]
    deployment.data_api.create_dataset(dataset, {})
    put_source(deployment)
    options = {**source().options}
    deployment.data_api.create_version(dataset, version, options)
    deployment.until_saved(dataset, version)
    done = completed(deployment, raster_job(source(), retire=[old(version, dataset=dataset)]))
    assert done.notes == [f"{dataset} {version} was not deleted: it is preserved"]


def test_two_jobs_of_one_version_go_one_after_the_other(deployment):
    first = begun(deployment, raster_job(source(), intensity()))
    second = begun(deployment, raster_job(source(), intensity(), id="raster-2"))
    deployment.carry_until(lambda: deployment.jobs(first)[0].step == "making")
    deployment.carry_until(lambda: "waiting for execution" in deployment.jobs(second)[0].message)
    deployment.carry(first)
    deployment.carry(second)
    assert [one.split()[0] for one in requests(deployment)] == ["PUT", "PUT", "POST", "PATCH"]


def test_a_virtual_raster_shows_both_files_where_they_lie(deployment):
    put_source(deployment, name="10N_020E", patches={(7, 7): [[30_030]]})
    job = raster_job(source(), cog(), cog("second"), vrt("default", "second"))
    completed(deployment, job)
    path = deployment.folder / "objects" / LAKE / "cog" / "all.vrt"
    text = path.read_text()
    assert f"/vsis3/gfw-data-lake/{DATASET}/{VERSION}/raster/epsg-4326/cog/default.tif" in text
    local = deployment.folder / "local.vrt"
    local.write_text(text.replace("/vsis3", str(deployment.folder / "objects" / "s3")))
    with rasterio.open(local) as file:
        assert (file.width, file.height, file.nodata, file.dtypes) == (200_000, 100_000, 0, ("uint16",))
        assert len(file.overviews(1)) == 11
        window = rasterio.windows.Window(100_007, 7, 1, 1)
        assert file.read(1, window=window).item() == 30_030


def test_a_stopped_job_ends_and_says_why(deployment):
    execution_id = begun(deployment, raster_job())
    deployment.carry_until(lambda: deployment.jobs(execution_id)[0].step == "making")
    deployment.runs.request_stop(execution_id, "enough")
    deployment.carry(execution_id)
    (job,) = deployment.jobs(execution_id)
    assert (job.status, job.errors[-1].message) == (JobStatus.FAILED, "stopped: enough")


@pytest.mark.parametrize(
    "assets",
    [(intensity(),), (source(), source()), (source(), cog("a", "nothing")), (source(), intensity(), intensity())],
)
def test_what_is_no_graph_is_refused_before_anything_is_done(deployment, assets):
    job = failed(deployment, raster_job(*assets))
    assert job.step == "starting"
    assert requests(deployment) == []
