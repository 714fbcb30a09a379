"""Nights of all raster syncs on the embedded deployment: real tiles, from releases in buckets to published versions."""

from __future__ import annotations

import pytest

from datapump.retries import plan_retry
from tests.support.deployment import Deployment
from tests.support.raster_nights import NAME, RASTERS, Releases, put_releases, small_recipes
from tests.support.tifs import data

INTEGRATED, INTDIST = "gfw_integrated_alerts", "gfw_integrated_dist_alerts"


@pytest.fixture
def world(tmp_path):
    with Deployment(tmp_path, recipes=small_recipes(tmp_path / "recipes")) as deployment:
        yield deployment


def sync(world, *types, version):
    """Sync some types, and carry what follows from it to its end; returns all executions, oldest first."""
    identity = world.submit({"command": "sync", "parameters": {"types": list(types), "sync_version": version}})
    while world.step():
        pass
    found = [one for one in world.runs.list_executions().items if one.id >= identity][::-1]
    for one in found:
        assert one.status == "succeeded", (one.errors, [job.errors for job in world.jobs(one.id)])
    return found


def made(world, executions):
    """What each execution made."""
    return [[(job.dataset, job.version) for job in world.jobs(one.id)] for one in executions]


def latest(world, *datasets):
    return [world.data_api.latest(dataset) for dataset in datasets]


def tile(world, dataset, version, place, name=NAME):
    folder = f"s3://gfw-data-lake/{dataset}/{version}/raster/epsg-4326"
    return data(world.objects.path(f"{folder}/{place}/geotiff/{name}.tif"))


def test_a_night_from_empty_then_one_with_nothing_new_then_one_with_one_release(world):
    releases = Releases(world.objects)
    put_releases(releases)
    executions = sync(world, *RASTERS, version="v20260201")
    assert [len(jobs) for jobs in made(world, executions)] == [4, 1, 1]
    assert [one.triggered_by for one in executions] == [None, executions[0].id, executions[1].id]
    assert latest(world, *RASTERS, INTEGRATED, INTDIST) == [
        "v20260118", "v20260130", "v20260130", "v20260131", "v20260201", "v20260201",
    ]  # fmt: skip
    assert tile(world, RASTERS[0], "v20260118", "10/100000/date_conf") == {(0, 0): 33990, (10, 10): 24000}
    assert tile(world, RASTERS[2], "v20260130", "10/100000/date_conf") == {(0, 0): 23991, (30, 30): 34021}
    merged = tile(world, INTEGRATED, "v20260201", "10/100000/date_conf")
    assert (merged[0, 0], merged[30, 30]) == (43990, 34021)
    # GLAD-L: 2025, high: 3653 days from 2015-01-01 to 2025-01-01, and 100.
    assert merged[10, 10] == 43753
    fine = tile(world, "umd_glad_dist_alerts", "v20260131", "10/100000/resample10m")
    assert (fine[0, 0], fine.get((30, 30))) == (33992, None)
    both = tile(world, INTDIST, "v20260201", "10/100000/date_conf")
    assert (both[0, 0], both[10, 10], both[30, 30]) == (43990, 43753, 34021)
    assert both[40, 40] == 34042
    alone = tile(world, INTDIST, "v20260201", "10/100000/date_conf", "50N_010E")
    assert set(alone.values()) == {33892}
    rows = world.sync_configs.list(analysis="create_raster").items
    assert {row.dataset: row.sync_version for row in rows} == {
        **dict(zip(RASTERS, latest(world, *RASTERS), strict=True)), INTEGRATED: "v20260201", INTDIST: "v20260201",
    }  # fmt: skip

    before = len([line for line in world.server.log() if line.method != "GET"])
    world.clock.advance(86400)
    assert made(world, sync(world, *RASTERS, "integrated_alerts", INTDIST, version="v20260202")) == [[]]
    assert len([line for line in world.server.log() if line.method != "GET"]) == before
    (row,) = world.sync_configs.list(dataset=RASTERS[0]).items
    found = row.metadata.freshness
    assert (found.source_newest, found.published, found.at) == ("v20260118", "v20260118", world.clock.now())
    assert found.decided == "nothing to do: v20260118 is published, and v20260118 is not newer"

    world.clock.advance(86400)
    releases.radd("v20260201", {(0, 0): 33980})
    today = f"v{world.clock.now():%Y%m%d}"
    executions = sync(world, *RASTERS, version=today)
    assert made(world, executions) == [[(RASTERS[0], "v20260201")], [(INTEGRATED, today)], [(INTDIST, today)]]
    (job,) = world.jobs(executions[2].id)
    assert "nonoverlap" not in {asset.name for asset in job.assets}
    virtual = world.objects.get(f"s3://gfw-data-lake/{INTDIST}/{today}/raster/epsg-4326/cog/intdist.vrt").decode()
    assert f"{INTDIST}/v20260201/raster/epsg-4326/cog/nonoverlap.tif" in virtual
    assert f"{INTDIST}/{today}/raster/epsg-4326/cog/overlap.tif" in virtual
    assert tile(world, INTDIST, today, "10/100000/date_conf")[0, 0] == 43980


@pytest.mark.parametrize("mended", ["the next night", "by a retry of the next night"])
def test_a_release_that_could_not_be_read_is_made_once_it_is_mended(world, mended):
    releases, radd = Releases(world.objects), RASTERS[0]
    releases.radd("v20260118", {(0, 0): 33990})
    tif = world.objects.path(f"gs://gfw_gee_export/wur_radd_alerts/v20260118/{NAME}.tif")
    whole = tif.read_bytes()
    tif.write_bytes(b"half of an upload")
    first = world.run({"command": "sync", "parameters": {"types": [radd]}})
    assert (first.status, latest(world, radd)) == ("failed", [None])
    world.clock.advance(86400)
    if mended == "by a retry of the next night":
        second = world.run({"command": "sync", "parameters": {"types": [radd]}})
        assert (second.status, latest(world, radd)) == ("failed", [None])
        tif.write_bytes(whole)
        retry = plan_retry(second, world.runs).command.model_dump(mode="json")
        assert world.run(retry).status == "succeeded"
    else:
        tif.write_bytes(whole)
        (job,) = made(world, sync(world, radd, version="v20260202"))[0]
        assert job == (radd, "v20260118")
    assert latest(world, radd) == ["v20260118"]
    assert tile(world, radd, "v20260118", "10/100000/date_conf") == {(0, 0): 33990}
    assert made(world, sync(world, radd, version="v20260203")) == [[]]
    (row,) = world.sync_configs.list(dataset=radd).items
    assert row.sync_version == "v20260118"


def test_a_version_that_somebody_deleted_is_begun_again(world):
    """The map tiles fail, so that the job takes its tile set for made."""
    releases, radd = Releases(world.objects), RASTERS[0]
    releases.radd("v20260118", {(0, 0): 33990})
    folder = world.folder / "objects" / "s3" / "gfw-tiles"
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("in the way of the map tiles")
    first = world.run({"command": "sync", "parameters": {"types": [radd]}})
    assert (first.status, latest(world, radd)) == ("failed", [None])
    assert [asset.state for asset in world.jobs(first.id)[0].assets] == ["saved", "failed"]
    folder.unlink()
    world.data_api.delete_version(radd, "v20260118")
    world.clock.advance(86400)
    assert made(world, sync(world, radd, version="v20260202"))[0] == [(radd, "v20260118")]
    assert latest(world, radd) == ["v20260118"]
