"""Result versions of syncs: the newest is latest, the superfluous go, and nobody else's are touched."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest

from datapump.analyses import Analysis, SyncType
from datapump.errors import RemoteRefusedError
from datapump.executions import ExecutionStatus
from datapump.jobs.documents import JobStatus
from datapump.sources.glad import RASTER
from tests.support.alert_night import engine_tables, put_config, put_version, sync, table, versions
from tests.support.deployment import Deployment
from tests.support.faults import Crash, Tap, TappedDataApi, carried, once_at_each, tapped_writes
from tests.support.jobs import analysis_job, begun

DAILY = "geostore__glad__daily_alerts"
OURS = "s3://gfw-pipelines/geotrellis/results/{0}/geostore/v20260101/glad/gladalerts_20260101_0000/{0}.csv"
BROKEN = table("geostore").replace("2026-01-16", "no date")


@pytest.fixture
def world(tmp_path):
    with Deployment(tmp_path) as deployment:
        engine_tables(deployment)
        deployment.put_areas()
        put_version(deployment, RASTER, "v20260131")
        put_config(deployment)
        yield deployment


def put_ours(world, *names, latest=False):
    for name in names:
        put_version(world, DAILY, name, text=table("geostore"), uri=OURS.format(name), latest=latest)


def writes(world, since=0):
    return [f"{line.method} {line.path}" for line in world.server.log()[since:] if line.method != "GET"]


def continuing(job):
    return {"command": "continue_jobs", "parameters": {"jobs": [json.loads(job.model_dump_json())]}}


def test_all_but_the_newest_two_are_deleted_once_the_new_one_is_latest(world):
    put_ours(world, "v20260102", "v20260103", "v20260104")
    put_ours(world, "v20260105", latest=True)
    since = len(world.server.log())
    assert world.run(sync("glad")).status is ExecutionStatus.SUCCEEDED
    assert versions(world, DAILY) == {"v20260105": ("saved", False), "v20260201": ("saved", True)}
    assert writes(world, since) == [
        f"PUT /dataset/{DAILY}/v20260201",
        f"PATCH /dataset/{DAILY}/v20260201",
        *(f"DELETE /dataset/{DAILY}/v2026010{day}" for day in (2, 3, 4)),
    ]


def test_versions_that_are_foreign_pending_overridden_or_no_days_are_left_alone(world):
    put_ours(world, "v20260102", "v20260103", "v20260104", "v2", "v20260199", "v20260106.1")
    put_version(world, DAILY, "v20250101", text=table("geostore"))
    (config,) = world.sync_configs.list().items
    world.sync_configs.patch(config.id, {"metadata": {"version_overrides": {"summary": "v20260102"}}})
    assert world.run(sync("glad")).status is ExecutionStatus.SUCCEEDED
    kept = {"v20260102", "v2", "v20260199", "v20260106.1", "v20250101", "v20260104", "v20260201"}
    assert set(versions(world, DAILY)) == kept


def test_a_new_version_that_is_older_than_others_by_name_stays(world):
    put_ours(world, "v20260301", "v20260302", "v20260303")
    assert world.run(sync("glad")).status is ExecutionStatus.SUCCEEDED
    assert versions(world, DAILY) == {
        "v20260201": ("saved", True),
        "v20260302": ("saved", False),
        "v20260303": ("saved", False),
    }


def test_every_table_of_gadm_is_latest_before_the_first_old_version_goes(world):
    put_config(world, dataset="gadm")
    names = [f"gadm__glad__{level}_daily_alerts" for level in ("adm1", "adm2", "iso")]
    for name in names:
        for day in ("v20260102", "v20260103"):
            put_version(world, name, day, text=table("iso"), uri=OURS.format(f"{day}/{name}"), latest=day[-1] == "3")
    since = len(world.server.log())
    assert world.run(sync("glad")).status is ExecutionStatus.SUCCEEDED
    done = [line.split(" /dataset/gadm__glad__")[0] for line in writes(world, since) if "gadm" in line]
    assert done == ["PUT"] * 3 + ["PATCH"] * 3 + ["DELETE"] * 3
    for name in names:
        assert versions(world, name) == {"v20260103": ("saved", False), "v20260201": ("saved", True)}


def test_a_version_that_could_not_be_loaded_is_deleted_and_never_latest(world):
    put_ours(world, "v20260104")
    put_ours(world, "v20260105", latest=True)
    world.engine.tables[Analysis.GLAD] = lambda _: {("geostore", "daily_alerts"): BROKEN}
    execution = world.run(sync("glad"))
    (job,) = world.jobs(execution.id)
    assert (execution.status, job.step) == (ExecutionStatus.FAILED, "uploading")
    assert f"the Data API failed to load {DAILY} v20260201" in job.message
    assert versions(world, DAILY) == {"v20260104": ("saved", False), "v20260105": ("saved", True)}
    world.objects.put(job.results[0].uris[0], table("geostore").encode())
    assert world.run(continuing(job)).status is ExecutionStatus.SUCCEEDED
    assert versions(world, DAILY) == {"v20260105": ("saved", False), "v20260201": ("saved", True)}


def test_a_failed_load_of_an_analysis_from_scratch_is_left_to_be_looked_at(world):
    world.engine.tables[Analysis.GLAD] = lambda _: {("geostore", "daily_alerts"): BROKEN}
    tables = [{"dataset": "geostore", "version": "v1", "analysis": "glad"}]
    parameters = {"analysis_version": "v9", "sync": False, "geotrellis_version": "2.6.20", "tables": tables}
    world.run({"command": "analysis", "parameters": parameters})
    assert versions(world, DAILY) == {"v9": ("failed", False)}


class Stubborn(TappedDataApi):
    """A Data API that refuses to delete."""

    def delete_version(self, dataset, version):
        raise RemoteRefusedError(f"it will not delete {dataset} {version}", status=409)


def test_a_version_that_cannot_be_deleted_is_told_of_and_fails_nothing(world):
    put_ours(world, "v20260103", "v20260104")
    api = Stubborn(world.server.url, Tap(lambda *_: None, Crash))
    execution = world.run(sync("glad"), replace(world.ports, data_api=api))
    api.close()
    (job,) = world.jobs(execution.id)
    assert (execution.status, job.status) == (ExecutionStatus.SUCCEEDED, JobStatus.COMPLETE)
    assert job.notes == [
        f"{DAILY} v20260103 was to be deleted, and is still there: it will not delete {DAILY} v20260103"
    ]


def test_a_version_that_became_latest_meanwhile_is_not_deleted(world):
    put_ours(world, "v20260102", "v20260103", "v20260104")
    identity = world.submit(sync("glad"))
    world.carry_until(lambda: any(result.retire for job in world.jobs(identity) for result in job.results))
    world.data_api.update_version(DAILY, "v20260102", {"is_latest": True})
    assert world.carry(identity).status is ExecutionStatus.SUCCEEDED
    assert set(versions(world, DAILY)) == {"v20260102", "v20260104", "v20260201"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_write_loses_and_doubles_nothing(tmp_path, when):
    def play(folder, plan):
        with Deployment(folder) as world:
            engine_tables(world)
            world.put_areas()
            put_version(world, RASTER, "v20260131")
            put_config(world)
            put_ours(world, "v20260102", "v20260103")
            since = len(world.server.log())
            tap = Tap(plan, Crash)
            api = TappedDataApi(world.server.url, tap, reads=False)
            identity = world.submit(sync("glad"))
            execution = carried(world, identity, partial(tapped_writes, world, tap, api))
            api.close()
            assert execution.status is ExecutionStatus.SUCCEEDED
            return (versions(world, DAILY), writes(world, since)), set(tap.calls)

    calm, calls = play(tmp_path / "calm", lambda *_: None)
    plan, left = once_at_each(calls, when)
    assert play(tmp_path / "crashed", plan)[0] == calm
    assert left == set()


def test_new_user_areas_are_appended_to_the_version_that_is_latest(world):
    put_ours(world, "v20260104")
    put_ours(world, "v20260105", latest=True)
    execution = areas_job(world)
    assert world.carry(execution).status is ExecutionStatus.SUCCEEDED
    assert world.jobs(execution)[0].append_to == {DAILY: "v20260105"}
    counted = world.data_api.query(DAILY, "v20260105", "select geostore__id from data")
    assert len(counted) == 2
    assert set(versions(world, DAILY)) == {"v20260104", "v20260105"}


def test_new_user_areas_without_a_latest_version_say_what_to_do(world):
    put_ours(world, "v20260104")
    execution = areas_job(world)
    assert world.carry(execution).status is ExecutionStatus.FAILED
    (job,) = world.jobs(execution)
    assert job.message == f"{DAILY} has no latest version to append to: mark one latest (set_latest), then sync again"


def test_areas_that_a_later_version_holds_already_are_not_appended_to_it(world):
    put_ours(world, "v20260105", latest=True)
    execution = areas_job(world)
    world.carry_until(lambda: world.jobs(execution)[0].step == "uploading")
    put_ours(world, "v20260106", latest=True)
    assert world.carry(execution).status is ExecutionStatus.SUCCEEDED
    (job,) = world.jobs(execution)
    assert job.notes == [f"{DAILY} v20260106 became latest meanwhile: it was made from all areas"]
    for version in ("v20260105", "v20260106"):
        assert len(world.data_api.query(DAILY, version, "select geostore__id from data")) == 1


def areas_job(world):
    """An execution that holds a job of new user areas."""
    job = analysis_job(
        analysis="glad",
        sync_type=SyncType.RW_AREAS,
        sync_version="v20260201",
        sync=False,
        alerts_until=None,
        change_only=True,
    )
    return begun(world, job)
