"""Tables are made or appended to once, whatever the Data API answers or does not; nobody else's are touched."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from datapump.errors import RemoteInvalidError
from datapump.executions import ExecutionStatus
from datapump.jobs.documents import JobStatus, ResultState
from datapump.jobs.publishing import header
from tests.support.deployment import ANALYSIS, SYNC, copied
from tests.support.faults import Tap, TappedDataApi, once_at_each, unavailable
from tests.support.jobs import result

DAILY, WEEKLY, WHITELIST = (f"geostore__viirs__{table}" for table in ("daily_alerts", "weekly_alerts", "whitelist"))
BROKEN = b"geostore__id\talert__date\talert__count\nx\tno date\t3\n"


@pytest.fixture
def world(night_folder, tmp_path):
    """A deployment in which v1 of the tables of user areas is published, and a night to be synced."""
    with copied(night_folder, tmp_path, patience_s=60) as deployment:
        yield deployment


def analysis(version="v2"):
    return {"command": "analysis", "parameters": ANALYSIS["parameters"] | {"analysis_version": version, "sync": False}}


def continuing(job):
    return {"command": "continue_jobs", "parameters": {"jobs": [json.loads(job.model_dump_json())]}}


def until_uploading(world, command, ports=None):
    """Submit a command and carry it until its results are there and nothing is published; returns its id and job."""
    identity = world.submit(command)
    world.carry_until(lambda: [job.step for job in world.jobs(identity)] == ["uploading"], ports)
    return identity, world.jobs(identity)[0]


def breaking(world, *writes, when):
    """Ports whose Data API breaks at the first request of each of these."""
    plan, _ = once_at_each(writes, when)
    return replace(world.ports, data_api=TappedDataApi(world.server.url, Tap(plan, unavailable)))


def asked(world, method, path):
    return [line for line in world.server.log() if (line.method, line.path) == (method, path)]


def spoil(world, job, table, content=BROKEN):
    """Replace a result file before it is published; returns what mends it."""
    (uri,) = [one.uris[0] for one in job.results if one.table == table]
    good = world.objects.get(uri)
    world.objects.put(uri, content)
    return lambda: world.objects.put(uri, good)


def test_a_load_that_failed_is_told_with_the_data_apis_reason_and_made_anew_when_continued(world):
    identity, job = until_uploading(world, analysis())
    mend = spoil(world, job, "weekly_alerts")
    assert world.carry(identity).status is ExecutionStatus.FAILED
    (job,) = world.jobs(identity)
    (error,) = job.errors
    assert error.step == "uploading"
    assert error.message.startswith(f"the Data API failed to load {WEEKLY} v2 from s3://gfw-pipelines/")
    assert "an index names the column alert__year, which the table has not" in error.message
    assert error.message.endswith("(continuing this job makes the version anew)")
    assert [one.table for one in job.results if one.state is ResultState.FAILED] == ["weekly_alerts"]
    runs = dict(world.engine.runs)
    mend()
    again = world.run(continuing(job))
    assert (again.status, world.engine.runs) == (ExecutionStatus.SUCCEEDED, runs)
    assert [len(asked(world, "PUT", f"/dataset/{name}/v2")) for name in (DAILY, WEEKLY, WHITELIST)] == [1, 2, 1]
    assert [len(asked(world, "DELETE", f"/dataset/{name}/v2")) for name in (DAILY, WEEKLY, WHITELIST)] == [0, 1, 0]
    assert world.rows(version="v2") == world.rows(version="v1")


def test_all_loads_that_failed_are_told_at_once(world):
    identity, job = until_uploading(world, analysis())
    for table in ("daily_alerts", "weekly_alerts"):
        spoil(world, job, table)
    with world.server.held():
        states = {ResultState.LOADING}
        world.carry_until(lambda: {one.state for one in world.jobs(identity)[0].results} == states)
        world.server.load()
        world.until(lambda: {status(world, name) for name in (DAILY, WEEKLY)} == {"failed"})
    world.carry(identity)
    (error,) = world.jobs(identity)[0].errors
    assert f"failed to load {DAILY} v2" in error.message
    assert f"failed to load {WEEKLY} v2" in error.message


def status(world, dataset, version="v2"):
    return world.data_api.version(dataset, version)["status"]


def test_a_version_of_somebody_else_is_never_overwritten(world):
    identity, _ = until_uploading(world, analysis())
    put_version(world, DAILY, "v2", b"geostore__id\nmine\n")
    world.until_saved(DAILY, "v2")
    assert world.carry(identity).status is ExecutionStatus.FAILED
    (job,) = world.jobs(identity)
    assert job.message == (
        f"{DAILY} v2 exists already (saved) and was not made by this job: choose another version, "
        "or delete that one first"
    )
    assert world.data_api.query(DAILY, "v2", "select geostore__id from data") == [{"geostore__id": "mine"}]


def test_a_failed_version_of_somebody_else_is_not_deleted(world):
    identity, _ = until_uploading(world, analysis())
    put_version(world, DAILY, "v2", b"geostore__id\nx\ty\n")
    world.until(lambda: status(world, DAILY) == "failed")
    for _ in range(2):
        execution = world.carry(identity)
        assert execution.status is ExecutionStatus.FAILED
        identity = world.submit(continuing(world.jobs(execution.id)[0]))
    world.carry(identity)
    assert status(world, DAILY) == "failed"
    assert asked(world, "DELETE", f"/dataset/{DAILY}/v2") == []


def test_a_version_of_somebody_else_that_appears_while_ours_is_asked_for_is_told_by_its_sources(world):
    identity, _ = until_uploading(world, analysis())
    ports = breaking(world, f"PUT /dataset/{DAILY}/v2", when="before")
    world.carry_until(lambda: world.jobs(identity)[0].outage_since is not None, ports)
    put_version(world, DAILY, "v2", b"geostore__id\nmine\n")
    world.carry(identity)
    (job,) = world.jobs(identity)
    assert job.message == f"{DAILY} v2 exists already with other data: choose another version, or delete that one first"
    ports.data_api.close()


def put_version(world, dataset, version, rows):
    uri = f"s3://gfw-pipelines/by-hand/{dataset}/{version}.csv"
    world.objects.put(uri, rows)
    options = {"source_type": "table", "source_driver": "text", "source_uri": [uri], "delimiter": "\t"}
    world.data_api.create_version(dataset, version, {**options, "create_dynamic_vector_tile_cache": False})


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_append_that_got_no_answer_is_done_once(world, when):
    ports = breaking(world, *(f"POST /dataset/{name}/v1/append" for name in (DAILY, WEEKLY)), when=when)
    execution = world.run(SYNC, ports)
    assert execution.status is ExecutionStatus.SUCCEEDED
    assert [len(asked(world, "POST", f"/dataset/{name}/v1/append")) for name in (DAILY, WEEKLY)] == [1, 1]
    assert [(day, fires) for _, day, fires in world.rows()] == [("2026-01-15", 3), ("2026-01-16", 3)]
    ports.data_api.close()


def test_a_version_and_its_dates_that_got_no_answer_are_written_once(world):
    made = breaking(world, f"PUT /dataset/{DAILY}/v2", f"PUT /dataset/{WHITELIST}/v2", when="after")
    assert world.run(analysis(), made).status is ExecutionStatus.SUCCEEDED
    assert [len(asked(world, "PUT", f"/dataset/{name}/v2")) for name in (DAILY, WEEKLY, WHITELIST)] == [1, 1, 1]
    patched = breaking(world, f"PATCH /dataset/{DAILY}/v1", when="after")
    assert world.run(SYNC, patched).status is ExecutionStatus.SUCCEEDED
    assert [len(asked(world, "PATCH", f"/dataset/{name}/v1")) for name in (DAILY, WEEKLY)] == [1, 1]
    for name in (DAILY, WEEKLY):
        assert world.data_api.version(name, "v1")["metadata"]["content_date_range"]["end_date"] == "2026-01-16"
    made.data_api.close()
    patched.data_api.close()


def test_a_dataset_that_got_no_answer_is_made_once(world):
    world.put_features("parcels", "v1", grid=True)
    table = {"dataset": "parcels", "version": "v1", "analysis": "viirs"}
    ports = breaking(world, "PUT /dataset/parcels__viirs__daily_alerts", when="after")
    command = analysis()
    command["parameters"] = command["parameters"] | {"tables": [table]}
    assert world.run(command, ports).status is ExecutionStatus.SUCCEEDED
    assert len(asked(world, "PUT", "/dataset/parcels__viirs__daily_alerts")) == 1
    ports.data_api.close()


def test_a_write_that_got_no_answer_is_left_alone_until_it_can_have_settled(night_folder, tmp_path):
    with copied(night_folder, tmp_path) as world:
        settings = world.settings.model_copy(update={"effect_settle_s": 7.0, "poll_max_s": 1.0})
        ports = replace(breaking(world, f"POST /dataset/{DAILY}/v1/append", when="before"), settings=settings)
        identity, _ = until_uploading(world, SYNC, ports)
        began = world.clock.now()
        world.carry_until(lambda: "last write" in world.jobs(identity)[0].message, ports)
        assert world.jobs(identity)[0].message == "waiting to learn what became of the last write"
        world.carry_until(lambda: asked(world, "POST", f"/dataset/{DAILY}/v1/append"), ports)
        assert 7 <= (world.clock.now() - began).total_seconds() < 9
        assert world.carry(identity, ports).status is ExecutionStatus.SUCCEEDED
        ports.data_api.close()


def test_an_append_that_is_refused_can_be_tried_again_when_its_cause_is_gone(world):
    identity, job = until_uploading(world, SYNC)
    (uri,) = job.results[0].uris
    rows = world.objects.get(uri)
    world.objects.delete(uri)
    assert world.carry(identity).status is ExecutionStatus.FAILED
    (job,) = world.jobs(identity)
    assert f"the Data API answered POST /dataset/{DAILY}/v1/append with 400: Cannot access all" in job.message
    assert world.runs.get_effect(f"{job.id}/append/{DAILY}/v1/0") is None
    world.objects.put(uri, rows)
    assert world.run(continuing(job)).status is ExecutionStatus.SUCCEEDED
    assert [(day, fires) for _, day, fires in world.rows()] == [("2026-01-15", 3), ("2026-01-16", 3)]


def test_an_append_to_a_version_that_is_not_there_says_what_to_do(world):
    world.data_api.delete_version(DAILY, "v1")
    execution = world.run(SYNC)
    (job,) = world.jobs(execution.id)
    assert execution.status is ExecutionStatus.FAILED
    assert job.message == f"{DAILY} v1 does not exist: run the analysis that makes it, then sync again"


def test_an_append_that_failed_to_load_poisons_the_version_and_says_so(world):
    identity, job = until_uploading(world, SYNC)
    mend = spoil(world, job, "daily_alerts")
    assert world.carry(identity).status is ExecutionStatus.FAILED
    (job,) = world.jobs(identity)
    assert job.message.endswith("(the version takes no more rows now: delete it and run its analysis again)")
    mend()
    again = world.run(continuing(job))
    (job,) = world.jobs(again.id)
    assert job.message == f"{DAILY} v1 has failed before and takes no more rows: delete it and run its analysis again"
    assert len(asked(world, "POST", f"/dataset/{DAILY}/v1/append")) == 1


def test_an_append_waits_until_the_rows_of_another_are_loaded(world):
    identity, _ = until_uploading(world, SYNC)
    with world.server.held():
        world.objects.put("s3://gfw-pipelines/by-hand/rows.csv", whole_row(world))
        world.data_api.append(DAILY, "v1", ["s3://gfw-pipelines/by-hand/rows.csv"])
        for _ in range(20):
            world.step()
        (job,) = world.jobs(identity)
        assert (job.status, job.results[0].state) == (JobStatus.EXECUTING, ResultState.WAITING)
        assert job.message == f"waiting until {DAILY} v1 has loaded what others wrote to it"
        assert len(asked(world, "POST", f"/dataset/{DAILY}/v1/append")) == 1
    assert world.carry(identity).status is ExecutionStatus.SUCCEEDED
    assert len(world.rows()) == 3


def whole_row(world):
    folder = "s3://gfw-pipelines/geotrellis/results/v1/"
    (uri,) = [info.uri for info in world.objects.listing(folder) if "/daily_alerts/part-" in info.uri]
    return world.objects.get(uri)


def test_an_append_is_not_done_before_its_rows_are_loaded(world):
    identity, _ = until_uploading(world, SYNC)
    with world.server.held():
        world.carry_until(lambda: world.jobs(identity)[0].message.startswith("loading"))
        for _ in range(20):
            world.step()
        (job,) = world.jobs(identity)
        assert (job.status, [one.state for one in job.results]) == (JobStatus.EXECUTING, [ResultState.LOADING] * 2)
        assert job.message == f"loading {DAILY}, {WEEKLY}"
    assert world.carry(identity).status is ExecutionStatus.SUCCEEDED


def test_a_version_that_is_deleted_while_it_loads_is_told_and_made_anew_when_continued(world):
    identity, _ = until_uploading(world, analysis())
    with world.server.held():
        states = {ResultState.LOADING}
        world.carry_until(lambda: {one.state for one in world.jobs(identity)[0].results} == states)
        world.data_api.delete_version(DAILY, "v2")
        assert world.carry(identity).status is ExecutionStatus.FAILED
    (job,) = world.jobs(identity)
    assert job.message == f"{DAILY} v2 was deleted by somebody while its rows were loaded"
    assert world.run(continuing(job)).status is ExecutionStatus.SUCCEEDED
    assert world.rows(version="v2") == world.rows(version="v1")


def test_the_content_dates_of_an_analysis_from_scratch_are_left_alone(world):
    assert world.run(analysis()).status is ExecutionStatus.SUCCEEDED
    assert [line for line in world.server.log() if line.method == "PATCH"] == []


def test_a_result_file_without_a_header_is_an_error_of_the_engine(world):
    (uri,) = result().uris
    world.objects.put(uri, b"a__b\tc__d\n1\t2\n")
    assert header(result(), world.ports) == ["a__b", "c__d"]
    world.objects.put(uri, b"")
    with pytest.raises(RemoteInvalidError, match="is empty: the engine must at least write the column names"):
        header(result(), world.ports)
