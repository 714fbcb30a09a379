import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.examples import COMMANDS
from datapump.analyses import SyncType
from datapump.errors import StorageError
from datapump.executions import ExecutionStatus
from datapump.keys import Scope
from datapump.sources.registry import SOURCES

SET_LATEST = COMMANDS["set_latest"]
OTHER = {"command": "set_latest", "parameters": {"analysis_version": "v2"}}
HEADERS = {"Content-Type": "application/json"}


def submit(client, command=SET_LATEST, key=None):
    headers = HEADERS if key is None else {**HEADERS, "Idempotency-Key": key}
    return client.post("/commands", content=json.dumps(command), headers=headers)


def changed(name, path, value):
    """An example with one value replaced, added, or (...) removed."""
    command = json.loads(json.dumps(COMMANDS[name]))
    *parents, last = path
    target = command
    for part in parents:
        target = target[part]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return command


@pytest.mark.parametrize("name", ["analysis", "sync", "continue_jobs", "set_latest"])
def test_a_command_becomes_an_execution_that_is_started(world, operator, name):
    response = submit(operator, COMMANDS[name])
    assert response.status_code == 202
    document = response.json()
    assert response.headers["location"] == f"/executions/{document['id']}" == document["links"]["self"]
    assert (document["command"], document["status"], document["caller"]) == (name, "accepted", "operate")
    assert document["counts"] == {"starting": 0, "executing": 0, "complete": 0, "failed": 0}
    assert document["jobs"] == []
    assert "idempotency-replayed" not in response.headers
    stored = world.runs.get_execution(document["id"])
    asked = {"continue_jobs": {}, "version_update": {}}.get(name, COMMANDS[name]["parameters"])
    assert stored.command["parameters"].items() >= asked.items()
    assert world.orchestrator.started == [document["id"]]
    assert operator.get(response.headers["location"]).json() == document


def test_an_engine_that_this_deployment_does_not_have_is_refused(world, operator):
    object.__setattr__(world.services, "engines", ("local",))
    response = submit(operator, changed("analysis", ["parameters", "engine"], "emr"))
    assert (response.status_code, response.json()["type"]) == (501, "/problems/not-available")
    assert response.json()["detail"] == "this deployment has no engine emr; it has local"
    assert submit(operator, changed("analysis", ["parameters", "engine"], "local")).status_code == 202
    response = submit(operator, changed("analysis", ["parameters", "engine"], "spark"))
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/parameters/engine"


@pytest.mark.parametrize(("name", "reason"), [("download", "they end with 2024"), ("all", "since 2.4.12")])
def test_what_geotrellis_has_tables_of_and_nothing_here_computes_is_refused_with_the_reason(operator, name, reason):
    response = submit(operator, changed("analysis", ["parameters", "tables", 0, "analysis"], name))
    assert response.status_code == 422
    (fault,) = response.json()["errors"]
    assert fault["pointer"] == "/parameters/tables/0/analysis"
    assert fault["detail"].startswith(f"'{name}' is not computed: there are no")
    assert reason in fault["detail"]


def test_what_this_deployment_cannot_do_is_refused(world, operator, monkeypatch):
    monkeypatch.delitem(SOURCES, SyncType.RW_AREAS)
    response = submit(operator, {"command": "sync", "parameters": {"types": ["viirs", "rw_areas"]}}, "k")
    assert response.status_code == 501
    assert response.json()["type"] == "/problems/not-available"
    assert "rw_areas" in response.json()["detail"]
    assert world.runs.list_executions().items == []


