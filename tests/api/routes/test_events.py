"""Following an execution over real connections: what happens is seen once, in order, however often one reconnects."""

import json
import threading
from contextlib import contextmanager

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import event_streams
from api.examples import COMMANDS
from datapump.executions import ExecutionStatus, NewEvent
from tests.support.live import serving

STREAM = {"Authorization": "Bearer dp_read-secret", "Accept": "text/event-stream"}


@pytest.fixture
def execution(operator):
    return operator.post("/commands", json=COMMANDS["sync"]).json()["id"]


@pytest.fixture
def address(world):
    object.__setattr__(world.services, "look_s", 0.01)
    with serving(world.app) as address:
        yield address


def note(world, execution, number):
    world.runs.add_event(execution, NewEvent(kind="note", message=f"line one\nline two {number}", data={"n": number}))


@contextmanager
def opened(address, execution, last=None, query=""):
    headers = STREAM if last is None else {**STREAM, "Last-Event-ID": str(last)}
    with httpx.stream(
        "GET", f"{address}/executions/{execution}/events{query}", headers=headers, timeout=20
    ) as response:
        yield response


def read(response):
    """The events of a stream, as (id, event)."""
    number = None
    for line in response.iter_lines():
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("data: "):
            yield number, json.loads(line[6:])


def test_a_stream_gives_what_was_and_what_comes_and_ends_with_the_execution(world, address, execution):
    note(world, execution, 2)
    with opened(address, execution) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        events = read(response)
        assert [next(events)[0] for _ in range(2)] == [1, 2]
        note(world, execution, 3)
        number, event = next(events)
        assert (number, event["seq"], event["data"]) == (3, 3, {"n": 3})
        world.runs.finish(execution, ExecutionStatus.SUCCEEDED)
        assert [event["kind"] for _, event in events] == ["finished"]
    with opened(address, execution, last=4) as response:
        assert response.status_code == 204


def test_nothing_is_missed_or_doubled_across_reconnects_while_events_arrive(world, address, execution):
    def write():
        for number in range(2, 120):
            note(world, execution, number)
        world.runs.finish(execution, ExecutionStatus.SUCCEEDED)

    writer = threading.Thread(target=write)
    writer.start()
    seen, last = [], None
    while True:
        with opened(address, execution, last) as response:
            if response.status_code == 204:
                break
            for count, (number, _) in enumerate(read(response), start=1):
                seen.append(number)
                last = number
                if count == 7:
                    break
    writer.join()
    assert seen == list(range(1, 121))


def test_a_quiet_stream_has_a_heartbeat(world, address, execution, monkeypatch):
    monkeypatch.setattr(event_streams, "HEARTBEAT_S", 0.02)
    with opened(address, execution, last=1) as response:
        assert next(line for line in response.iter_lines() if line.startswith(":")) == ": nothing new"


def test_a_stream_is_cut_after_a_while_for_the_client_to_come_back(world, address, execution, monkeypatch):
    monkeypatch.setattr(event_streams, "LONGEST_STREAM_S", 0.05)
    with opened(address, execution) as response:
        assert [number for number, _ in read(response)] == [1]


def test_the_end_of_the_server_does_not_wait_for_its_streams(world, execution):
    object.__setattr__(world.services, "look_s", 0.01)
    server = serving(world.app)
    address = server.__enter__()
    with opened(address, execution) as response:
        assert next(read(response))[0] == 1
        server.__exit__(None, None, None)


def test_a_long_poll_is_answered_by_the_first_event(world, address, execution):
    def ask():
        answers.append(
            httpx.get(f"{address}/executions/{execution}/events?after=1&wait=30", headers=headers, timeout=40)
        )

    answers, headers = [], {"Authorization": STREAM["Authorization"]}
    asking = threading.Thread(target=ask)
    asking.start()
    note(world, execution, 2)
    asking.join(20)
    assert [event["seq"] for event in answers[0].json()["items"]] == [2]
    assert answers[0].json()["ended"] is False


def test_a_long_poll_ends_at_once_where_nothing_more_will_happen(world, reader, execution):
    world.runs.finish(execution, ExecutionStatus.SUCCEEDED)
    page = reader.get(f"/executions/{execution}/events?after=2&wait=30").json()
    assert page == {"items": [], "next": None, "ended": True}


def test_a_long_poll_ends_without_an_event_when_its_time_is_over(world, reader, execution):
    object.__setattr__(world.services, "look_s", 0.25)
    page = reader.get(f"/executions/{execution}/events?after=1&wait=1").json()
    assert page == {"items": [], "next": None, "ended": False}


def test_a_deployment_that_cannot_stream_answers_with_a_page(world, reader, execution):
    object.__setattr__(world.services, "streams", False)
    response = reader.get(f"/executions/{execution}/events", headers=STREAM)
    assert response.headers["content-type"] == "application/json"
    assert [event["seq"] for event in response.json()["items"]] == [1]


def test_no_request_is_held_longer_than_the_deployment_can(world, reader, execution):
    object.__setattr__(world.services, "look_s", 0.001)
    object.__setattr__(world.services, "longest_wait_s", 0.01)
    assert reader.get(f"/executions/{execution}/events?after=1&wait=30").json()["items"] == []


def test_head_never_waits(reader, execution):
    path = f"/executions/{execution}/events?after=1&wait=30"
    assert reader.head(path).status_code == 200
    response = reader.head(path, headers={"Accept": "text/event-stream"})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.content == b""


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 16, "1, 2"])
def test_a_malformed_last_event_id_is_refused(reader, execution, last):
    response = reader.get(f"/executions/{execution}/events", headers={**STREAM, "Last-Event-ID": last})
    assert (response.status_code, response.json()["type"]) == (400, "/problems/invalid-header")


def test_an_unknown_execution_is_not_found_also_as_a_stream(reader):
    assert reader.get("/executions/nope/events", headers=STREAM).status_code == 404


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_pages_of_any_sizes_hold_every_event_once(world, operator, sizes):
    execution = operator.post("/commands", json=COMMANDS["sync"]).json()["id"]
    for number in range(2, 12):
        note(world, execution, number)
    seen, turn = [], 0
    while len(seen) < 11:
        after = seen[-1] if seen else 0
        page = operator.get(f"/executions/{execution}/events?after={after}&limit={sizes[turn % len(sizes)]}").json()
        seen += [event["seq"] for event in page["items"]]
        turn += 1
    assert seen == list(range(1, 12))
