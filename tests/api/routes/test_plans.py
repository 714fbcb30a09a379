"""`POST /commands?plan=true` and `GET /executions/{id}/plan`."""

from __future__ import annotations

import pytest

from api.examples import COMMANDS
from datapump.planning.plans import Plan
from datapump.planning.record import keep
from tests.support.plans import plan_of


@pytest.fixture
def asked(operator):
    """The id of an execution that was asked to plan."""
    return operator.post("/commands?plan=true", json=COMMANDS["sync"]).json()["id"]


def test_a_command_is_planned_as_an_execution_that_says_so_and_links_to_its_plan(world, operator):
    response = operator.post("/commands?plan=true", json=COMMANDS["sync"])
    assert response.status_code == 202
    document = response.json()
    assert document["plan_only"] is True
    assert document["links"]["plan"] == f"/executions/{document['id']}/plan"
    assert world.runs.get_execution(document["id"]).plan_only
    assert world.orchestrator.started == [document["id"]]
    other = operator.post("/commands", json=COMMANDS["sync"]).json()
    assert (other["plan_only"], "plan" in other["links"]) == (False, False)


def test_the_plan_is_shown_whole_once_it_is_made(world, operator, asked):
    plan = plan_of(asked)
    keep(plan, world.runs)
    response = operator.get(f"/executions/{asked}/plan")
    assert response.status_code == 200
    assert Plan.model_validate(response.json()) == plan


def test_a_plan_that_was_stored_by_half_and_then_again_is_shown_once(world, operator, asked):
    keep(plan_of(asked, jobs=2), world.runs)
    keep(plan_of(asked, jobs=1), world.runs)
    assert len(operator.get(f"/executions/{asked}/plan").json()["jobs"]) == 1


def test_a_plan_that_is_not_there_yet_or_was_not_asked_for_is_not_found(operator, asked):
    missing = operator.get(f"/executions/{asked}/plan")
    assert (missing.status_code, "it is being made" in missing.json()["detail"]) == (404, True)
    other = operator.post("/commands", json=COMMANDS["sync"]).json()["id"]
    refused = operator.get(f"/executions/{other}/plan")
    assert (refused.status_code, "was not asked to plan" in refused.json()["detail"]) == (404, True)


def test_to_plan_and_to_carry_out_are_two_requests_to_an_idempotency_key(operator):
    headers = {"Idempotency-Key": "tonight"}
    first = operator.post("/commands?plan=true", json=COMMANDS["sync"], headers=headers)
    again = operator.post("/commands?plan=true", json=COMMANDS["sync"], headers=headers)
    assert first.json()["id"] == again.json()["id"]
    refused = operator.post("/commands", json=COMMANDS["sync"], headers=headers)
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[-1]) == (422, "idempotency-key-reused")


@pytest.mark.parametrize("query", ["plan=maybe", "plans=true", "plan=true&plan=false"])
def test_a_query_that_means_nothing_is_refused_and_nothing_is_stored(world, operator, query):
    assert operator.post(f"/commands?{query}", json=COMMANDS["sync"]).status_code in {400, 422}
    assert world.runs.list_executions().items == []