@pytest.mark.parametrize(
    ("command", "pointer", "words"),
    [
        ({"command": "explode", "parameters": {}}, "/command", "'analysis', 'sync'"),
        ({"parameters": {}}, "/command", "is required"),
        ({}, "/command", "is required"),
        ([], "", "object"),
        (None, "", "object"),
        ("analysis", "", "object"),
        (changed("analysis", ["extra"], 1), "/extra", "not a known key"),
        (changed("analysis", ["parameters", "sinc"], 1), "/parameters/sinc", "not a known key"),
        (changed("analysis", ["parameters", "sync"], "yes"), "/parameters/sync", "boolean"),
        (changed("analysis", ["parameters", "sync"], 1), "/parameters/sync", "boolean"),
        (changed("analysis", ["parameters", "sync"], ...), "/parameters/sync", "is required"),
        (changed("analysis", ["parameters"], ...), "/parameters", "is required"),
        (changed("analysis", ["parameters", "analysis_version"], "latest"), "/parameters/analysis_version", "version"),
        (changed("analysis", ["parameters", "geotrellis_version"], "2"), "/parameters/geotrellis_version", "pattern"),
        (changed("analysis", ["parameters", "tables"], []), "/parameters/tables", "at least 1"),
        (changed("analysis", ["parameters", "tables"], {}), "/parameters/tables", "array"),
        (
            changed("analysis", ["parameters", "tables", 1, "dataset"], "Gadm"),
            "/parameters/tables/1/dataset",
            "lower-case",
        ),
        (changed("analysis", ["parameters", "tables", 0, "analysis"], "x"), "/parameters/tables/0/analysis", "'tcl'"),
        (changed("analysis", ["parameters", "tables", 0, "a/b~c"], 1), "/parameters/tables/0/a~1b~0c", "known"),
        (
            changed(
                "analysis", ["parameters", "tables", 0], {"dataset": "my_areas", "version": "v1", "analysis": "tcl"}
            ),
            "/parameters",
            "my_areas v1 tcl cannot work",
        ),
        (changed("sync", ["parameters", "types"], ["viirs", "mars"]), "/parameters/types/1", "'viirs'"),
        (changed("sync", ["parameters", "types"], []), "/parameters/types", "at least 1"),
        (changed("sync", ["parameters", "sync_version"], 20261122), "/parameters/sync_version", "string"),
        (
            changed("version_update", ["parameters", "content_date_range", "start_date"], "soon"),
            "/parameters/content_date_range/start_date",
            "date",
        ),
        (
            changed("version_update", ["parameters", "tile_set_parameters", "colour"], "red"),
            "/parameters/tile_set_parameters/colour",
            "not a known key",
        ),
        (
            changed("version_update", ["parameters", "tile_set_parameters", "pixel_meaning"], ...),
            "/parameters/tile_set_parameters/pixel_meaning",
            "required",
        ),
        (
            changed("version_update", ["parameters", "tile_set_parameters", "grid"], "10/1"),
            "/parameters/tile_set_parameters/grid",
            "'10/100000'",
        ),
        (
            changed("version_update", ["parameters", "tile_set_parameters", "no_data"], 0.5),
            "/parameters/tile_set_parameters/no_data",
            "a whole number or 'nan'",
        ),
        (
            changed("version_update", ["parameters", "tile_set_parameters", "calc"], "open(A)"),
            "/parameters/tile_set_parameters/calc",
            "open",
        ),
        (
            changed("version_update", ["parameters", "tile_cache_parameters", "min_zoom"], 13),
            "/parameters/tile_cache_parameters",
            "min_zoom 13 is above max_zoom 12",
        ),
        (
            changed("version_update", ["parameters", "tile_cache_parameters", "symbology"], None),
            "/parameters/tile_cache_parameters/symbology",
            "object",
        ),
        (changed("continue_jobs", ["parameters", "jobs", 0, "kind"], "x"), "/parameters/jobs/0/kind", "'set_latest'"),
        (changed("continue_jobs", ["parameters", "jobs", 0, "table"], ...), "/parameters/jobs/0/table", "required"),
        (changed("set_latest", ["parameters", "analysis_version"], None), "/parameters/analysis_version", "string"),
    ],
)
def test_bad_input_is_named_by_pointer_and_nothing_is_stored(world, operator, command, pointer, words):
    response = submit(operator, command, "k")
    assert response.status_code == 422
    problem = response.json()
    assert problem["type"] == "/problems/invalid-input"
    details = [error["detail"] for error in problem["errors"] if error["pointer"] == pointer]
    assert any(words in detail for detail in details), problem["errors"]
    assert world.runs.list_executions().items == []
    assert world.orchestrator.started == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 50_000,
        b'{"command":' * 50_000,
        b'{"command": NaN}',
        b'{"command": 1e999}',
        b'{"command": ' + b"9" * 5000 + b"}",
        b'{"command": "sync", "command": "set_latest", "parameters": {"analysis_version": "v1"}}',
    ],
)
def test_malformed_json_is_told_apart_from_bad_values(operator, body):
    response = operator.post("/commands", content=body, headers=HEADERS)
    assert response.status_code == 400
    assert response.json()["type"] == "/problems/malformed-json"


def test_a_lone_surrogate_is_refused(operator):
    body = b'{"command": "version_update", "parameters": {"dataset": "\\ud800"}}'
    assert operator.post("/commands", content=body, headers=HEADERS).status_code == 422


def test_the_same_key_and_command_give_the_same_execution(world, operator):
    first = submit(operator, key='"night-1"')
    for key in ('"night-1"', "night-1"):
        again = submit(operator, key=key)
        assert (again.status_code, again.json()) == (202, first.json())
        assert again.headers["location"] == first.headers["location"]
        assert again.headers["idempotency-replayed"] == "true"
    assert len(world.runs.list_executions().items) == 1


