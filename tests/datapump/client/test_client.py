"""Both clients over real connections: what is repeated, what is never done twice, and following to the end."""

import asyncio
import inspect
import json
import re
import socket
from contextlib import contextmanager

import pytest
from pydantic import SecretStr

from datapump.client import AsyncClient, Client, Patience
from datapump.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    RemoteInvalidError,
    RemoteUnavailableError,
    UnauthorizedError,
    UnsupportedError,
)
from tests.support.live import serving

DROP = object()
COMMAND = b'{"command": "sync", "parameters": {"types": ["viirs"]}}'


class Scripted:
    """An app that gives the answers of a script in turn, the last one for good; remembers what it was asked."""

    def __init__(self, *script):
        self.script = list(script)
        self.asked = []

    async def __call__(self, scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append((scope["method"], scope["path"], headers, body))
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if answer is DROP:
            # the connection ends in the middle of the answer
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"99")]})
            await send({"type": "http.response.body", "body": b"{"})
            return
        status, document, *extra = answer
        more_headers = [(name.encode(), value.encode()) for name, value in (extra[0] if extra else {}).items()]
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        await send({"type": "http.response.start", "status": status, "headers": more_headers})
        await send({"type": "http.response.body", "body": content})


class Asked:
    """A client of either kind, asked from a test that does not await."""

    def __init__(self, kind, url, **options):
        self.waits = []
        self._kind, self._url, self._options = kind, url, options

    def __call__(self, method, *arguments, **options):
        if self._kind is AsyncClient:
            return asyncio.run(self._awaited(method, *arguments, **options))
        return self._waited(method, *arguments, **options)

    def _waited(self, method, *arguments, **options):
        with Client(self._url, SecretStr("dp_x"), sleep=self.waits.append, **self._options) as client:
            answer = getattr(client, method)(*arguments, **options)
            return list(answer) if inspect.isgenerator(answer) else answer

    async def _awaited(self, method, *arguments, **options):
        async def sleep(seconds):
            self.waits.append(seconds)

        async with AsyncClient(self._url, SecretStr("dp_x"), sleep=sleep, **self._options) as client:
            answer = getattr(client, method)(*arguments, **options)
            return [one async for one in answer] if inspect.isasyncgen(answer) else await answer


@pytest.fixture(params=[Client, AsyncClient], ids=["waiting", "awaited"])
def talk(request, caplog):
    """A client of either kind and the app that it asks."""

    @contextmanager
    def talking(*script, **options):
        app = Scripted(*script)
        with serving(app) as url:
            yield Asked(request.param, url, **options), app

    return talking


OK = (200, {"id": "e1"})
BUSY = (503, {"title": "later"}, {"Retry-After": "7"})


def keys(app):
    return [headers.get("idempotency-key") for _, _, headers, _ in app.asked]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("submit", (COMMAND,)),
        ("retry", ("e1",)),
        ("run_config", ("c1",)),
        ("make_backfill", ({"types": ["viirs"]},)),
    ],
)
@pytest.mark.parametrize("trouble", [DROP, BUSY, (502, b"bad gateway")], ids=["drop", "503", "502"])
def test_what_starts_something_is_repeated_with_the_same_key(talk, method, arguments, trouble):
    with talk(trouble, trouble, OK) as (ask, app):
        assert ask(method, *arguments) == {"id": "e1"}
    assert len(app.asked) == 3
    assert len(set(keys(app))) == 1
    assert None not in keys(app)
    assert len({body for *_, body in app.asked}) == 1


def test_two_submissions_have_keys_of_their_own_and_a_given_key_is_kept(talk):
    with talk(OK) as (ask, app):
        for key in (None, None, "mine", 'with "quotes"'):
            ask("submit", COMMAND, key)
    assert len(set(keys(app)[:2])) == 2
    assert keys(app)[2:] == ['"mine"', '"with \\"quotes\\""']


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("stop", ("e1", "why")), ("switch", ("c1",)), ("switch_type", ("viirs",))],
)
def test_what_could_be_done_twice_is_sent_once(talk, method, arguments):
    options = {"stop": {}, "switch": {"sync": True}, "switch_type": {"sync": True, "reason": "x"}}[method]
    with talk(DROP) as (ask, app), pytest.raises(RemoteUnavailableError):
        ask(method, *arguments, **options)
    assert len(app.asked) == 1


