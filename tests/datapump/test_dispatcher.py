"""Commands that cannot work are refused before anything has happened; those that can become jobs, once."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr

from datapump.analyses import SyncType
from datapump.chaining import sync_execution
from datapump.clients.data_api import DataApi
from datapump.commands import parse_command
from datapump.dispatcher import dispatch
from datapump.engines import RunState, RunStatus
from datapump.errors import InvalidInputError, RemoteUnavailableError
from datapump.executions import ExecutionStatus
from datapump.jobs.documents import JobStatus
from datapump.sync_configs import SyncConfig
from tests.support.alert_night import put_config as put_alert_config
from tests.support.deployment import ANALYSIS, TABLE, night

GONE = "v20990101"


def analysis(*tables, version="v2", **parameters):
    known = {"analysis_version": version, "sync": False, "geotrellis_version": "2.6.20", "tables": list(tables)}
    return {"command": "analysis", "parameters": known | parameters}


def table(dataset, version="v1", analysis="viirs"):
    return {"dataset": dataset, "version": version, "analysis": analysis}


def set_latest(version):
    return {"command": "set_latest", "parameters": {"analysis_version": version}}


def continuing(*jobs):
    documents = [json.loads(job.model_dump_json()) for job in jobs]
    return {"command": "continue_jobs", "parameters": {"jobs": documents}}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A deployment in which the analysis v1 of user areas is published; farms v1 have no grid, v2 have one."""
    with night(tmp_path_factory.mktemp("dispatcher")) as deployment:
        deployment.put_features("farms", "v1", grid=False)
        deployment.put_features("farms", "v2", grid=True)
        assert deployment.run(ANALYSIS).status is ExecutionStatus.SUCCEEDED
        yield deployment


@pytest.fixture
def refused(world):
    """Runs a command that must change nothing at all; returns why it was refused."""

    def run(command, ports=None):
        log, runs = world.server.log(), dict(world.engine.runs)
        execution = world.run(command, ports)
        assert execution.status is ExecutionStatus.FAILED
        assert world.jobs(execution.id) == []
        assert (world.server.log(), world.engine.runs) == (log, runs)
        (error,) = execution.errors
        return error

    return run


def test_what_no_engine_can_compute_is_refused_when_it_is_read():
    with pytest.raises(InvalidInputError) as caught:
        parse_command(json.dumps(analysis(table("farms", analysis="tcl"))))
    (fault,) = caught.value.faults
    assert "the table farms v1 tcl cannot work" in fault.message


def test_two_versions_that_would_be_published_under_the_same_names_are_refused_when_they_are_read():
    with pytest.raises(InvalidInputError) as caught:
        parse_command(json.dumps(analysis(table("farms", "v1"), table("farms", "v2"))))
    (fault,) = caught.value.faults
    assert (fault.pointer, "farms v1 viirs and farms v2 viirs" in fault.message) == ("/parameters", True)


@pytest.mark.parametrize(
    ("wanted", "reasons"),
    [
        (table("farms"), ["farms v1 viirs", "it has no '1x1 grid' asset", "create that asset"]),
        (table("forests"), ["forests v1 viirs", "unknown dataset"]),
        (table("farms", GONE), [f"farms {GONE} viirs", "unknown version", "v1, v2"]),
        (table("gadm", "v4.1"), ["gadm v4.1 viirs", "gadm41_adm2_1x1.tsv"]),
        (table("farms", "v2", "modis"), ["farms v2 modis", "no fire files to analyse", "nasa_modis_fire_alerts"]),
        (table("gadm", "v4.1", "glad"), ["gadm v4.1 glad", "computes burned_areas, modis, viirs"]),
        (table("gadm", "v4.1", "burned_areas"), ["gadm v4.1 burned_areas", "datapump tool zonal"]),
    ],
    ids=[
        "no grid",
        "unknown dataset",
        "unknown version",
        "no feature file",
        "no fire file",
        "no engine",
        "no place of burned areas",
    ],
)
def test_a_table_that_cannot_be_analysed_is_refused_by_name(refused, wanted, reasons):
    error = refused(analysis(wanted))
    assert error.startswith("nothing was started: ")
    assert [reason for reason in reasons if reason not in error] == []


