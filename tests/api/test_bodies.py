import asyncio
import json
import logging
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.bodies import MAX_BYTES, check_json
from api.errors import MalformedJsonError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)
HEADERS = {"Content-Type": "application/json"}


@given(JSON)
def test_every_json_text_is_read_as_it_is(value):
    assert check_json(json.dumps(value).encode()) == value
    assert check_json(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")) == value


@given(st.binary())
def test_any_bytes_are_read_or_refused(body):
    with suppress(MalformedJsonError):
        check_json(body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "line 1 column 1"),
        (b'{"a": 1,}', "line 1 column"),
        (b'{"a": 1} x', "Extra data"),
        (b"\xff", "not UTF-8: byte 0"),
        (b'{"a": "\xe9"}', "not UTF-8: byte 7"),
        (b"\xef\xbb\xbf{}", "BOM"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b'{"a": 1, "b": {"a": 1, "a": 1}}', "'a' is in one object twice"),
        (b'{"\\u0061": 1, "a": 1}', "'a' is in one object twice"),
        (b'{"\\ud800": 1, "\\ud800": 1}', "twice"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"[1e999]", "too large"),
        (b"[9223372036854775808]", "64 bits"),
        (b"[-9223372036854775809]", "64 bits"),
        (b"[1" + b"0" * 5000 + b"]", "64 bits"),
        (b"[" * 100_000, "too deeply"),
        (b'{"a":' * 100_000, "too deeply"),
    ],
)
def test_what_readers_do_not_agree_on_is_refused(body, words):
    with pytest.raises(MalformedJsonError) as caught:
        check_json(body)
    assert words in caught.value.message
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/merge-patch+json", "application/json; charset=latin-1", "json", ";", "a/b/c"],
)
def test_a_command_of_another_media_type_is_refused(operator, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = operator.post("/commands", content=b"{}", headers=headers)
    assert response.status_code == 415
    assert response.json()["type"] == "/problems/unsupported-media-type"
    assert response.headers["accept"] == "application/json"


@pytest.mark.parametrize("content_type", ["application/json", "APPLICATION/JSON", 'application/json;charset="UTF-8"'])
def test_json_is_known_however_it_is_written(operator, content_type):
    response = operator.post("/commands", content=b"{}", headers={"Content-Type": content_type})
    assert response.json()["type"] == "/problems/invalid-input"


def test_a_compressed_body_is_refused(operator):
    headers = {**HEADERS, "Content-Encoding": "gzip"}
    assert operator.post("/commands", content=b"{}", headers=headers).status_code == 415


def test_a_body_over_the_limit_is_refused(operator):
    response = operator.post("/commands", content=b" " * (MAX_BYTES + 1), headers=HEADERS)
    assert response.status_code == 413
    assert response.json()["type"] == "/problems/content-too-large"


def upload(app, receive):
    """What the app sends to a POST whose body comes from `receive`."""
    sent = []

    async def send(message):
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"authorization", b"Bearer dp_operate-secret")]
    scope = {"type": "http", "method": "POST", "path": "/commands", "query_string": b"", "headers": headers}
    asyncio.run(app(scope, receive, send))
    return sent


def test_a_body_of_unknown_length_is_read_no_further_than_the_limit(world):
    chunks = []

    async def receive():
        chunks.append(100_000)
        return {"type": "http.request", "body": b" " * 100_000, "more_body": True}

    start, *_ = upload(world.app, receive)
    assert start["status"] == 413
    assert sum(chunks[:-1]) <= MAX_BYTES < sum(chunks)


def test_a_caller_who_leaves_in_the_middle_of_a_body_is_no_failure(world, caplog):
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

    async def receive():
        return next(messages)

    with caplog.at_level(logging.INFO, logger="api"):
        assert upload(world.app, receive) == []
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("INFO", None)]
    assert world.runs.list_executions().items == []


def test_a_body_at_the_limit_is_read(operator):
    body = b'{"command": "set_latest", "parameters": {"analysis_version": "v1"}}'
    response = operator.post("/commands", content=body.ljust(MAX_BYTES), headers=HEADERS)
    assert response.status_code == 202
