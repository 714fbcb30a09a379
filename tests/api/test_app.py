import json
import subprocess
import sys
from dataclasses import replace

import pytest

from api.app import build, create_app
from api.auth import is_public, scope_of
from api.problem_types import BY_NAME
from api.routes import ROUTERS
from datapump.errors import InternalError
from datapump.keys import Scope

ROUTES = [
    (method, route.path, route.endpoint)
    for router in ROUTERS
    for route in router.routes
    for method in sorted(route.methods)
]
CLOSED = [(method, path) for method, path, endpoint in ROUTES if not is_public(endpoint)]
HEAVY = "numpy shapely pyogrio pyarrow duckdb geopandas rasterio obstore pandas"


def address(path):
    return path.replace("{execution_id}", "x").replace("{config_id}", "x").replace("{name}", "not-found")


def assert_problem(response, status, name):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == f"/problems/{name}"
    assert problem["status"] == status == BY_NAME[name].status
    assert problem["title"] == BY_NAME[name].title
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


def test_the_routes_are_those_of_the_contract():
    paths = build().openapi()["paths"]
    assert {(method, path) for method, path, _ in ROUTES} == {
        (method.upper(), path) for path, methods in paths.items() for method in methods
    }


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_every_route_is_closed_to_those_without_a_key(nobody, method, path):
    response = nobody.request(method, address(path), headers={"Content-Type": "text/plain"}, content=b"{")
    assert_problem(response, 401, "unauthorized")
    assert response.headers["www-authenticate"] == 'Bearer realm="datapump"'


def test_only_health_and_the_documentation_are_public():
    assert {path for _, path, endpoint in ROUTES if is_public(endpoint)} == {
        "/health",
        "/openapi.json",
        "/problems/{name}",
    }


def test_looking_asks_for_read_and_changing_for_operate():
    for method, path, endpoint in ROUTES:
        if path == "/audit":
            assert scope_of(endpoint) is Scope.ADMIN
        elif (method, path) in CLOSED:
            assert scope_of(endpoint) is (Scope.READ if method == "GET" else Scope.OPERATE)


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path in CLOSED if method != "GET"])
def test_a_key_that_may_only_read_changes_nothing(reader, method, path):
    problem = assert_problem(reader.request(method, address(path)), 403, "forbidden")
    assert "scope operate" in problem["detail"]


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in ROUTES])
def test_unknown_query_parameters_are_refused_everywhere(world, method, path):
    response = world.client("admin").request(
        method, address(path) + "?nonsense=1", headers={"Content-Type": "application/json"}, content=b"{}"
    )
    problem = assert_problem(response, 422, "invalid-parameter")
    assert ("nonsense", "query") in [(one["parameter"], one["in"]) for one in problem["errors"]]


@pytest.mark.parametrize("path", ["/", "/nothing", "/executions/", "/docs", "/redoc", "/executions/a/b", "//"])
def test_an_unknown_address_is_a_problem(operator, path):
    problem = assert_problem(operator.get(path), 404, "not-found")
    assert problem["instance"].startswith("/")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/executions", "GET, HEAD, OPTIONS"),
        ("GET", "/commands", "POST, OPTIONS"),
        ("HEAD", "/commands", "POST, OPTIONS"),
        ("PUT", "/sync-configs/x", "GET, HEAD, PATCH, OPTIONS"),
        ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("TRACE", "/executions", "GET, HEAD, OPTIONS"),
    ],
)
def test_an_unknown_method_is_told_the_known_ones(operator, method, path, allow):
    response = operator.request(method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == allow
    if method != "HEAD":
        assert_problem(response, 405, "method-not-allowed")


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/commands", "POST, OPTIONS"),
        ("/executions/x/stop", "POST, OPTIONS"),
        ("/sync-configs/x", "GET, HEAD, PATCH, OPTIONS"),
        ("/sync-configs/pause", "POST, OPTIONS"),
        ("/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_tells_the_methods_to_everybody_and_opens_nothing_to_other_origins(nobody, path, allow):
    preflight = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    response = nobody.options(path, headers=preflight)
    assert (response.status_code, response.content, response.headers["allow"]) == (204, b"", allow)
    assert response.headers["x-request-id"]
    assert not [name for name in response.headers if name.startswith("access-control-")]


def test_options_of_an_unknown_address_is_not_found(nobody):
    assert_problem(nobody.options("/nothing"), 404, "not-found")


def test_the_path_in_a_problem_is_a_uri(operator):
    problem = assert_problem(operator.get("/executions/%C3%A9%20%22%0A%FF"), 404, "not-found")
    assert problem["instance"] == "/executions/%C3%A9%20%22%0A%EF%BF%BD"


@pytest.mark.parametrize("path", ["/executions", "/sync-configs", "/health", "/openapi.json", "/problems/not-found"])
def test_head_is_get_without_the_body(operator, path):
    got, head = operator.get(path), operator.head(path)
    assert head.status_code == got.status_code == 200
    assert head.content == b""
    for name in ("content-type", "content-length", "cache-control"):
        assert head.headers[name] == got.headers[name]


def test_a_request_id_is_given_back_if_it_is_safe(nobody):
    assert nobody.get("/health", headers={"X-Request-Id": "trace-7.b_2"}).headers["x-request-id"] == "trace-7.b_2"


@pytest.mark.parametrize("given", ["", "a b", "a\tb", "x" * 129, "é".encode("latin-1"), "<script>"])
def test_an_unsafe_request_id_is_replaced(nobody, given):
    assert len(nobody.get("/health", headers={"X-Request-Id": given}).headers["x-request-id"]) == 32


@pytest.mark.parametrize("path", ["/health", "/executions", "/nothing"])
def test_every_answer_has_the_headers_that_protect_it(operator, path):
    headers = operator.get(path, headers={"Origin": "https://example.org"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert not [name for name in headers if name.startswith("access-control-")]


def test_an_unforeseen_error_is_logged_with_its_cause_and_shows_none_of_it(world, operator, caplog, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(world.runs, "list_executions", fail)
    response = operator.get("/executions", headers={"X-Request-Id": "trace-1"})
    problem = assert_problem(response, 500, "internal-error")
    assert problem["request_id"] == "trace-1"
    assert "swordfish" not in response.text
    (record,) = caplog.records
    assert "trace-1" in record.message
    assert record.exc_info[1].args == ("the password is swordfish",)


def test_an_impossible_state_shows_none_of_its_cause(world, operator, monkeypatch):
    def fail(*args, **kwargs):
        raise InternalError("row 7 of swordfish")

    monkeypatch.setattr(world.runs, "list_executions", fail)
    response = operator.get("/executions")
    assert_problem(response, 500, "internal-error")
    assert "swordfish" not in response.text


def test_an_endpoint_that_declares_no_scope_is_open_to_nobody(world):
    app = create_app(world.services)
    app.add_api_route("/forgotten", lambda: "secret")
    with replace(world, app=app).client("admin") as admin:
        problem = assert_problem(admin.get("/forgotten"), 403, "forbidden")
    assert "declares no scope" in problem["detail"]


def test_a_store_that_fails_is_a_problem_to_retry(world, operator):
    path = world.runs._database.path
    world.runs._database.close()
    path.unlink()
    path.mkdir()
    response = operator.get("/executions")
    assert_problem(response, 503, "store-unavailable")
    assert path.name not in response.text


def test_importing_the_api_imports_no_geospatial_code():
    code = f"import json, sys, api.app; print(json.dumps([m for m in {HEAVY.split()} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == []
