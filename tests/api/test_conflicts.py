"""A second command on what is being written waits its turn, or is refused and told who writes it."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.examples import COMMANDS
from datapump.commands import parse_command
from datapump.executions import ExecutionStatus
from datapump.targets import targets_of

ANALYSIS = COMMANDS["analysis"]
REFUSE = {"on_conflict": "refuse"}


def with_tables(*tables):
    named = [{"dataset": dataset, "version": "v1", "analysis": analysis} for dataset, analysis in tables]
    return {**ANALYSIS, "parameters": {**ANALYSIS["parameters"], "tables": named}}


@pytest.mark.parametrize("first", [{}, REFUSE])
def test_a_command_that_is_not_to_wait_is_refused_with_a_link_to_the_holder(world, operator, first):
    holder = operator.post("/commands", json={**with_tables(("gadm", "viirs")), **first}).json()["id"]
    second = {**with_tables(("gadm", "viirs"), ("geostore", "viirs")), **REFUSE}
    refused = operator.post("/commands", json=second)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/target-busy")
    assert refused.json()["holder"] == f"/executions/{holder}"
    assert refused.headers["link"] == f'</executions/{holder}>; rel="related"'
    assert operator.get(refused.json()["holder"]).status_code == 200
    assert len(world.runs.list_executions().items) == 1
    world.runs.finish(holder, ExecutionStatus.FAILED)
    assert operator.post("/commands", json=second).status_code == 202


def test_a_command_waits_unless_it_says_otherwise(operator):
    commands = [ANALYSIS, {**ANALYSIS, "on_conflict": "queue"}, ANALYSIS]
    assert [operator.post("/commands", json=command).status_code for command in commands] == [202, 202, 202]


def test_a_plan_holds_nothing_and_is_held_by_nothing(operator):
    for address, status in (("/commands?plan=true", 202), ("/commands", 202), ("/commands?plan=true", 202)):
        assert operator.post(address, json={**ANALYSIS, **REFUSE}).status_code == status


def test_commands_on_different_tables_do_not_meet(operator):
    for dataset, analysis in (("gadm", "viirs"), ("gadm", "modis"), ("geostore", "viirs")):
        response = operator.post("/commands", json={**with_tables((dataset, analysis)), **REFUSE})
        assert response.status_code == 202


@pytest.mark.parametrize(
    ("held", "asked", "status"),
    [
        (("gadm", "viirs"), ["viirs"], 409),
        (("gadm", "viirs"), ["modis"], 202),
        (("geostore", "viirs"), ["viirs"], 202),
    ],
)
def test_a_sync_meets_what_writes_the_tables_that_follow_its_feed(world, operator, held, asked, status):
    world.add_config("gadm", "viirs")
    world.add_config("geostore", "viirs", sync=False)
    operator.post("/commands", json=with_tables(held))
    response = operator.post("/commands", json={"command": "sync", "parameters": {"types": asked}, **REFUSE})
    assert response.status_code == status


def test_two_syncs_of_one_feed_meet_also_where_nothing_follows_it(operator):
    assert operator.post("/commands", json=COMMANDS["sync"]).status_code == 202
    assert operator.post("/commands", json={**COMMANDS["sync"], **REFUSE}).status_code == 409


def test_a_repeated_key_finds_its_execution_although_that_holds_the_target(operator):
    def ask():
        return operator.post("/commands", json={**ANALYSIS, **REFUSE}, headers={"Idempotency-Key": "k"})

    first, again = ask(), ask()
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


def test_saying_what_holds_anyway_is_the_same_command(operator):
    first = operator.post("/commands", json=ANALYSIS, headers={"Idempotency-Key": "k"})
    same = operator.post("/commands", json={**ANALYSIS, "on_conflict": "queue"}, headers={"Idempotency-Key": "k"})
    other = operator.post("/commands", json={**ANALYSIS, **REFUSE}, headers={"Idempotency-Key": "k"})
    assert (same.json()["id"], other.status_code) == (first.json()["id"], 422)


def test_a_key_of_an_earlier_version_whose_commands_had_fewer_parameters_finds_its_execution(world, operator):
    first = operator.post("/commands", json=ANALYSIS, headers={"Idempotency-Key": "k"}).json()["id"]
    database = world.services.runs._database
    with database.write() as connection:
        document = json.loads(connection.execute("SELECT document FROM executions").fetchone()["document"])
        del document["command"]["parameters"]["engine"]
        document["fingerprint"] = "of an earlier version"
        connection.execute("UPDATE executions SET document = ?", (json.dumps(document),))
    again = operator.post("/commands", json=ANALYSIS, headers={"Idempotency-Key": "k"})
    other = operator.post("/commands", json={**ANALYSIS, **REFUSE}, headers={"Idempotency-Key": "k"})
    planned = operator.post("/commands?plan=true", json=ANALYSIS, headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.json()["id"]) == (202, first)
    assert (other.status_code, planned.status_code) == (422, 422)


def test_a_deployment_that_cannot_tell_refuses_to_promise(world, operator):
    object.__setattr__(world.services, "targets", None)
    assert operator.post("/commands", json={**ANALYSIS, **REFUSE}).status_code == 501
    assert operator.post("/commands", json=ANALYSIS).status_code == 202


def test_of_many_at_once_one_is_accepted(world, operator):
    barrier = threading.Barrier(16)

    def ask(_):
        with world.client("operate") as client:
            barrier.wait(20)
            return client.post("/commands", json={**ANALYSIS, **REFUSE}).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = sorted(pool.map(ask, range(16)))
    assert statuses == [202] + [409] * 15
    assert len(world.runs.list_executions().items) == 1


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("analysis", {"gadm__viirs", "wdpa_protected_areas__viirs"}),
        ("sync", {"feed viirs", "feed modis", "geostore__viirs"}),
        ("version_update", {"umd_tree_cover_loss v1.12"}),
        ("continue_jobs", {"gadm__viirs"}),
        ("set_latest", {"latest v20261101"}),
    ],
)
def test_what_a_command_is_going_to_write_is_told_from_it(world, name, targets):
    world.add_config("geostore", "viirs")
    command = parse_command(json.dumps(COMMANDS[name]))
    assert set(targets_of(command, world.sync_configs)) == targets