def test_beyond_the_rate_limit_everything_is_repeated_after_the_time_that_is_asked_for(talk):
    with talk((429, {"detail": "too often"}, {"Retry-After": "3"}), OK) as (ask, app):
        assert ask("stop", "e1", "why") == {"id": "e1"}
    assert len(app.asked) == 2
    assert ask.waits == [3.0]


def test_waits_double_are_spread_and_are_never_longer_than_the_longest(talk):
    patience = Patience(attempts=6, first_s=1.0, longest_s=6.0)
    with talk((503, {}), patience=patience) as (ask, app), pytest.raises(RemoteUnavailableError):
        ask("execution", "e1")
    assert len(app.asked) == 6
    for number, wait in enumerate(ask.waits):
        assert min(2**number / 2, 6) <= wait <= min(2**number, 6)


def test_where_nobody_listens_a_command_is_tried_again_and_then_told_so(talk):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    ask = Asked(Client, url)
    with pytest.raises(RemoteUnavailableError, match="is the server running"):
        ask("stop", "e1", "why")
    assert len(ask.waits) == 3


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, UnauthorizedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (412, ConflictError),
        (422, InvalidInputError),
        (500, RemoteUnavailableError),
        (501, UnsupportedError),
    ],
)
def test_a_problem_is_the_error_that_the_tree_knows_and_is_not_asked_again(talk, status, error):
    with (
        talk((status, {"type": "/problems/x", "detail": "in words"})) as (ask, app),
        pytest.raises(error, match="in words"),
    ):
        ask("submit", COMMAND)
    assert len(app.asked) == 1


def test_what_is_not_json_is_not_datapump(talk):
    with talk((200, b"<html>")) as (ask, _), pytest.raises(RemoteInvalidError, match="is this datapump"):
        ask("catalog")


def test_an_answer_of_something_else_is_told_with_its_address(talk):
    with talk((404, {"message": "Forbidden"})) as (ask, _), pytest.raises(NotFoundError) as caught:
        ask("catalog")
    assert re.fullmatch(
        r"http://\S+/catalog answered 404, not as datapump does \(Forbidden\): is DATAPUMP_URL right\?",
        str(caught.value),
    )


def test_an_address_that_is_none_is_said_to_be(talk):
    ask = Asked(Client, "localhost:8000")
    with pytest.raises(InvalidInputError, match="'localhost:8000' is no http or https URL: set DATAPUMP_URL"):
        ask("catalog")


def page(*numbers, ended=False, following=None):
    items = [{"seq": number, "message": str(number)} for number in numbers]
    return (200, {"items": items, "next": following, "ended": ended})


def test_following_gives_each_event_once_also_over_an_outage(talk):
    pages = [page(1, 2, following=2), page(3), DROP, BUSY, page(4, 5), page(), page(6, ended=True)]
    with talk(*pages, patience=Patience(attempts=1)) as (ask, _):
        assert [event["seq"] for event in ask("follow", "e1")] == [1, 2, 3, 4, 5, 6]
    assert ask.waits == [1.0, 1.0]


def test_following_a_server_that_stays_away_ends_after_a_minute(talk):
    with talk(BUSY, patience=Patience(attempts=1)) as (ask, _), pytest.raises(RemoteUnavailableError):
        ask("follow", "e1")
    assert len(ask.waits) == 60


def test_waiting_gives_the_execution_as_it_ended(talk):
    with talk(page(1), page(2, ended=True), (200, {"id": "e1", "status": "succeeded"})) as (ask, app):
        assert ask("wait", "e1")["status"] == "succeeded"
    assert [path for _, path, *_ in app.asked] == ["/executions/e1/events"] * 2 + ["/executions/e1"]


def test_both_clients_can_do_the_same():
    def public(kind):
        return {name for name in dir(kind) if not name.startswith("_")}

    assert public(Client) == public(AsyncClient)


def test_the_key_is_in_no_error(talk):
    with talk(DROP) as (ask, _), pytest.raises(RemoteUnavailableError) as caught:
        ask("stop", "e1", "why")
    assert "dp_x" not in str(caught.value)
