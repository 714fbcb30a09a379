"""What is owed to user areas after nights that failed, were cut short or came together; nothing is lost or doubled."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from datapump.dispatcher import dispatch
from datapump.engines import RunState, RunStatus
from datapump.executions import ExecutionStatus
from datapump.executor import tick
from datapump.jobs.documents import JobStatus
from tests.support.area_nights import FOLDER, N1, N2, RW, counted, fires, following, from_scratch, owed, square, sync
from tests.support.areas import rw_sync
from tests.support.deployment import ANALYSIS


@pytest.fixture
def world(night_folder, tmp_path):
    with following(night_folder, tmp_path) as deployment:
        yield deployment


def broken(world):
    world.engine.script = [RunStatus(state=RunState.FAILED, message="bad row", retryable=False)]


def test_after_a_failed_analysis_its_areas_stay_pending_and_are_brought_the_next_night(world):
    (one,) = world.areas.add(square(0))
    broken(world)
    execution = sync(world, status=ExecutionStatus.FAILED)
    (analysis, statuses) = world.jobs(execution.id)
    assert (analysis.status, statuses.status) == (JobStatus.FAILED, JobStatus.FAILED)
    assert "stay pending" in statuses.message
    assert world.areas.statuses() == {one: "pending"}
    assert world.run(fires(N1)).status is ExecutionStatus.SUCCEEDED
    (other,) = world.areas.add(square(1))
    again = sync(world, N2)
    assert sorted(job.features[0] for job in world.jobs(again.id) if job.kind == "analysis") == [
        f"{FOLDER}{N1}.tsv",
        f"{FOLDER}{N2}.tsv",
    ]
    assert world.areas.statuses() == {one: "saved", other: "saved"}
    assert len(world.areas.store.emails()) == 2
    assert counted(world) == from_scratch(world, "v9")


def test_a_failure_of_one_files_analysis_does_not_hold_up_another_nights_areas(world):
    (one,) = world.areas.add(square(0))
    broken(world)
    sync(world, status=ExecutionStatus.FAILED)
    (other,) = world.areas.add(square(1))
    broken(world)
    sync(world, N2, status=ExecutionStatus.FAILED)
    assert world.areas.statuses() == {one: "pending", other: "saved"}


def put_modis(world, day):
    folder = "s3://gfw-data-lake/nasa_modis_fire_alerts/v6/vector/epsg-4326/tsv/near_real_time/"
    header = "latitude\tlongitude\tacq_date\tacq_time\tconfidence\tbrightness\tbright_t31\tfrp"
    row = f"10.0\t10.05\t{day}\t0000\t99\t300\t290\t1"
    world.objects.put(f"{folder}{day}-0000_{day}-0000.tsv", f"{header}\n{row}\n".encode())


def add_modis(world):
    """A second analysis of the areas, which follows its own feed."""
    put_modis(world, "2026-01-15")
    table = {"dataset": "geostore", "version": "v1", "analysis": "modis"}
    parameters = {**ANALYSIS["parameters"], "tables": [table]}
    assert world.run({**ANALYSIS, "parameters": parameters}).status is ExecutionStatus.SUCCEEDED


def test_what_a_sibling_has_appended_is_not_appended_again(world):
    add_modis(world)
    (one,) = world.areas.add(square(0))
    broken(world)
    execution = sync(world, status=ExecutionStatus.FAILED)
    assert sorted(job.status for job in world.jobs(execution.id)) == ["complete", "failed", "failed"]
    before = {analysis: counted(world, "v1", f"geostore__{analysis}__daily_alerts") for analysis in ("viirs", "modis")}
    assert sum((one, "2026-01-15") in counts for counts in before.values()) == 1
    sync(world, N2)
    for analysis in ("viirs", "modis"):
        assert counted(world, "v1", f"geostore__{analysis}__daily_alerts")[one, "2026-01-15"] == 1
    assert world.areas.statuses() == {one: "saved"}


def test_a_retry_of_the_execution_finishes_what_it_left(world):
    (one,) = world.areas.add(square(0))
    broken(world)
    execution = sync(world, status=ExecutionStatus.FAILED)
    failed = [job.model_dump(mode="json") for job in world.jobs(execution.id) if job.status is JobStatus.FAILED]
    again = world.run({"command": "continue_jobs", "parameters": {"jobs": failed}})
    assert again.status is ExecutionStatus.SUCCEEDED
    assert world.areas.statuses() == {one: "saved"}
    assert owed(world) is None
    assert counted(world) == from_scratch(world, "v9")


def test_areas_that_are_being_analysed_are_left_to_that_execution(world):
    world.areas.add(square(0))
    first = world.submit(rw_sync(N1))
    world.carry_until(lambda: any(job.step == "analyzing" for job in world.jobs(first)))
    second = world.submit(rw_sync(N2))
    assert world.carry(second).status is ExecutionStatus.SUCCEEDED
    (waited, *_) = [event.message for event in world.runs.list_events(second) if event.kind == "retry"]
    assert f"execution {first} is writing geostore__viirs: the areas stay pending" in waited
    assert world.carry(first).status is ExecutionStatus.SUCCEEDED
    assert world.jobs(second) == []
    assert len(world.areas.store.emails()) == 1


def test_a_config_that_was_switched_off_gets_what_it_missed(world):
    other = world.sync_configs.get(RW).model_copy(update={"id": "off", "analysis_version": "v1"})
    world.sync_configs.put(other)
    world.sync_configs.patch("off", {"sync": False})
    world.areas.add(square(0))
    sync(world)
    assert (owed(world), list(owed(world, "off"))) == (None, [N1])


def test_an_analysis_that_the_engine_cannot_compute_holds_up_saving_and_is_told(world):
    tcl = world.sync_configs.get(RW).model_copy(update={"id": "tcl", "analysis": "tcl"})
    world.sync_configs.put(tcl)
    (one,) = world.areas.add(square(0))
    execution = sync(world, status=ExecutionStatus.FAILED)
    assert ["engine cannot compute tcl" in error for error in execution.errors] == [True]
    assert world.areas.statuses() == {one: "pending"}
    world.sync_configs.patch("tcl", {"sync": False})
    sync(world, N2)
    assert world.areas.statuses() == {one: "saved"}


def test_a_full_analysis_settles_what_was_owed(world):
    (one,) = world.areas.add(square(0))
    broken(world)
    sync(world, status=ExecutionStatus.FAILED)
    for table in ("daily_alerts", "weekly_alerts", "whitelist"):
        world.data_api.delete_version(f"geostore__viirs__{table}", "v1")
    assert world.run(ANALYSIS).status is ExecutionStatus.SUCCEEDED
    assert owed(world) is None
    sync(world, N2)
    assert world.areas.statuses() == {one: "saved"}


def test_two_syncs_that_need_the_same_tables_never_wait_for_each_other_for_ever(world):
    add_modis(world)
    world.areas.add(square(0))
    areas = world.submit(rw_sync(N1))
    both = world.submit({"command": "sync", "parameters": {"types": ["modis", "viirs"], "sync_version": N1}})
    settings = world.settings.model_copy(update={"modis_url": str(world.folder / "none.csv")})
    world.ports = replace(world.ports, settings=settings)
    put_modis(world, "2026-01-16")
    dispatch(areas, world.ports)
    dispatch(both, world.ports)
    jobs = {job.table.analysis: job.id for job in world.jobs(areas) if job.kind == "analysis"}
    fires = {job.table.analysis: job.id for job in world.jobs(both)}
    tick(areas, jobs["viirs"], world.ports)
    tick(both, fires["modis"], world.ports)
    for execution in (areas, both):
        world.carry(execution, steps=3000)
        assert {job.status for job in world.jobs(execution)} == {JobStatus.COMPLETE}
    assert counted(world) == from_scratch(world, "v9")


def check_nights(world, seed, steps):
    """Nights of fires and areas in any order, whose analyses fail now and then: in the end all is as from scratch."""
    chosen = random.Random(seed)
    days = iter(range(16, 30))
    seen = ["2026-01-15"]
    number = 0
    for night in range(1, steps + 1):
        version = f"v202602{night:02}"
        what = chosen.choice(["areas", "areas", "fires", "fires", "both"])
        if what != "fires" and number < 3:
            world.areas.add(square(number))
            number += 1
        if what != "areas":
            seen.append(f"2026-01-{next(days)}")
            world.put_feed(*seen, count=3)
        failing = chosen.choice([[], [], ["x"], ["x", "y"]])
        world.engine.script = [RunStatus(state=RunState.FAILED, message=one, retryable=False) for one in failing]
        types = {"areas": ["rw_areas"], "fires": ["viirs"], "both": chosen.sample(["rw_areas", "viirs"], 2)}[what]
        world.run({"command": "sync", "parameters": {"types": types, "sync_version": version}})
    world.engine.script = []
    for types in (["viirs"], ["rw_areas"]):
        last = world.run({"command": "sync", "parameters": {"types": types, "sync_version": "v20260228"}})
        assert last.status is ExecutionStatus.SUCCEEDED, (last, world.jobs(last.id))
    assert set(world.areas.statuses().values()) <= {"saved"}
    assert len(world.areas.store.emails()) == number
    assert counted(world) == from_scratch(world, "v9")


@pytest.mark.parametrize("seed", range(1))
def test_any_order_of_nights_and_failures_loses_and_doubles_nothing(world, seed):
    check_nights(world, seed, steps=6)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 40))
def test_many_more_orders_of_nights_and_failures_lose_and_double_nothing(world, seed):
    check_nights(world, seed, steps=12)