def test_a_result_version_that_exists_is_refused(refused):
    error = refused(analysis(TABLE, version="v1"))
    assert "geostore v1 viirs is published already: geostore__viirs__daily_alerts has a version v1" in error
    assert "choose another analysis_version" in error


def test_one_bad_table_refuses_all_and_every_bad_one_is_named(refused):
    error = refused(analysis(TABLE, table("farms"), table("forests")))
    assert "farms v1 viirs" in error
    assert "forests v1 viirs" in error
    assert "geostore" not in error


def test_user_areas_without_a_file_are_refused(tmp_path):
    with night(tmp_path) as deployment:
        deployment.objects.delete("s3://gfw-pipelines/geotrellis/features/geostore/areas.tsv")
        execution = deployment.run(ANALYSIS)
        assert execution.status is ExecutionStatus.FAILED
        assert "geostore v1 viirs has no feature files: there is nothing at" in execution.errors[0]
        assert (deployment.server.log(), deployment.engine.runs) == ([], {})


def test_a_grid_that_failed_is_told_from_one_that_was_never_made(world, refused):
    world.put_features("parcels", "v1", grid=False)
    world.data_api.create_asset("parcels", "v1", "1x1 grid", {"field_attributes": ["no_such_column"]})
    world.until(lambda: grid_state(world) == "failed")
    assert "its '1x1 grid' asset is failed" in refused(analysis(table("parcels")))


def grid_state(world):
    return next(asset["status"] for asset in world.data_api.assets("parcels", "v1") if "grid" in asset["asset_type"])


