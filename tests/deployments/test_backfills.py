"""Backfills of the production deployment: asked for by the API, carried on by the event of a schedule."""

from __future__ import annotations

import threading

import pytest

from api.scheduled import BACKFILLS
from datapump.errors import DatapumpError, InvalidInputError, RemoteUnavailableError
from state_machine.step_functions import StepFunctionsOrchestrator
from state_machine.telemetry import Telemetry
from tests.support.aws.faults import Fault
from tests.support.twins import AwsTwin

EVENT = {"source": "datapump.schedule", "carry": BACKFILLS}
VERSIONS = ["v20260115", "v20260116"]


@pytest.fixture
def world(tmp_path):
    with AwsTwin(tmp_path, viirs_url=str(tmp_path / "feed.csv")) as d:
        d.prepare()
        yield d


@pytest.fixture
def told(monkeypatch):
    """The stages of which it was told that all backfills were carried on."""
    stages = []
    monkeypatch.setattr(Telemetry, "carried", lambda _, stage: stages.append(stage))
    return stages


def test_each_sync_of_a_backfill_is_carried_by_the_state_machine_once(world, told):
    made = world.request("POST", "/backfills", {"types": ["viirs"], "sync_versions": VERSIONS, "start": True})
    for number in range(len(VERSIONS)):
        for _ in range(2):
            assert world.account.functions.api(EVENT) == {"carried": BACKFILLS}
        parts = world.request("GET", f"/backfills/{made['id']}")["parts"]
        started = [part["execution_id"] for part in parts if part["execution_id"]]
        assert len(started) == number + 1
        assert world.carry(started[-1]).status == "succeeded"
    world.account.functions.api(EVENT)
    assert world.request("GET", f"/backfills/{made['id']}")["status"] == "succeeded"
    assert told == ["production"] * 5
    assert len(world.request("GET", "/executions")["items"]) == len(VERSIONS)


def test_a_backfill_that_is_stopped_ends_what_it_has_started(world):
    stopped = threading.Event()
    world.disturb(Fault("dispatcher", "before", only=lambda _: not stopped.wait(20)))
    made = world.request("POST", "/backfills", {"types": ["viirs"], "sync_versions": VERSIONS, "start": True})
    world.account.functions.api(EVENT)
    world.request("POST", f"/backfills/{made['id']}/stop", {"reason": "wrong days"})
    world.account.functions.api(EVENT)
    stopped.set()
    (execution,) = world.request("GET", "/executions")["items"]
    assert world.carry(execution["id"]).stop_reason == "wrong days"


def test_one_that_cannot_be_carried_on_is_told_and_the_others_go_on(world, told, monkeypatch):
    refuse = [DatapumpError("no room")]
    real = StepFunctionsOrchestrator.start

    def start(orchestrator, execution_id):
        if refuse:
            raise refuse.pop()
        real(orchestrator, execution_id)

    monkeypatch.setattr(StepFunctionsOrchestrator, "start", start)
    for version in VERSIONS:
        world.request("POST", "/backfills", {"types": ["viirs"], "sync_versions": [version], "start": True})
    with pytest.raises(RemoteUnavailableError, match="1 backfills"):
        world.account.functions.api(EVENT)
    assert told == []
    world.account.functions.api(EVENT)
    assert told == ["production"]
    found = world.request("GET", "/executions")["items"]
    assert len(found) == len(VERSIONS)
    assert {world.carry(execution["id"]).status for execution in found} <= {"succeeded", "failed"}


def test_nothing_else_is_carried(world):
    with pytest.raises(InvalidInputError, match="there are only backfills"):
        world.account.functions.api({**EVENT, "carry": "water"})
