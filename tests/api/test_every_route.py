"""One walk over every route and method: errors, pages, entity tags and idempotency are alike everywhere."""

import itertools
import json
import random
import re
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from api.app import build
from api.auth import is_public
from api.examples import COMMANDS
from api.idempotency import KEYS_LAST
from api.problem_types import BY_NAME
from api.routes import ROUTERS
from datapump.audit import AuditRecord
from datapump.executions import ExecutionStatus
from datapump.jobs.documents import AnalysisJob, JobStatus
from datapump.keys import Scope
from datapump.sync_configs import Author
from tests.api.conftest import START
from tests.support.cursors import mutate

CONTRACT = build().openapi()
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
ROUTES = {
    (method, route.path): route.endpoint for router in ROUTERS for route in router.routes for method in route.methods
}
PATHS = sorted({path for _, path in ROUTES})
LISTS = [
    "/audit",
    "/backfills",
    "/executions",
    "/freshness",
    "/results",
    "/results/{dataset}/{version}/rows",
    "/sync-configs",
    "/sync-configs/{config_id}/history",
]
# These lists count by number, which only grows: `after` is the cursor.
NUMBERED = ["/executions/{execution_id}/events"]
MUTABLE = ["/sync-configs/{config_id}"]
# What every answer has, or HTTP itself says.
COMMON = {"content-length", "content-type", "cache-control", "x-content-type-options"}
BACKFILL = {"types": ["viirs"], "sync_versions": ["v1", "v2"]}
JSON = {"Content-Type": "application/json"}


@dataclass
class Things:
    """One of each thing that an address can name."""

    execution: str
    config: str
    backfill: str = "nope"
    version: str = "v20260101"

    def address(self, path):
        names = {
            "execution_id": self.execution,
            "job_id": "gadm-viirs-1",
            "config_id": self.config,
            "backfill_id": self.backfill,
            "name": "not-found",
            "dataset": "gadm__viirs__adm2_daily_alerts",
            "version": self.version,
        }
        # A route that names another thing is to be added above.
        return path.format(**names)


@pytest.fixture
def things(world, operator, published):
    """Three or more of everything that is listed; an execution that has ended, its job failed."""
    data_api, objects = published
    world.services = world.app.state.services = replace(world.services, data_api=lambda: data_api, objects=objects)
    return _things(world, operator)


def _things(world, operator):
    config = world.add_config()
    for number in range(3):
        world.add_config(version=f"v{number}")
        world.sync_configs.patch(config.id, {"sync": bool(number % 2)}, author=Author(caller="ada"))
        operator.post("/commands", json=COMMANDS["sync"])
        backfill = operator.post("/backfills", json=BACKFILL).json()["id"]
    made = operator.post("/commands", json=COMMANDS["continue_jobs"]).json()["id"]
    job = AnalysisJob.model_validate(COMMANDS["continue_jobs"]["parameters"]["jobs"][0], strict=False)
    world.runs.begin(made, [job], [], [])
    world.runs.save_job(made, job.model_copy(update={"status": JobStatus.FAILED}), 1)
    world.runs.finish(made, ExecutionStatus.FAILED)
    world.sync_configs.patch(config.id, {"sync": True}, author=Author(caller="ada"))
    for number in range(3):
        world.services.audit.add(
            AuditRecord(
                at=world.services.clock.now(),
                request_id=str(number),
                caller="ada",
                key_id="k",
                scope=Scope.READ,
                method="POST",
                path="/",
                status=202,
            )
        )
    return Things(made, config.id, backfill)


def assert_documented(response, method, path):
    """A problem of a type that the contract names for the operation, or that the framework gives."""
    assert response.headers["x-request-id"]
    assert response.headers["cache-control"] == "no-store"
    assert response.status_code < 500 or response.status_code == 501
    operation = CONTRACT["paths"].get(path, {}).get(method.lower())
    if operation is not None:
        declared = operation["responses"][str(response.status_code)].get("headers", {})
        assert {*response.headers} - COMMON <= {name.lower() for name in declared}
    if response.status_code < 400 or method == "HEAD":
        return
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    name = problem["type"].removeprefix("/problems/")
    assert BY_NAME[name].status == problem["status"] == response.status_code
    if operation is not None:
        assert name in operation["responses"][str(response.status_code)]["x-problem-types"]