@pytest.fixture
def nobody():
    """A client of a Data API that nobody serves."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        client = DataApi(f"http://127.0.0.1:{held.getsockname()[1]}", SecretStr("x"), 5)
        yield client
        client.close()


def test_a_data_api_that_is_away_is_asked_again_before_the_command_fails(world, refused, nobody):
    began = world.clock.now()
    error = refused(analysis(table("farms", "v2")), replace(world.ports, data_api=nobody))
    assert error == "the Data API did not answer GET /dataset/farms/v2: ConnectError"
    # Seven waits between eight attempts: 2, 4, 8, 16 and 32 s, then a minute each.
    assert world.clock.now() - began == timedelta(seconds=2 + 4 + 8 + 16 + 32 + 60 + 60)


@pytest.mark.parametrize(("caller", "patient"), [("datapump", True), ("schedule", True), ("owner", False)])
def test_a_night_waits_for_a_feed_as_long_as_patience_lasts_and_a_caller_is_told_soon(world, caller, patient, nobody):
    put_alert_config(world, "viirs", sync_type="viirs")
    url = f"{nobody.url}/feed.csv"
    settings = world.settings.model_copy(update={"viirs_url": url, "feed_hosts": frozenset({"127.0.0.1"})})
    ports = replace(world.ports, settings=settings)
    execution = sync_execution([SyncType.VIIRS], "night", world.ports).model_copy(update={"caller": caller})
    world.runs.create_execution(execution)
    began = world.clock.now()
    ended = world.carry(execution.id, ports)
    assert ended.status is ExecutionStatus.FAILED
    assert "broke off" in ended.errors[0]
    waited_s = (world.clock.now() - began).total_seconds()
    assert (waited_s >= settings.patience_s) is patient
    assert waited_s <= settings.patience_s + 60


def test_a_data_api_that_comes_back_is_no_failure(world, nobody):
    identity = world.submit(analysis(table("farms", "v2"), version="v3"))
    away = replace(world.ports, data_api=nobody)
    world.carry_until(lambda: len(retries(world, identity)) == 2, away)
    assert world.carry(identity).status is ExecutionStatus.SUCCEEDED
    (first, _) = retries(world, identity)
    assert first == (
        "dispatch will be tried again in 2 s (attempt 1): the Data API did not answer GET /dataset/farms/v2: "
        "ConnectError"
    )


def retries(world, execution_id):
    return [event.message for event in world.runs.list_events(execution_id) if event.kind == "retry"]


def test_dispatching_twice_gives_the_same_jobs(world):
    identity = world.submit(analysis(table("farms", "v2"), TABLE, version="v4"))
    first = dispatch(identity, world.ports)
    assert len(first) == 2
    stored = world.runs.list_jobs(identity)
    assert dispatch(identity, world.ports) == first
    assert world.runs.list_jobs(identity) == stored
    world.runs.request_stop(identity, "only dispatched")
    world.carry(identity)


def test_an_execution_that_is_stopped_before_it_is_dispatched_never_begins(world):
    identity = world.submit(analysis(TABLE, version="v5"))
    world.runs.request_stop(identity, "a mistake")
    assert dispatch(identity, world.ports) == []
    assert world.runs.get_execution(identity).status is ExecutionStatus.STOPPED


def test_an_open_job_is_not_taken_up(world, refused):
    identity = world.submit(analysis(TABLE, version="v6"))
    dispatch(identity, world.ports)
    (job,) = world.jobs(identity)
    unit = world.runs.claim(1)
    error = refused(continuing(job))
    assert error == f"job {job.id} is not ended: execution {identity} is still working on it"
    world.runs.give_back(unit[0])
    world.runs.request_stop(identity, "only dispatched")
    world.carry(identity)


def test_a_job_that_failed_in_its_analysis_is_analysed_again(world):
    world.engine.script = [RunStatus(state=RunState.FAILED, message="bad row 7", retryable=False)]
    failed = world.run(analysis(TABLE, version="v7"))
    (job,) = world.jobs(failed.id)
    assert (failed.status, job.step) == (ExecutionStatus.FAILED, "analyzing")
    runs = len(world.engine.runs)
    again = world.run(continuing(job))
    assert again.status is ExecutionStatus.SUCCEEDED
    assert len(world.engine.runs) == runs + 1
    (continued,) = world.jobs(again.id)
    assert continued.id == job.id
    assert [error.message for error in continued.errors] == ["the analysis of geostore v1 viirs failed: bad row 7"]
    assert world.rows(version="v7") == world.rows(version="v1")


def test_a_job_whose_run_goes_on_is_taken_up_where_it_stands(world):
    world.engine.script = [RunStatus(state=RunState.RUNNING, progress=0.5)]
    identity = world.submit(analysis(TABLE, version="v8"))
    world.carry_until(lambda: [job.step for job in world.jobs(identity)] == ["analyzing"])
    (job,) = world.jobs(identity)
    stored = world.runs.get_job(identity, job.id)
    world.runs.save_job(identity, job.model_copy(update={"status": JobStatus.FAILED}), stored.revision)
    world.carry(identity)
    (name,) = [name for name, run in world.engine.runs.items() if run.state is RunState.RUNNING]
    second = world.submit(continuing(*world.jobs(identity)))
    dispatch(second, world.ports)
    (continued,) = world.jobs(second)
    assert (continued.step, continued.attempt) == ("analyzing", 0)
    world.runs.request_stop(second, "enough")
    world.carry(second)
    assert world.engine.cancelled[-1] == name


def test_taking_up_a_complete_job_changes_nothing(world):
    before = world.outcome()
    published = world.runs.list_executions(status=ExecutionStatus.SUCCEEDED, command="analysis", limit=50).items[-1]
    runs = dict(world.engine.runs)
    execution = world.run(continuing(*world.jobs(published.id)))
    assert execution.status is ExecutionStatus.SUCCEEDED
    assert world.outcome() == before
    assert world.engine.runs == runs


def test_set_latest_of_an_unknown_version_says_so(refused):
    assert refused(set_latest(GONE)) == f"no sync config has the analysis version {GONE}: nothing to mark latest"


def test_set_latest_marks_every_table_and_no_other(world):
    execution = world.run(set_latest("v1"))
    assert execution.status is ExecutionStatus.SUCCEEDED
    tables = [item["dataset"] for item in world.data_api.datasets() if "__viirs__" in item["dataset"]]
    marked = {name: world.data_api.latest(name) for name in tables}
    assert {name for name, version in marked.items() if version == "v1"} == {
        f"geostore__viirs__{name}" for name in ("daily_alerts", "weekly_alerts", "whitelist")
    }
    log = world.server.log()
    assert world.run(set_latest("v1")).status is ExecutionStatus.SUCCEEDED
    assert world.server.log() == log


def test_set_latest_without_tables_is_a_note(world):
    put_config(world, "v30")
    execution = world.run(set_latest("v30"))
    assert execution.status is ExecutionStatus.SUCCEEDED
    assert execution.notes == ["no dataset geostore__viirs__* has a version v30"]


@pytest.mark.parametrize("state", ["failed", "pending"])
def test_set_latest_marks_nothing_while_one_version_is_not_whole(world, state):
    version = {"failed": "v31", "pending": "v32"}[state]
    put_config(world, version)
    put_version(world, "geostore__viirs__daily_alerts", version, b"geostore__id\nx\n")
    world.until_saved("geostore__viirs__daily_alerts", version)
    before = world.data_api.latest("geostore__viirs__daily_alerts")
    with world.server.held():
        put_version(world, "geostore__viirs__weekly_alerts", version, b"geostore__id\nx\ty\tz\n")
        if state == "failed":
            world.server.load()
            world.until(lambda: world.data_api.version("geostore__viirs__weekly_alerts", version)["status"] == "failed")
        execution = world.run(set_latest(version))
    (job,) = world.jobs(execution.id)
    assert execution.status is ExecutionStatus.FAILED
    assert job.message == f"geostore__viirs__weekly_alerts {version} is {state}: only a saved version can become latest"
    assert world.data_api.latest("geostore__viirs__daily_alerts") == before


def put_config(world, version):
    world.sync_configs.put(
        SyncConfig(
            id=f"config-{version}",
            analysis="viirs",
            analysis_version=version,
            dataset="geostore",
            dataset_version="v1",
            sync_type=SyncType.VIIRS,
        )
    )


def put_version(world, dataset, version, rows):
    uri = f"s3://gfw-pipelines/by-hand/{dataset}/{version}.csv"
    world.objects.put(uri, rows)
    options = {"source_type": "table", "source_driver": "text", "source_uri": [uri], "delimiter": "\t"}
    world.data_api.create_version(dataset, version, {**options, "create_dynamic_vector_tile_cache": False})


def test_a_failure_that_may_pass_is_raised_until_the_last_attempt(world, nobody):
    identity = world.submit(analysis(TABLE, version="v9"))
    away = replace(world.ports, data_api=nobody)
    with pytest.raises(RemoteUnavailableError):
        dispatch(identity, away)
    assert world.runs.get_execution(identity).status is ExecutionStatus.ACCEPTED
    assert dispatch(identity, away, last_attempt=True) == []
    assert world.runs.get_execution(identity).status is ExecutionStatus.FAILED


def test_a_source_that_this_version_lacks_is_refused(refused, monkeypatch):
    monkeypatch.setattr("datapump.capabilities.available_sync_types", lambda: frozenset({SyncType.VIIRS}))
    error = refused({"command": "sync", "parameters": {"types": ["glad"]}})
    assert error == "no source for glad in this version; available sync types are viirs"
