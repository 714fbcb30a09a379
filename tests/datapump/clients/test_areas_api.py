"""The Areas API's client against the embedded one over HTTP, and against servers that break its contract."""

from __future__ import annotations

import json
import socket
import threading
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import shapely
from pydantic import SecretStr

from datapump.clients.areas_api import AreasApi
from datapump.errors import (
    InvalidInputError,
    RemoteBusyError,
    RemoteInvalidError,
    RemoteRefusedError,
    RemoteUnavailableError,
)
from tests.support.areas import USER_TOKEN, areas_server, attributes_of

OLD, NEW = "0" * 32, "1" * 32


@pytest.fixture
def server(tmp_path):
    with areas_server(tmp_path) as server:
        yield server


@pytest.fixture
def api(server):
    client = server.client()
    yield client
    client.close()


def squares(count):
    return [shapely.box(number / 10, 0, number / 10 + 0.05, 0.05) for number in range(count)]


def test_all_pages_of_pending_areas_are_read_and_each_area_once(server, api):
    ids = server.add(*squares(230))
    server.store.update(ids[:5], {"status": "saved"})
    assert sorted(area.geostore for area in api.pending_areas()) == sorted(ids[5:])


def test_an_area_without_a_geometry_is_told_so(server, api):
    server.store.add_area(None)
    assert [area.geostore for area in api.pending_areas()] == [None]


def test_no_pending_areas_are_none(api):
    assert list(api.pending_areas()) == []


def test_paging_ends_when_areas_leave_the_list_meanwhile(server, api):
    ids = server.add(*squares(230))
    seen = []
    for area in api.pending_areas():
        if not seen:
            server.store.update(ids[:150], {"status": "saved"})
        seen.append(area.geostore)
    assert len(seen) == len(set(seen)) >= 80


def test_geometries_are_found_by_the_ids_asked_for(server, api):
    ids = server.add(*squares(100))
    found = api.geostores(ids)
    assert {asked: one.id for asked, one in found.items()} == {one: one for one in ids}


def test_ids_that_do_not_exist_are_left_out(server, api):
    (known,) = server.add(*squares(1))
    assert list(api.geostores([OLD, known])) == [known]
    assert api.geostores([OLD, NEW]) == {}
    assert api.geostores([]) == {}


@pytest.mark.parametrize("others", [0, 1, 3])
def test_a_geometry_that_has_another_id_now_is_found_by_the_old_one(server, api, others):
    known = server.add(*squares(others))
    server.store.add_geostore(NEW, attributes_of(None))
    server.store.add_geostore(OLD, {}, current=NEW)
    found = api.geostores([*known, OLD])
    assert (found[OLD].id, sorted(found)) == (NEW, sorted([*known, OLD]))
    both = api.geostores([NEW, OLD, "f" * 32, *known])
    assert (both[OLD].id, both[NEW].id, "f" * 32 in both) == (NEW, NEW, False)


def test_two_geometries_under_other_ids_are_told_apart(server, api):
    for digit in "ab":
        server.store.add_geostore(digit * 32, attributes_of(None))
        server.store.add_geostore(digit.upper() * 32, {}, current=digit * 32)
    found = api.geostores(["B" * 32, "A" * 32])
    assert {asked: one.id for asked, one in found.items()} == {"A" * 32: "a" * 32, "B" * 32: "b" * 32}


def test_more_than_a_hundred_at_once_are_refused(api):
    with pytest.raises(ValueError, match="100"):
        api.geostores([OLD] * 101)
    with pytest.raises(ValueError, match="100"):
        api.update_statuses([OLD] * 101, "saved")


def test_a_status_update_changes_the_areas_of_its_geometries(server, api):
    one, other = server.add(*squares(2))
    assert api.update_statuses([one], "saved") == 1
    assert server.statuses() == {one: "saved", other: "pending"}
    assert [email.geostore for email in server.store.emails()] == [one]
    assert api.update_statuses([OLD], "error") == 0


def test_subscriptions_are_synced_and_a_dry_run_only_counts(server, api):
    server.folder.mkdir()
    feature = {"type": "Feature", "properties": {"name": "farm"}, "geometry": shapely.geometry.mapping(squares(1)[0])}
    (server.folder / "farm.geojson").write_text(json.dumps(feature))
    day = date(2026, 1, 31)
    assert api.sync_subscriptions(day, dry_run=True) == (1, 1, 0, ())
    assert list(api.pending_areas()) == []
    assert api.sync_subscriptions(day) == (1, 1, 0, ())
    assert len(list(api.pending_areas())) == 1
    assert api.sync_subscriptions(day) == (0, 0, 0, ())


def test_who_is_no_admin_is_refused(server):
    for token, reason in ((None, "Unauthorized"), (USER_TOKEN, "Not authorized"), ("wrong", "Unauthorized")):
        client = server.client(token)
        with pytest.raises(RemoteRefusedError, match=f"401: {reason}"):
            client.update_statuses([OLD], "saved")
        client.close()