@pytest.mark.parametrize("path", PATHS)
def test_every_method_of_every_route_answers_as_documented(world, things, path):
    """Whoever asks, with whatever body and header: never 5xx, always a documented problem."""
    odd = [{"If-Match": '"7"'}, {"If-Match": "x"}, {"Idempotency-Key": ""}, {"Content-Type": "text/plain"}]
    attempts = [("", {}, body) for body in (b"", b"{}", b"[", b'{"reason": 1}')]
    attempts += [("", headers, b"{}") for headers in odd]
    attempts += [(query, {}, b"") for query in ("?limit=x", "?cursor=bm9uZQ", "?plan=x", "?nonsense")]
    # Who may not ask is told so before anything else is looked at.
    for caller, tried in (
        (None, attempts[::6]),
        ("read", attempts[::3]),
        ("operate", attempts),
        ("admin", attempts[:2]),
    ):
        with world.client(caller) as client:
            for method in METHODS:
                for query, headers, body in tried:
                    address = things.address(path) + query
                    response = client.request(method, address, headers={**JSON, **headers}, content=body)
                    assert_documented(response, method, path)
                    if not known(method, path):
                        assert response.status_code == 405


@pytest.mark.parametrize("path", PATHS)
def test_options_and_head_are_right_on_every_route(world, things, path):
    methods = {method for method in METHODS if (method, path) in ROUTES}
    allowed = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    address = things.address(path)
    with world.client() as stranger:
        told = stranger.options(address, headers={"Origin": "https://example.org"})
    assert (told.status_code, told.content, set(told.headers["allow"].split(", "))) == (204, b"", allowed)
    assert not [name for name in told.headers if name.startswith("access-control-")]
    with world.client("admin") as admin:
        head = admin.head(address)
        assert head.content == b""
        if "GET" not in methods:
            assert head.status_code == 405
            return
        get = admin.get(address)
        assert head.status_code == get.status_code
        assert {*head.headers, "content-length"} == {*get.headers, "content-length"}


def known(method, path):
    """Whether the route answers it."""
    return method == "OPTIONS" or ("GET" if method == "HEAD" else method, path) in ROUTES


@pytest.mark.parametrize("path", PATHS)
def test_a_method_that_a_route_has_not_is_405_with_those_that_it_has(world, things, path):
    """Also where the address could be what a parameter of another route stands for, as `pause` an id."""
    allowed = {method for method in METHODS if known(method, path)}
    with world.client("admin") as admin:
        for method in {*METHODS} - allowed:
            response = admin.request(method, things.address(path), headers=JSON, content=b"{}")
            assert (response.status_code, {*response.headers["allow"].split(", ")}) == (405, allowed), method
            assert method == "HEAD" or response.json()["type"] == "/problems/method-not-allowed"


def test_only_an_address_without_parameters_is_also_one_of_another_route():
    """Which methods such an address has is told by itself alone; of others that would have to be thought out."""
    for path, other in itertools.permutations(PATHS, 2):
        example = re.sub(r"\{\w+\}", "x", path)
        shared = re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", other), example)
        assert shared is None or "{" not in path, (path, other)


@pytest.mark.parametrize(("method", "path"), sorted(one for one in ROUTES if "{" in one[1]))
def test_what_does_not_exist_is_not_found_and_what_is_closed_says_nothing_of_it(world, things, method, path):
    nowhere = (
        Things("nope", "nope", version="v404")
        .address(path)
        .replace("gadm-viirs-1", "nope")
        .replace("not-found", "nope")
    )
    headers = {**JSON, "If-Match": "*"}
    reasoned = path.endswith(("/stop", "/pause", "/resume"))
    body = b"{}" if method != "POST" else b'{"reason": "x"}' if reasoned else b""
    with world.client("operate") as client:
        assert client.request(method, nowhere, headers=headers, content=body).status_code == 404
    if not is_public(ROUTES[method, path]):
        with world.client() as stranger:
            answers = {
                stranger.request(method, one, headers=headers).status_code for one in (nowhere, things.address(path))
            }
        assert answers == {401}


