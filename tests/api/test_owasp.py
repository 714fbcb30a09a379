"""The OWASP API Security Top 10 (2023), by their names."""

import json
import logging
import re

import pytest

from api.app import build
from api.auth import is_public, scope_of
from api.bodies import MAX_BYTES
from api.examples import COMMANDS
from api.pages import MAX_CURSOR
from api.routes import ROUTERS
from datapump.executions import ExecutionStatus
from datapump.keys import Scope
from datapump.rate_limits import RateLimiter
from tests.support.clock import FakeClock

ROUTES = [
    (method, route.path, route.endpoint) for router in ROUTERS for route in router.routes for method in route.methods
]
PLANTED = "dp_swordfish-swordfish-swordfish"


@pytest.fixture
def execution(operator):
    return operator.post("/commands", json=COMMANDS["sync"], headers={"Idempotency-Key": "mine"}).json()["id"]


def test_api1_broken_object_level_authorization_a_key_of_idempotency_reaches_only_its_callers_execution(
    world, operator, execution
):
    world.add_key("other", Scope.OPERATE)
    with world.client("other") as other:
        theirs = other.post("/commands", json=COMMANDS["sync"], headers={"Idempotency-Key": "mine"}).json()
    assert theirs["id"] != execution


def test_api1_broken_object_level_authorization_existence_is_hidden_from_strangers(nobody, execution):
    known, unknown = nobody.get(f"/executions/{execution}"), nobody.get("/executions/nope")
    assert known.status_code == unknown.status_code == 401
    assert known.json()["detail"] == unknown.json()["detail"]


def test_api2_broken_authentication_only_a_whole_secret_opens_anything(world, nobody):
    secret = "dp_read-secret"
    for text in (secret[:-1], secret + "x", secret.upper(), f"{secret} ", f" {secret}\t", "null", "undefined", "*"):
        header = {"Authorization": f"Bearer {text}"}
        status = nobody.get("/executions", headers=header).status_code
        assert status == (200 if text.strip() == secret else 401)
    assert nobody.get("/executions?access_token=dp_read-secret").status_code == 401
    assert nobody.get("/executions", headers={"Cookie": f"key={secret}"}).status_code == 401


def test_api3_broken_object_property_level_authorization_what_a_caller_may_not_set_is_refused(world, operator):
    config = world.add_config()
    for name in ("id", "revision", "sync_version", "dataset", "updated"):
        body = json.dumps({name: "v9"}).encode()
        headers = {"If-Match": "*", "Content-Type": "application/json"}
        assert operator.patch(f"/sync-configs/{config.id}", content=body, headers=headers).status_code == 422
    for name in ("caller", "id", "status", "created"):
        assert operator.post("/commands", json={**COMMANDS["sync"], name: "x"}).status_code == 422


def test_api3_broken_object_property_level_authorization_inner_properties_are_not_shown(operator, execution):
    shown = operator.get(f"/executions/{execution}").text + operator.get("/executions").text
    for name in ("fingerprint", "idempotency_key", "digest"):
        assert name not in shown


def test_api4_unrestricted_resource_consumption_callers_bodies_pages_and_waits_have_limits(world, operator, execution):
    body = b" " * (MAX_BYTES + 1)
    assert operator.post("/commands", content=body, headers={"Content-Type": "application/json"}).status_code == 413
    for query in ("limit=201", f"cursor={'a' * (MAX_CURSOR + 1)}", "limit=-1"):
        assert operator.get(f"/executions?{query}").status_code == 422
    assert operator.get(f"/executions/{execution}/events?wait=31").status_code == 422
    object.__setattr__(world.services, "limiter", RateLimiter(FakeClock(), quota=1, window_s=60))
    assert [operator.get("/executions").status_code for _ in range(2)] == [200, 429]


