"""The Data API's client: what its answers mean, and what is done about those that break its contract."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from datapump.clients.data_api import DataApi
from datapump.errors import RemoteBusyError, RemoteInvalidError, RemoteRefusedError, RemoteUnavailableError

VERSION = {"status": "saved", "is_latest": False}
ASSET = {"asset_id": "a", "asset_type": "Database table", "status": "saved", "updated_on": "2026-01-01T00:00:00"}


class Answers:
    """A server that gives one answer to everything, and remembers what it was asked."""

    def __init__(self):
        self.answer = (200, {}, b"{}")
        self.by_path = {}
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self):
                length = int(self.headers.get("Content-Length") or 0)
                outer.asked.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
                status, headers, body = outer.by_path.get(self.path, outer.answer)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self._any
                raise AttributeError(name)

            def log_message(self, *_):
                """Keep quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})

    def give(self, document=None, status=200, *, body=None, path=None, **headers):
        """Answer everything, or only what is asked of a path, so from now on."""
        answer = (status, headers, json.dumps(document).encode() if body is None else body)
        if path is None:
            self.answer = answer
            self.by_path = {}
        else:
            self.by_path[path] = answer


@pytest.fixture(scope="module")
def server():
    answers = Answers()
    answers.thread.start()
    yield answers
    answers.http.shutdown()
    answers.thread.join()
    answers.http.server_close()


@pytest.fixture
def api(server):
    server.asked.clear()
    client = DataApi(server.url + "/", SecretStr("secret"), 5)
    yield client
    client.close()


def test_only_writes_carry_the_token(api, server):
    server.give({"data": VERSION})
    api.version("gadm", "v1")
    api.append("gadm", "v1", ["s3://b/k.csv"])
    (_, read_path, read, _), (method, path, write, body) = server.asked
    assert (read_path, "Authorization" in read) == ("/dataset/gadm/v1", False)
    assert (method, path, write["Authorization"]) == ("POST", "/dataset/gadm/v1/append", "Bearer secret")
    assert json.loads(body) == {"source_uri": ["s3://b/k.csv"]}


def test_what_is_not_there_is_none(api, server):
    server.give({"status": "failed", "message": "no"}, 404)
    assert (api.dataset("gadm"), api.version("gadm", "v1"), api.latest("gadm")) == (None, None, None)


def test_the_latest_version_is_read_off_the_redirect(api, server):
    server.give({"data": VERSION | {"is_latest": True}})
    server.give(path="/dataset/gadm/latest", status=307, body=b"", Location="/data-api/dataset/gadm/v4.1")
    assert api.latest("gadm") == "v4.1"
    server.give(status=307, body=b"")
    with pytest.raises(RemoteInvalidError, match="nowhere"):
        api.latest("gadm")


@pytest.mark.parametrize("gone", [False, True])
def test_a_latest_version_that_the_service_remembers_wrongly_is_not_believed(api, server, gone):
    server.give({"status": "failed", "message": "no"}, 404)
    server.give(path="/dataset/gadm/latest", status=307, body=b"", Location="/dataset/gadm/v20260109")
    server.give({"data": {"versions": ["v20260109", "v20260110", "v20260111"]}}, path="/dataset/gadm")
    if not gone:
        server.give({"data": VERSION}, path="/dataset/gadm/v20260109")
    server.give({"data": VERSION | {"is_latest": True}}, path="/dataset/gadm/v20260110")
    server.give({"data": VERSION}, path="/dataset/gadm/v20260111")
    assert api.latest("gadm") == "v20260110"
    server.give({"data": VERSION}, path="/dataset/gadm/v20260110")
    assert api.latest("gadm") is None


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RemoteRefusedError),
        (401, RemoteRefusedError),
        (404, RemoteRefusedError),
        (405, RemoteRefusedError),
        (409, RemoteRefusedError),
        (422, RemoteRefusedError),
        (302, RemoteRefusedError),
        (408, RemoteUnavailableError),
        (425, RemoteUnavailableError),
        (429, RemoteBusyError),
        (500, RemoteUnavailableError),
        (503, RemoteUnavailableError),
        (524, RemoteUnavailableError),
    ],
)
def test_a_status_is_a_clear_no_or_worth_a_retry(api, server, status, error):
    server.give({"status": "failed", "message": "the reason"}, status)
    with pytest.raises(error) as caught:
        api.delete_version("gadm", "v1")
    assert type(caught.value) is error
    assert caught.value.status == status
    assert caught.value.message == f"the Data API answered DELETE /dataset/gadm/v1 with {status}: the reason"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            b'{"message": [{"loc": ["body", "a", 0], "msg": "too short"}, {"loc": [], "msg": "x"}]}',
            "body.a.0 too short;  x",
        ),
        (b'{"detail": "Method Not Allowed"}', "Method Not Allowed"),
        (b"Internal Server Error", "no reason given"),
        (b"[]", "no reason given"),
        (b'{"message": "' + b"x" * 9000 + b'"}', "x" * 500),
    ],
    ids=["faults", "framework", "plain text", "list", "long"],
)
def test_the_reason_is_told_in_one_line(api, server, body, reason):
    server.give(status=500, body=body)
    with pytest.raises(RemoteUnavailableError) as caught:
        api.datasets()
    assert caught.value.message == f"the Data API answered GET /datasets with 500: {reason}"


@pytest.mark.parametrize(
    ("ask", "document", "told"),
    [
        ("version", {"data": {"version": "v1"}}, "GET /dataset/gadm/v1 without status, is_latest"),
        ("version", {"data": []}, "something that is no object"),
        ("version", [], "something else than its JSON envelope"),
        ("assets", {"data": [{"asset_id": "a"}]}, "without asset_type, status, updated_on"),
        ("assets", {"data": ["a"]}, "something that is no list"),
        ("assets", {"data": {}}, "something that is no list"),
    ],
)
def test_an_answer_that_breaks_the_contract_is_told(api, server, ask, document, told):
    server.give(document)
    with pytest.raises(RemoteInvalidError) as caught:
        getattr(api, ask)("gadm", "v1")
    assert told in caught.value.message


def test_a_web_page_is_told(api, server):
    server.give(body=b"<html>log in first</html>")
    with pytest.raises(RemoteInvalidError, match="is the address right, is a proxy in between"):
        api.datasets()


def test_nobody_there_is_no_answer():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        api = DataApi(f"http://127.0.0.1:{held.getsockname()[1]}", None, 5)
        with pytest.raises(RemoteUnavailableError, match="did not answer GET /datasets: ConnectError"):
            api.datasets()
        api.close()


def test_the_table_is_told_from_other_assets(api, server):
    tiles = ASSET | {"asset_id": "t", "asset_type": "Dynamic vector tile cache"}
    server.give({"data": [tiles, ASSET | {"asset_type": "Geo database table"}]})
    assert api.table_asset("gadm", "v1")["asset_id"] == "a"
    server.give({"data": [tiles]})
    assert api.table_asset("gadm", "v1") is None
    assert api.sources("gadm", "v1") is None


def test_the_reason_of_a_failure_is_the_last_one_in_the_change_log(api, server):
    log = [{"status": "failed", "message": "first"}, {"status": "failed", "message": "last"}, {"status": "success"}]
    server.give({"data": log})
    assert api.reason(ASSET) == "last"
    server.give({"data": []})
    assert api.reason(ASSET) == "its change log gives no reason"
    server.give({"message": "away"}, 500)
    assert api.reason(ASSET).startswith("its change log cannot be read (the Data API answered GET /asset/a/change_log")
    assert api.reason(None) == "it gives no reason"
