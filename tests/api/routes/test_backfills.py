import time

import pytest

from datapump.executions import ExecutionStatus
from datapump.secret_files import secret_file
from datapump.settings import Settings
from state_machine.embedded import create_embedded
from tests.api.conftest import TestClient

WEEK = {"types": ["viirs"], "dates": {"start_date": "2026-11-16", "end_date": "2026-11-22"}}
DAYS = [f"v202611{day}" for day in range(16, 23)]


def versions(document):
    return [part["sync_version"] for part in document["parts"]]


def test_a_backfill_is_planned_first_and_lists_what_it_would_start(world, operator, reader):
    made = operator.post("/backfills", json={**WEEK, "at_once": 2, "labels": {"team": "fires"}})
    assert (made.status_code, made.headers["location"]) == (201, f"/backfills/{made.json()['id']}")
    document = made.json()
    assert (document["status"], document["at_once"], versions(document)) == ("planned", 2, DAYS)
    assert {part["execution_id"] for part in document["parts"]} == {None}
    world.services.backfills.carry()
    assert world.runs.list_executions().items == []
    assert reader.get(document["links"]["self"]).json() == document
    assert reader.get("/backfills?status=planned").json()["items"] == [document]
    assert reader.get("/backfills?status=running").json()["items"] == []


def test_a_backfill_is_started_paused_resumed_and_stopped(world, operator):
    address = operator.post("/backfills", json=WEEK).headers["location"]

    def ask(action):
        response = operator.post(f"{address}/{action}", json={"reason": f"to {action}"})
        assert response.status_code == 200
        world.services.backfills.carry()
        return operator.get(address).json()

    running = ask("resume")
    assert (running["status"], running["parts"][0]["status"]) == ("running", "accepted")
    first = running["parts"][0]["execution_id"]
    assert running["parts"][0]["links"] == {"execution": f"/executions/{first}"}
    assert [item["id"] for item in operator.get(running["links"]["executions"]).json()["items"]] == [first]
    assert ask("pause")["reason"] == "to pause"
    world.runs.finish(first, ExecutionStatus.SUCCEEDED)
    assert len(world.runs.list_executions().items) == 1
    second = ask("resume")["parts"][1]["execution_id"]
    stopped = ask("stop")
    assert (stopped["status"], stopped["reason"]) == ("stopped", "to stop")
    assert world.runs.get_execution(second).stop_reason == "to stop"
    assert operator.post(f"{address}/resume", json={"reason": "x"}).status_code == 409
    assert ask("stop") == stopped


def test_a_key_stands_for_one_backfill(operator):
    def ask(**changes):
        return operator.post("/backfills", json={**WEEK, **changes}, headers={"Idempotency-Key": '"k"'})

    first, again = ask(), ask()
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert ask(at_once=2).json()["type"] == "/problems/idempotency-key-reused"
    assert len(operator.get("/backfills").json()["items"]) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dates": None}, "give either dates or sync_versions"),
        ({"sync_versions": ["v1"]}, "give either dates or sync_versions"),
        ({"dates": {"start_date": "2026-11-22", "end_date": "2026-11-21"}}, "end_date is before start_date"),
        ({"dates": {"start_date": "2020-01-01", "end_date": "2026-01-01"}}, "more than 400 sync versions"),
        ({"dates": None, "sync_versions": ["v1", "v1"]}, "sync_versions is listed twice"),
        ({"types": ["viirs", "viirs"]}, "types is listed twice"),
        ({"at_once": 11}, "less than or equal to 10"),
        ({"sync_version": "v1"}, "is not known"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_planned(operator, changes, words):
    refused = operator.post("/backfills", json={**WEEK, **changes})
    assert refused.status_code == 422
    assert words in refused.text
    assert operator.get("/backfills").json()["items"] == []


def test_weeks_are_taken_by_their_first_days(operator):
    dates = {"start_date": "2026-10-01", "end_date": "2026-10-31", "step_days": 7}
    made = operator.post("/backfills", json={"types": ["viirs"], "dates": dates})
    assert versions(made.json()) == ["v20261001", "v20261008", "v20261015", "v20261022", "v20261029"]


def test_a_deployment_without_backfills_says_so(world, operator):
    object.__setattr__(world.services, "backfills", None)
    assert operator.get("/backfills").status_code == operator.post("/backfills", json=WEEK).status_code == 501


def test_the_loop_carries_a_backfill_to_its_end(tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path)
    with TestClient(create_embedded(settings).app) as client:
        headers = {"Authorization": f"Bearer {secret_file(settings.data_dir, 'admin-key').read_text().strip()}"}
        client.headers.update(headers)
        made = client.post("/backfills", json={**WEEK, "at_once": 3, "start": True}).json()
        deadline = time.monotonic() + 30
        while (document := client.get(made["links"]["self"]).json())["status"] == "running":
            assert time.monotonic() < deadline, document
        listed = client.get(document["links"]["executions"]).json()["items"]
    assert document["status"] == "succeeded"
    assert {part["status"] for part in document["parts"]} == {"succeeded"}
    assert [item["id"] for item in reversed(listed)] == [part["execution_id"] for part in document["parts"]]