def test_api5_broken_function_level_authorization_every_route_declares_a_scope_and_asks_for_it(world):
    ladder = list(Scope)
    for method, path, endpoint in ROUTES:
        if is_public(endpoint):
            continue
        needed = scope_of(endpoint)
        assert needed is not None
        for scope in ladder[: ladder.index(needed)]:
            with world.client(scope.value) as client:
                assert client.request(method, re.sub(r"\{\w+\}", "x", path)).status_code == 403


def test_api6_unrestricted_access_to_sensitive_business_flows_a_repeated_start_is_one_start(world, operator, execution):
    for _ in range(5):
        operator.post("/commands", json=COMMANDS["sync"], headers={"Idempotency-Key": "mine"})
    assert [item.id for item in world.runs.list_executions().items] == [execution]


@pytest.mark.parametrize(
    "address", ["http://169.254.169.254/latest", "file:///etc/passwd", "s3://b/../x", "//x/y", "s3:/x", "gs://b"]
)
def test_api7_server_side_request_forgery_no_address_outside_the_buckets_is_taken(world, operator, address):
    config = world.add_config()
    body = json.dumps({"metadata": {"features_1x1": address}}).encode()
    headers = {"If-Match": "*", "Content-Type": "application/json"}
    assert operator.patch(f"/sync-configs/{config.id}", content=body, headers=headers).status_code == 422


def test_api8_security_misconfiguration_headers_protect_and_other_origins_are_closed_out(operator):
    for response in (
        operator.get("/health", headers={"Origin": "https://example.org"}),
        operator.options("/commands", headers={"Origin": "https://example.org"}),
        operator.get("/docs"),
    ):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert not [name for name in response.headers if name.startswith("access-control-") or name == "server"]
    assert operator.get("/docs").status_code == operator.get("/redoc").status_code == 404


def test_api9_improper_inventory_management_every_route_is_in_the_contract_and_nothing_else_answers(operator):
    paths = build().openapi()["paths"]
    assert {(method.lower(), path) for method, path, _ in ROUTES} == {
        (method, path) for path, methods in paths.items() for method in methods
    }
    for path in ("/v1/executions", "/admin", "/metrics", "/debug", "/internal", "/.env"):
        assert operator.get(path).status_code == 404


def test_api10_unsafe_consumption_of_apis_what_a_remote_system_says_is_shown_as_text_only(world, operator, execution):
    said = "<script>alert(1)</script>\r\nX-Evil: 1"
    world.runs.begin(execution, [], [said], [f"viirs: {said}"])
    world.runs.finish(execution, ExecutionStatus.FAILED)
    for path in (f"/executions/{execution}", f"/executions/{execution}/events", "/executions"):
        response = operator.get(path)
        assert response.headers["content-type"] == "application/json"
        assert "x-evil" not in response.headers
    stream = operator.get(f"/executions/{execution}/events", headers={"Accept": "text/event-stream"})
    assert all(line.startswith(("id: ", "data: {", "retry: ")) for line in stream.text.splitlines() if line)


def test_a_secret_that_is_planted_in_requests_is_in_no_log_problem_event_or_document(world, operator, caplog):
    caplog.set_level(logging.DEBUG)
    secret = world.add_key("planted", Scope.ADMIN)
    told = []
    with world.client() as client:
        for headers in (
            {"Authorization": f"Bearer {PLANTED}"},
            {"Authorization": f"Basic {PLANTED}"},
            {"Authorization": PLANTED},
        ):
            told.append(client.get("/executions", headers=headers).text)
            told.append(client.post("/commands", json=COMMANDS["sync"], headers=headers).text)
        good = {"Authorization": f"Bearer {secret}"}
        made = client.post("/commands", json=COMMANDS["sync"], headers=good)
        told += [made.text, client.get(f"/executions/{made.json()['id']}/events", headers=good).text]
        told += [client.get(path, headers=good).text for path in ("/audit", "/executions", "/freshness", "/catalog")]
    everything = "".join(told) + caplog.text
    assert PLANTED not in everything
    assert secret not in everything
    files = world.runs._database.path.parent.iterdir()
    assert not any(secret.encode() in path.read_bytes() for path in files)
