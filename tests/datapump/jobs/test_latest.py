"""Versions become latest one after the other; a version that is not whole never does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from datapump.executions import ExecutionStatus
from datapump.jobs.documents import JobStatus
from tests.support.deployment import copied
from tests.support.faults import Tap, TappedDataApi, unavailable
from tests.support.jobs import begun, set_latest_job

TABLES = [f"geostore__viirs__{table}" for table in ("daily_alerts", "weekly_alerts", "whitelist")]


@pytest.fixture
def world(night_folder, tmp_path):
    with copied(night_folder, tmp_path) as deployment:
        yield deployment


def latest(world):
    return [world.data_api.latest(table) for table in TABLES]


def marks(world):
    return [line.path for line in world.server.log() if line.method == "PATCH"]


def test_each_is_marked_once_in_order(world):
    execution = world.carry(begun(world, set_latest_job("l", *TABLES)))
    assert execution.status is ExecutionStatus.SUCCEEDED
    assert marks(world) == [f"/dataset/{table}/v1" for table in TABLES]
    (job,) = world.jobs(execution.id)
    assert (job.progress, job.message) == (1.0, "3 datasets have v1 as their latest version")
    world.carry(begun(world, set_latest_job("again", *TABLES)))
    assert len(marks(world)) == 3


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_mark_that_got_no_answer_is_made_once(world, when):
    left = [f"PATCH /dataset/{table}/v1" for table in TABLES]

    def plan(_, name):
        if name in left:
            left.remove(name)
            return when
        return None

    ports = replace(world.ports, data_api=TappedDataApi(world.server.url, Tap(plan, unavailable)))
    assert world.carry(begun(world, set_latest_job("l", *TABLES)), ports).status is ExecutionStatus.SUCCEEDED
    assert marks(world) == [f"/dataset/{table}/v1" for table in TABLES]
    ports.data_api.close()


def test_all_that_is_not_whole_is_told_and_nothing_is_marked(world):
    world.data_api.delete_version(TABLES[1], "v1")
    execution = world.carry(begun(world, set_latest_job("l", *TABLES, "geostore__viirs__nothing")))
    (job,) = world.jobs(execution.id)
    assert (job.status, job.step) == (JobStatus.FAILED, "starting")
    assert job.message == (
        f"{TABLES[1]} v1 does not exist; geostore__viirs__nothing v1 does not exist: "
        "only a saved version can become latest"
    )
    assert (latest(world), marks(world)) == ([None] * 3, [])


def test_a_version_that_is_gone_when_its_turn_comes_fails_the_job(world):
    identity = begun(world, set_latest_job("l", *TABLES))
    world.carry_until(lambda: world.jobs(identity)[0].targets[0].done)
    world.data_api.delete_version(TABLES[1], "v1")
    execution = world.carry(identity)
    (job,) = world.jobs(identity)
    assert execution.status is ExecutionStatus.FAILED
    assert job.message == f"{TABLES[1]} v1 does not exist: only a saved version can become latest"
    assert latest(world) == ["v1", None, None]