def test_every_list_is_in_the_tables_of_this_walk():
    paged = {
        path
        for path, methods in CONTRACT["paths"].items()
        for operation in [methods.get("get", {})]
        if any(parameter.get("name") in {"cursor", "after"} for parameter in operation.get("parameters", ()))
    }
    assert paged == {*LISTS, *NUMBERED}
    assert {path for path in PATHS if ("GET", path) in ROUTES and "items" in members(path)} == paged
    assert {path for method, path in ROUTES if method in {"PATCH", "PUT", "DELETE"}} == set(MUTABLE)


def members(path):
    """The members of what a GET answers."""
    content = CONTRACT["paths"][path]["get"]["responses"]["200"].get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = CONTRACT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema.get("properties", {})


def check_changed_cursors(world, things, count):
    """Ask every list for pages of so many changed cursors: each is refused, and nothing breaks."""
    rng, cursors = random.Random(5), {}
    with world.client("admin") as admin:
        for path in itertools.islice(itertools.cycle(LISTS), count):
            if path not in cursors:
                cursors[path] = admin.get(things.address(path) + "?limit=1").json()["next"]
            answer = admin.get(things.address(path), params={"cursor": mutate(cursors[path], rng)})
            assert answer.status_code in {400, 422}, (path, answer.text)


def test_no_list_accepts_a_changed_cursor(world, things):
    check_changed_cursors(world, things, 280)


@pytest.mark.soak
def test_no_list_accepts_any_of_10000_changed_cursors(world, things):
    check_changed_cursors(world, things, 10_000)


@pytest.mark.parametrize("path", LISTS)
def test_every_list_pages_by_a_cursor_that_is_its_own(world, things, path):
    with world.client("admin") as admin:
        whole = admin.get(things.address(path) + "?limit=200").json()
        seen, address = [], things.address(path) + "?limit=1"
        while address:
            response = admin.get(address)
            page = response.json()
            assert len(page["items"]) == 1
            seen += page["items"]
            link = response.headers.get("link")
            assert (link is None) is (page["next"] is None)
            address = link and link.removeprefix("<").removesuffix('>; rel="next"')
        assert seen == whole["items"]
        assert len(seen) >= 3
        cursor = admin.get(things.address(path) + "?limit=1").json()["next"]
        for other in {*LISTS} - {path}:
            refused = admin.get(things.address(other), params={"cursor": cursor})
            assert (refused.status_code, refused.json()["type"]) == (400, "/problems/invalid-cursor")


@pytest.mark.parametrize("path", MUTABLE)
@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 428),
        ("", 400),
        ("x", 400),
        ('W/"5"', 400),
        ('"0"', 412),
        ("current", 200),
        ('"0", current', 200),
        ("*", 200),
    ],
)
def test_every_mutable_resource_passes_the_etag_table(operator, things, path, header, status):
    address = things.address(path)
    before = operator.get(address)
    tag = before.headers["etag"]
    headers = JSON if header is None else {**JSON, "If-Match": header.replace("current", tag)}
    response = operator.patch(address, content=json.dumps({"sync": not before.json()["sync"]}), headers=headers)
    assert response.status_code == status
    after = operator.get(address)
    assert after.headers["etag"] == response.headers.get("etag", tag)
    assert (after.headers["etag"] != tag) is (status == 200)
    if status == 200:
        stale = operator.patch(address, content=b'{"sync": true}', headers={**JSON, "If-Match": tag})
        assert stale.status_code == 412