def test_the_gateways_key_is_sent_where_one_is_set(tmp_path):
    with areas_server(tmp_path, api_key="gate") as server:
        for key, works in ((None, False), (SecretStr("gate"), True)):
            client = server.client(api_key=key)
            if works:
                assert list(client.pending_areas()) == []
            else:
                with pytest.raises(RemoteRefusedError, match="403: Required API key not found"):
                    list(client.pending_areas())
            client.close()


@pytest.mark.parametrize("url", ["http://api.resourcewatch.org", "ftp://127.0.0.1", "http://127.0.0.1.example.org"])
def test_a_token_is_never_sent_in_the_clear(url):
    with pytest.raises(InvalidInputError, match="not https"):
        AreasApi(url, SecretStr("secret"), 5)


class Odd:
    """A server whose answers a test makes up: a function of the request gives (status, body)."""

    def __init__(self, answer):
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                outer.asked.append((self.command, parts.path, parse_qs(parts.query), body))
                status, content = answer(len(outer.asked), parse_qs(parts.query))
                if status == 0:
                    self.close_connection = True
                    return
                text = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self._any
                raise AttributeError(name)

            def log_message(self, *_):
                """Keep quiet."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self._thread.start()
        self.api = AreasApi(f"http://127.0.0.1:{self._http.server_port}", SecretStr("secret"), 5, max_bytes=10_000)
        return self

    def __exit__(self, *_):
        self.api.close()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def area(number):
    return {"type": "area", "id": str(number), "attributes": {"geostore": None, "status": "saved"}}


def test_paging_ends_on_an_empty_page_whatever_is_said_of_the_number_of_pages():
    def answer(count, _):
        return 200, {"data": [area(count)] if count < 4 else [], "meta": {"total-pages": 1000}, "links": {}}

    with Odd(answer) as odd:
        assert [one.id for one in odd.api.pending_areas()] == ["1", "2", "3"]


@pytest.mark.parametrize("meta", [{"total-pages": 10**9}, {}, {"total-pages": "many"}])
def test_paging_ends_on_a_page_that_brings_nothing_new(meta):
    with Odd(lambda *_: (200, {"data": [area(1), area(2)], "meta": meta})) as odd:
        assert len(list(odd.api.pending_areas())) == 2
        assert len(odd.asked) == 2


def test_the_list_is_asked_for_as_an_admin_of_all_areas():
    with Odd(lambda *_: (200, {"data": [], "meta": {"total-pages": 1}})) as odd:
        assert list(odd.api.pending_areas()) == []
        assert odd.asked[0][2] == {
            "status": ["pending"],
            "sort": ["-createdAt"],
            "all": ["true"],
            "page[number]": ["1"],
            "page[size]": ["100"],
        }


def test_a_read_without_an_answer_is_asked_again_and_a_write_is_not():
    with Odd(lambda count, _: (0, b"") if count < 3 else (200, {"data": []})) as odd:
        assert list(odd.api.pending_areas()) == []
        assert len(odd.asked) == 3
    with Odd(lambda *_: (0, b"")) as odd:
        with pytest.raises(RemoteUnavailableError, match="did not answer POST /v2/area/update"):
            odd.api.update_statuses([OLD], "saved")
        assert len(odd.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (200, b"<html>", RemoteInvalidError, "no JSON"),
        (200, {"data": {}}, RemoteInvalidError, "without a list of data"),
        (200, {"data": [{"id": 1}]}, RemoteInvalidError, "without id or attributes"),
        (200, b" " * 10_001, RemoteInvalidError, "more than 10000 bytes"),
        (500, b"Unexpected error", RemoteUnavailableError, "500: no reason given"),
        (504, {"message": "Endpoint request timed out"}, RemoteUnavailableError, "504"),
        (429, {}, RemoteBusyError, "429"),
        (400, {"errors": [{"status": 400, "detail": "bad sort"}]}, RemoteRefusedError, "400: bad sort"),
        (404, {"errors": [{"detail": "Endpoint not found"}]}, RemoteRefusedError, "404: Endpoint not found"),
    ],
)
def test_odd_answers_are_told_in_words_without_the_token(status, body, error, words):
    with Odd(lambda *_: (status, body)) as odd:
        with pytest.raises(error, match=words) as caught:
            list(odd.api.pending_areas())
        assert "secret" not in str(caught.value)


def test_a_geometry_without_attributes_breaks_the_contract():
    unfit = {"data": [{"geostoreId": OLD}]}
    with Odd(lambda *_: (200, unfit)) as odd, pytest.raises(RemoteInvalidError, match="without attributes"):
        odd.api.geostores([OLD])


def test_another_404_than_none_found_is_an_error():
    gone = {"errors": [{"detail": "Endpoint not found"}]}
    with Odd(lambda *_: (404, gone)) as odd, pytest.raises(RemoteRefusedError, match="Endpoint not found"):
        odd.api.geostores([OLD])


def test_nobody_there_is_unavailable():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        client = AreasApi(f"http://127.0.0.1:{held.getsockname()[1]}", None, 5)
        with pytest.raises(RemoteUnavailableError, match="ConnectError"):
            client.sync_subscriptions(date(2026, 1, 1))
        client.close()
