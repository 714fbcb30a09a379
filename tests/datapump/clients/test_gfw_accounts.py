"""GFW tokens, checked by a ResourceWatch API on this machine: over real connections, from the API's own side too."""

import json
import logging
import socket

import pytest
from pydantic import SecretStr

from datapump.clients.gfw_accounts import MOST_BYTES, GfwAccounts
from datapump.errors import InvalidInputError, RemoteInvalidError, RemoteUnavailableError
from tests.support.live import serving

TOKEN = "eyJh.eyJzdWIi.c2lnbmF0dXJl"


class ResourceWatch:
    """Answers `GET /auth/check-logged` by what is set for a token; remembers what it was asked."""

    def __init__(self):
        self.users = {}
        self.answer = None
        self.asked = []

    def add(self, role="ADMIN", token=TOKEN, **user):
        self.users[token] = {"id": "5f1a", "role": role, "extraUserData": {"apps": ["gfw", "rw"]}, **user}

    async def __call__(self, scope, _receive, send):
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append((scope["path"], headers))
        user = self.users.get(headers.get("authorization", "").removeprefix("Bearer "))
        status, body, *extra = self.answer or ((401, b"{}") if user is None else (200, json.dumps(user).encode()))
        await send({"type": "http.response.start", "status": status, "headers": extra[0] if extra else []})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def service():
    return ResourceWatch()


@pytest.fixture
def url(service):
    with serving(service) as address:
        yield address


@pytest.fixture
def accounts(url, clock):
    return GfwAccounts(url, clock, timeout_s=5, api_key=SecretStr("gateway"))


@pytest.mark.parametrize(
    ("role", "scope"),
    [("ADMIN", "admin"), ("MANAGER", "operate"), ("USER", "read"), ("ROBOT", None), (None, None), ("admin", None)],
)
def test_a_role_is_a_scope_and_an_unknown_one_is_none(service, accounts, role, scope):
    service.add(role)
    key = accounts.find(TOKEN)
    assert (key and key.scope) == scope
    assert key is None or key.caller == "gfw:5f1a"
    path, headers = service.asked[0]
    assert (path, headers["authorization"], headers["x-api-key"]) == (
        "/auth/check-logged",
        f"Bearer {TOKEN}",
        "gateway",
    )


@pytest.mark.parametrize(
    ("extra", "known"), [({"apps": ["gfw"]}, True), ({"apps": ["rw"]}, False), ({"apps": "gfw"}, False), (None, True)]
)
def test_a_user_of_another_application_is_nobody_here(service, accounts, extra, known):
    service.add(extraUserData=extra)
    assert (accounts.find(TOKEN) is not None) is known


def test_an_answer_holds_for_a_minute_a_refusal_for_ten_seconds(service, accounts, clock):
    assert [accounts.find(TOKEN) for _ in range(3)] == [None] * 3
    assert len(service.asked) == 1
    service.add("USER")
    clock.advance(11)
    assert accounts.find(TOKEN).scope == "read"
    service.users.clear()
    clock.advance(59)
    assert accounts.find(TOKEN).scope == "read"
    clock.advance(2)
    assert accounts.find(TOKEN) is None
    assert len(service.asked) == 3


@pytest.mark.parametrize("token", ["x", "a.b", "a.b.c.d", "a b.c.d", "", "a.b." + "c" * 9000, "a.b.c\nX: y"])
def test_what_is_no_token_is_asked_nobody_about(service, accounts, token):
    assert accounts.find(token) is None
    assert service.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"role": "ADMIN"}'),
        (200, b'{"id": "../x y", "role": "ADMIN"}'),
        (200, b'{"id": 7, "role": "ADMIN"}'),
        (200, b" " * (MOST_BYTES + 1)),
    ],
)
def test_an_answer_that_breaks_the_contract_lets_nobody_in(service, accounts, answer):
    service.answer = answer
    with pytest.raises(RemoteInvalidError):
        accounts.find(TOKEN)


@pytest.mark.parametrize("status", [302, 429, 500, 503])
def test_where_it_is_down_nobody_is_let_in_and_it_is_spared_for_some_seconds(service, accounts, clock, status):
    service.add()
    service.answer = (status, b"", [(b"location", b"http://127.0.0.1:1/")])
    for _ in range(3):
        with pytest.raises(RemoteUnavailableError, match=str(status)):
            accounts.find(TOKEN)
    assert len(service.asked) == 1
    service.answer = None
    clock.advance(6)
    assert accounts.find(TOKEN).scope == "admin"


def test_a_known_token_passes_while_it_is_down(service, accounts, clock):
    service.add()
    accounts.find(TOKEN)
    service.answer = (500, b"")
    with pytest.raises(RemoteUnavailableError):
        accounts.find(TOKEN + "x")
    assert accounts.find(TOKEN).scope == "admin"


def test_one_that_never_answers_is_given_up(clock):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        accounts = GfwAccounts(f"http://127.0.0.1:{silent.getsockname()[1]}", clock, timeout_s=0.1)
        with pytest.raises(RemoteUnavailableError, match="did not answer") as caught:
            accounts.find(TOKEN)
    assert TOKEN not in str(caught.value)


def test_tokens_are_not_sent_in_the_clear(clock):
    with pytest.raises(InvalidInputError, match="not https"):
        GfwAccounts("http://api.resourcewatch.org", clock, timeout_s=5)


def test_tokens_are_in_no_log_and_not_kept(service, accounts, caplog):
    caplog.set_level(logging.DEBUG)
    service.add()
    accounts.find(TOKEN)
    assert TOKEN not in caplog.text
    assert TOKEN not in str(vars(accounts))
