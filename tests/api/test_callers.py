"""What a caller may do: how often, and how it is remembered."""

import logging

import pytest

from api.examples import COMMANDS
from datapump.errors import StorageError
from datapump.rate_limits import RateLimiter
from tests.support.clock import FakeClock


@pytest.fixture
def limited(world):
    """A clock by which a caller may ask twice in ten seconds."""
    clock = FakeClock()
    object.__setattr__(world.services, "limiter", RateLimiter(clock, quota=2, window_s=10))
    return clock


def audited(world, query=""):
    with world.client("admin") as admin:
        response = admin.get(f"/audit{query}")
    assert response.status_code == 200, response.text
    return response.json()


def test_every_answer_tells_what_is_left(limited, reader):
    first = reader.get("/executions")
    assert first.headers["ratelimit-policy"] == '"caller";q=2;w=10'
    assert first.headers["ratelimit"] == '"caller";r=1;t=5'
    assert reader.get("/executions/nope").headers["ratelimit"] == '"caller";r=0;t=10'


def test_who_asks_too_often_is_told_when_to_come_back_and_nothing_is_done(world, limited, operator):
    for _ in range(2):
        operator.get("/executions")
    refused = operator.post("/commands", json=COMMANDS["sync"])
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/rate-limited")
    assert refused.headers["retry-after"] == "5"
    assert refused.headers["ratelimit"] == '"caller";r=0;t=10'
    assert world.runs.list_executions().items == []
    limited.advance(5)
    assert operator.post("/commands", json=COMMANDS["sync"]).status_code == 202


def test_one_callers_haste_is_not_anothers(limited, operator, reader):
    for _ in range(3):
        last = operator.get("/executions")
    assert last.status_code == 429
    assert reader.get("/executions").status_code == 200


def test_what_asks_for_no_key_has_no_limit(limited, operator):
    for _ in range(5):
        response = operator.get("/health")
        assert response.status_code == 200
        assert "ratelimit" not in response.headers


def test_every_change_that_is_asked_for_is_audited_with_caller_and_scope(world, operator, reader):
    made = operator.post("/commands", json=COMMANDS["sync"], headers={"X-Request-Id": "trace-1"}).json()["id"]
    reader.post(f"/executions/{made}/stop?x=secret", json={"reason": "x"})
    operator.get("/executions")
    refused, accepted = audited(world)["items"]
    assert accepted == {
        "at": accepted["at"],
        "request_id": "trace-1",
        "caller": "operate",
        "key_id": accepted["key_id"],
        "scope": "operate",
        "method": "POST",
        "path": "/commands",
        "status": 202,
    }
    assert (refused["caller"], refused["scope"], refused["status"]) == ("read", "read", 403)
    assert refused["path"] == f"/executions/{made}/stop"


def test_the_audit_comes_in_pages_by_caller(world, operator, reader):
    for _ in range(5):
        operator.post("/commands", json=COMMANDS["sync"])
        reader.post("/commands", json=COMMANDS["sync"])
    seen, query = [], "?caller=read&limit=2"
    while query:
        page = audited(world, query)
        seen += [item["caller"] for item in page["items"]]
        query = page["next"] and f"?caller=read&limit=2&cursor={page['next']}"
    assert seen == ["read"] * 5


def test_only_an_admin_reads_the_audit(operator, nobody):
    assert operator.get("/audit").status_code == 403
    assert nobody.get("/audit").status_code == 401


def test_a_deployment_without_an_audit_store_says_so(world):
    object.__setattr__(world.services, "audit", None)
    with world.client("admin") as admin:
        assert admin.get("/audit").status_code == 501


def test_strangers_and_those_in_haste_are_logged_but_fill_no_store(world, limited, nobody, operator, caplog):
    caplog.set_level(logging.INFO, "datapump.audit")
    nobody.post("/commands", json={})
    assert "nobody, who may nothing, asked for POST /commands: 401" in caplog.text
    for _ in range(4):
        operator.post("/commands", json={})
    assert [item["status"] for item in audited(world)["items"]] == [422, 422]


def test_an_audit_that_cannot_be_written_does_not_hide_what_has_happened(world, operator, monkeypatch, caplog):
    def fail(record):
        raise StorageError("disk full")

    monkeypatch.setattr(world.services.audit, "add", fail)
    assert operator.post("/commands", json=COMMANDS["sync"]).status_code == 202
    assert "could not be stored in the audit: disk full" in caplog.text


def test_a_key_in_a_path_or_query_is_in_no_record(world, operator):
    operator.post("/nothing?key=dp_operate-secret", json={})
    operator.post("/commands?key=dp_operate-secret", json={})
    assert "dp_operate-secret" not in str(audited(world))