# What a POST that makes something is sent, and another request for which the same key is no good.
SET_LATEST = {"command": "set_latest", "parameters": {"analysis_version": "v7"}}
MAKING = {
    "/commands": (json.dumps(COMMANDS["sync"]).encode(), "/commands", SET_LATEST),
    "/executions/{execution_id}/retry": (b"", "/commands", SET_LATEST),
    "/sync-configs/{config_id}/run": (b"", "/commands", SET_LATEST),
    "/backfills": (json.dumps(BACKFILL).encode(), "/backfills", {**BACKFILL, "at_once": 2}),
}
# Doing these twice is doing them once, by what they do.
BY_NATURE = {
    "/backfills/{backfill_id}/pause",
    "/backfills/{backfill_id}/resume",
    "/backfills/{backfill_id}/stop",
    "/executions/{execution_id}/stop",
    "/sync-configs/pause",
    "/sync-configs/resume",
}


def test_every_post_is_in_the_idempotency_table():
    assert {path for method, path in ROUTES if method == "POST"} == {*MAKING, *BY_NATURE}
    with_key = {
        path
        for path, methods in CONTRACT["paths"].items()
        for parameter in methods.get("post", {}).get("parameters", ())
        if parameter.get("name") == "Idempotency-Key"
    }
    assert with_key == set(MAKING)


def end(world, operator, path, made):
    """End what was made: by failing, or a backfill by being stopped."""
    if path == "/backfills":
        assert operator.post(f"/backfills/{made}/stop", json={"reason": "x"}).status_code == 200
        return "stopped"
    world.runs.finish(made, ExecutionStatus.FAILED)
    return "failed"


@pytest.mark.parametrize("path", sorted(MAKING))
def test_every_post_that_makes_something_passes_the_idempotency_table(world, operator, things, path, monkeypatch):
    content, elsewhere, other_body = MAKING[path]
    kept = "/backfills" if path == "/backfills" else "/executions"

    def ask(key, client=operator):
        return client.post(things.address(path), content=content, headers={**JSON, "Idempotency-Key": key})

    def count():
        return len(operator.get(f"{kept}?limit=200").json()["items"])

    before = count()
    for malformed in ("", '""', "a b", '"a', "x" * 256):
        assert ask(malformed).status_code == 400
    assert count() == before
    first = ask("k")
    made, status = first.json()["id"], first.status_code
    assert (status, first.headers["location"]) == (201 if kept == "/backfills" else 202, f"{kept}/{made}")
    for again in (ask("k"), ask('"k"')):
        assert (again.status_code, again.json()["id"]) == (status, made)
        assert again.headers["idempotency-replayed"] == "true"
    other = operator.post(elsewhere, json=other_body, headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert count() == before + 1
    how = end(world, operator, path, made)
    ended = ask("k")
    assert (ended.json()["id"], ended.json()["status"]) == (made, how)
    with world.client("admin") as admin:
        assert ask("k", admin).json().get("id") != made
    monkeypatch.setattr(type(world.services.clock), "now", lambda _: START + KEYS_LAST + timedelta(hours=1))
    assert ask("k").json().get("id") != made


def test_what_is_idempotent_by_nature_does_nothing_the_second_time(world, operator, things):
    body = {"sync_type": "viirs", "reason": "x"}
    for path in ("/sync-configs/pause", "/sync-configs/resume"):
        assert operator.post(path, json=body).json()["changed"]
        assert operator.post(path, json=body).json()["changed"] == []
    for action in ("resume", "pause", "stop"):
        address = things.address("/backfills/{backfill_id}") + f"/{action}"
        first, again = (operator.post(address, json={"reason": "x"}) for _ in range(2))
        assert (first.status_code, first.json()) == (again.status_code, again.json())
    running = operator.post("/commands", json=COMMANDS["sync"]).json()["id"]
    assert operator.post(f"/executions/{running}/stop", json={"reason": "x"}).status_code == 202
    assert operator.post(f"/executions/{running}/stop", json={"reason": "x"}).status_code == 409
