import json
import subprocess
import sys
from pathlib import Path

import pytest

from api.examples import COMMANDS
from api.openapi import render
from api.problem_types import BY_NAME

COMMITTED = Path(__file__).parents[2] / "openapi.json"
DOCUMENT = json.loads(render())
OPERATIONS = [
    pytest.param(operation, id=operation["operationId"])
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
]


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def resolve(reference):
    found = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_the_committed_contract_is_not_stale():
    assert COMMITTED.read_text(encoding="utf-8") == render(), "run: python -m api.openapi > openapi.json"


def test_the_contract_is_printed_the_same_every_time():
    command = [sys.executable, "-m", "api.openapi"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60, cwd=COMMITTED.parent)
    assert done.stdout.decode() == render()


def test_the_contract_is_served(nobody):
    assert nobody.get("/openapi.json").json() == DOCUMENT


def test_every_reference_leads_somewhere():
    assert DOCUMENT["openapi"].startswith("3.1")
    for reference in set(references(DOCUMENT)):
        assert resolve(reference) is not None


def test_every_schema_is_used():
    used = {reference.rsplit("/", 1)[1] for reference in references(DOCUMENT) if "/schemas/" in reference}
    assert used == set(DOCUMENT["components"]["schemas"])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_says_what_it_does_and_how_it_fails(operation):
    assert operation["description"]
    problems = {
        status: response for status, response in operation["responses"].items() if "x-problem-types" in response
    }
    assert "500" in problems
    for status, response in problems.items():
        assert list(response["content"]) == ["application/problem+json"]
        assert all(BY_NAME[name].status == int(status) for name in response["x-problem-types"])
    public = operation["operationId"] in {"get_health", "get_openapi", "get_problem_type"}
    assert ("401" in problems) is ("403" in problems) is ("security" in operation) is not public
    for parameter in operation["parameters"]:
        assert (resolve(parameter["$ref"]) if "$ref" in parameter else parameter)["description"]


def test_every_type_of_problem_but_the_frameworks_is_declared_by_some_operation():
    declared = {
        name
        for methods in DOCUMENT["paths"].values()
        for operation in methods.values()
        for response in operation["responses"].values()
        for name in response.get("x-problem-types", ())
    }
    framework = {"bad-request", "method-not-allowed"}
    assert set(BY_NAME) - declared == framework


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_commands_are_accepted(operator, name):
    content = DOCUMENT["paths"]["/commands"]["post"]["requestBody"]["content"]["application/json"]
    response = operator.post("/commands", json=content["examples"][name]["value"])
    assert response.status_code == 202


def test_the_examples_of_patches_are_accepted(world, operator):
    config = world.add_config()
    body = DOCUMENT["paths"]["/sync-configs/{config_id}"]["patch"]["requestBody"]
    for media_type, content in body["content"].items():
        for example in content["examples"].values():
            patch = json.dumps(example["value"])
            response = operator.patch(
                f"/sync-configs/{config.id}", content=patch, headers={"Content-Type": media_type, "If-Match": "*"}
            )
            assert response.status_code == 200


def test_what_is_answered_has_the_members_that_the_contract_names(world, operator):
    execution = operator.post("/commands", json=COMMANDS["analysis"]).json()
    world.begin(execution["id"])
    shown = operator.get(f"/executions/{execution['id']}").json()
    schemas = DOCUMENT["components"]["schemas"]
    assert set(shown) == set(schemas["ExecutionDocument"]["properties"])
    assert set(shown["jobs"][0]) == set(schemas["JobDocument"]["properties"])
    assert set(operator.get("/nothing").json()) <= set(schemas["Problem"]["properties"])