def test_a_replay_starts_again_what_has_not_ended(world, operator):
    identity = submit(operator, key="k").json()["id"]
    submit(operator, key="k")
    assert world.orchestrator.started == [identity, identity]


def test_a_replay_after_the_end_shows_the_end_and_starts_nothing(world, operator):
    identity = submit(operator, key="k").json()["id"]
    world.begin(identity)
    world.runs.finish(identity, ExecutionStatus.FAILED, ["x"])
    again = submit(operator, key="k")
    assert again.status_code == 202
    assert again.json()["status"] == "failed"
    assert len(again.json()["jobs"]) == 2
    assert world.orchestrator.started == [identity]


def test_the_same_key_with_another_command_is_refused(world, operator):
    identity = submit(operator, key="k").json()["id"]
    response = submit(operator, OTHER, "k")
    assert response.status_code == 422
    assert response.json()["type"] == "/problems/idempotency-key-reused"
    assert identity in response.json()["detail"]
    assert len(world.runs.list_executions().items) == 1
    assert world.orchestrator.started == [identity]


def test_the_layout_of_the_body_does_not_count(world, operator):
    headers = {**HEADERS, "Idempotency-Key": "k"}
    bodies = [
        b'{"command":"set_latest","parameters":{"analysis_version":"v1"}}',
        b' { "parameters": {"analysis_version": "\\u0076\\u0031"},\n "command": "set_latest" }',
    ]
    found = {operator.post("/commands", content=body, headers=headers).json()["id"] for body in bodies}
    assert len(found) == 1


def test_a_key_is_the_callers_own(world, operator):
    world.add_key("other", Scope.OPERATE)
    with world.client("other") as other:
        mine, theirs = submit(operator, key="k").json(), submit(other, OTHER, key="k").json()
    assert mine["id"] != theirs["id"]
    assert theirs["caller"] == "other"


def test_without_a_key_every_request_is_a_new_execution(operator):
    assert submit(operator).json()["id"] != submit(operator).json()["id"]


@pytest.mark.parametrize("key", ["", '""', "a b", '"a', "x" * 256, "é".encode("latin-1")])
def test_a_malformed_key_is_refused_before_anything_is_stored(world, operator, key):
    response = submit(operator, key=key)
    assert response.status_code == 400
    problem = response.json()
    assert problem["type"] == "/problems/invalid-header"
    assert (problem["errors"][0]["parameter"], problem["errors"][0]["in"]) == ("Idempotency-Key", "header")
    assert world.runs.list_executions().items == []


def test_two_keys_are_refused(operator):
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), ("Content-Type", "application/json")]
    assert operator.post("/commands", content=json.dumps(SET_LATEST), headers=headers).status_code == 400


def test_a_crash_between_storing_and_starting_is_mended_by_repeating(world, operator, monkeypatch):
    def fail(execution_id):
        raise StorageError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(world.orchestrator, "start", fail)
        assert submit(operator, key="k").status_code == 503
    again = submit(operator, key="k")
    assert again.status_code == 202
    assert world.orchestrator.started == [again.json()["id"]]


PARTS = st.sampled_from(
    [
        "command",
        "parameters",
        "types",
        "jobs",
        "tables",
        "kind",
        "analysis",
        "sync",
        "set_latest",
        "viirs",
        "v1",
        "gadm",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | PARTS,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(PARTS | st.text(), children, max_size=5),
    max_leaves=12,
)
COMMAND_LIKE = st.fixed_dictionaries({"command": st.sampled_from(sorted(COMMANDS)) | VALUES, "parameters": VALUES})


@st.composite
def mutated(draw):
    """An example of a command, one of whose values anywhere is replaced by any JSON."""
    command = json.loads(json.dumps(COMMANDS[draw(st.sampled_from(sorted(COMMANDS)))]))
    target, key = command, draw(st.sampled_from(sorted(command)))
    while isinstance(target[key], (dict, list)) and target[key] and draw(st.booleans()):
        target = target[key]
        key = draw(st.sampled_from(sorted(target) if isinstance(target, dict) else range(len(target))))
    target[key] = draw(VALUES)
    return command


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given((VALUES | COMMAND_LIKE | mutated()).map(json.dumps).map(str.encode) | st.binary(max_size=200))
def test_no_body_breaks_the_service(operator, body):
    response = operator.post("/commands", content=body, headers=HEADERS)
    assert response.status_code in {202, 400, 422, 501}
    if response.status_code != 202:
        assert response.headers["content-type"] == "application/problem+json"
