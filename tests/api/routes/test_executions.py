from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.examples import COMMANDS
from datapump.executions import Execution, ExecutionStatus, NewEvent
from datapump.jobs.documents import ResultState


@pytest.fixture
def executions(operator):
    """Ids of seven executions, the newest first: four of set_latest, three of sync."""
    names = ["set_latest", "sync"] * 3 + ["set_latest"]
    return [operator.post("/commands", json=COMMANDS[name]).json()["id"] for name in names][::-1]


def ids(response):
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json()["items"]]


def test_executions_are_listed_newest_first(reader, executions):
    response = reader.get("/executions")
    assert ids(response) == executions
    assert response.json()["next"] is None
    assert "link" not in response.headers
    assert "jobs" not in response.json()["items"][0]
    assert "fingerprint" not in response.text


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 200])
def test_pages_hold_every_execution_once(reader, executions, limit):
    seen, address = [], f"/executions?limit={limit}"
    while address:
        response = reader.get(address)
        assert len(ids(response)) <= limit
        seen += ids(response)
        cursor = response.json()["next"]
        link = response.headers.get("link")
        assert (cursor is None) is (link is None)
        address = link and link.removeprefix("<").removesuffix('>; rel="next"')
        assert cursor is None or f"cursor={cursor}" in address
    assert seen == executions


def test_pages_hold_to_what_was_there_when_new_ones_arrive(operator, executions):
    first = operator.get("/executions?limit=3").json()
    operator.post("/commands", json=COMMANDS["sync"])
    rest = ids(operator.get("/executions", params={"cursor": first["next"]}))
    assert [item["id"] for item in first["items"]] + rest == executions


def test_the_next_page_keeps_the_filters(world, reader, executions):
    link = reader.get("/executions?command=set_latest&limit=3&since=2026-01-01").headers["link"]
    address = link.removeprefix("<").removesuffix('>; rel="next"')
    assert ids(reader.get(address)) == [executions[-1]]


def test_filters(world, reader, executions):
    world.runs.finish(executions[2], ExecutionStatus.FAILED)
    created = reader.get(f"/executions/{executions[3]}").json()["created"]
    assert ids(reader.get("/executions?status=failed")) == [executions[2]]
    assert ids(reader.get("/executions?command=sync")) == executions[1::2]
    assert ids(reader.get("/executions", params={"since": created})) == executions[:4]
    assert ids(reader.get("/executions", params={"until": created})) == executions[4:]
    assert ids(reader.get("/executions?command=sync&status=failed")) == []


def test_filters_by_what_the_jobs_work_on(world, reader, executions):
    world.begin(executions[4])
    assert ids(reader.get("/executions?dataset=gadm")) == [executions[4]]
    assert ids(reader.get("/executions?dataset=geostore")) == []
    assert ids(reader.get("/executions?sync_type=viirs")) == [
        executions[1],
        executions[3],
        executions[4],
        executions[5],
    ]
    assert ids(reader.get("/executions?sync_type=modis")) == executions[1::2]
    assert ids(reader.get("/executions?sync_type=rw_areas")) == []


def test_filters_by_caller(world, reader, executions):
    with world.client("admin") as admin:
        theirs = admin.post("/commands", json=COMMANDS["sync"]).json()["id"]
    assert ids(reader.get("/executions?caller=admin")) == [theirs]
    assert ids(reader.get("/executions?caller=operate")) == executions
    assert ids(reader.get("/executions?caller=nobody")) == []


def test_executions_are_found_by_their_labels(operator):
    labels = {"team": "fires", "night": "2026-11-22"}
    made = operator.post("/commands", json={**COMMANDS["sync"], "labels": labels}).json()
    operator.post("/commands", json={**COMMANDS["sync"], "labels": {"team": "loss"}})
    assert made["labels"] == labels
    assert ids(operator.get("/executions?label=team:fires")) == [made["id"]]
    assert len(ids(operator.get("/executions?label=team"))) == 2
    assert ids(operator.get("/executions?label=team:fir")) == []
    assert ids(operator.get("/executions?label=night:2026-11-22&sync_type=viirs&command=sync")) == [made["id"]]


@pytest.mark.parametrize(
    ("labels", "pointer"),
    [
        ({"Team": "x"}, "/labels/Team"),
        ({"a b": "x"}, "/labels/a b"),
        ({"team": "a/b"}, "/labels/team"),
        ({"team": "x" * 64}, "/labels/team"),
        ({"team": 1}, "/labels/team"),
        ({"team": ""}, "/labels/team"),
        ({f"l{number}": "x" for number in range(17)}, "/labels"),
        ([], "/labels"),
        (None, "/labels"),
    ],
)
def test_unsafe_labels_are_refused(operator, labels, pointer):
    response = operator.post("/commands", json={**COMMANDS["sync"], "labels": labels})
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


def test_no_labels_and_empty_labels_are_the_same_command(operator):
    headers = {"Idempotency-Key": "k"}
    first = operator.post("/commands", json=COMMANDS["sync"], headers=headers).json()
    again = operator.post("/commands", json={**COMMANDS["sync"], "labels": {}}, headers=headers)
    assert again.json()["id"] == first["id"]
    other = operator.post("/commands", json={**COMMANDS["sync"], "labels": {"a": "b"}}, headers=headers)
    assert other.status_code == 422


def test_a_total_is_given_only_when_asked_for(reader, executions):
    assert reader.get("/executions?limit=2").json()["total"] is None
    first = reader.get("/executions?limit=2&total=true&command=sync").json()
    assert first["total"] == 3
    rest = reader.get("/executions", params={"command": "sync", "cursor": first["next"]}).json()
    assert (len(rest["items"]), rest["total"]) == (1, None)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("label=Team", "label"),
        ("label=a:b:c", "label"),
        ("dataset=X", "dataset"),
        ("sync_type=mars", "sync_type"),
        ("total=maybe", "total"),
        ("status=done", "status"),
        ("status=", "status"),
        ("command=explode", "command"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        (f"limit={'9' * 5000}", "limit"),
        ("since=yesterday", "since"),
        ("since=1700000000", "since"),
        ("until=0001-01-01T00:00:00%2B14:00", "until"),
        ("statsu=failed", "statsu"),
        (f"cursor={'a' * 3000}", "cursor"),
    ],
)
def test_a_bad_parameter_is_named(reader, query, parameter):
    response = reader.get(f"/executions?{query}")
    assert response.status_code == 422
    problem = response.json()
    assert problem["type"] == "/problems/invalid-parameter"
    assert [(error["parameter"], error["in"]) for error in problem["errors"]] == [(parameter, "query")]
    assert "errors" in problem
    assert "pydantic" not in response.text


def test_a_cursor_of_other_filters_is_refused(reader, executions):
    cursor = reader.get("/executions?limit=1&command=sync").json()["next"]
    for query in ("", "command=set_latest&", "command=sync&status=failed&"):
        response = reader.get(f"/executions?{query}cursor={cursor}")
        assert response.status_code == 400
        assert response.json()["type"] == "/problems/invalid-cursor"
    assert reader.get(f"/executions?command=sync&limit=9&cursor={cursor}").status_code == 200


def test_a_cursor_of_another_list_is_refused(world, reader):
    for number in range(2):
        world.add_config(version=f"v{number}")
    cursor = reader.get("/sync-configs?limit=1").json()["next"]
    assert reader.get(f"/executions?cursor={cursor}").status_code == 400


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=100))
def test_no_cursor_breaks_the_service(reader, text):
    response = reader.get(f"/executions?cursor={quote(text, errors='replace')}")
    assert response.status_code == 400


def test_an_execution_is_shown_with_its_jobs(world, operator, executions):
    identity = executions[0]
    world.begin(identity)
    document = operator.get(f"/executions/{identity}").json()
    assert (document["command"], document["status"]) == ("set_latest", "running")
    assert document["parameters"] == COMMANDS["set_latest"]["parameters"]
    assert document["notes"] == ["3 rows skipped"]
    assert document["started"] is not None
    assert document["finished"] is None
    assert document["counts"] == {"starting": 0, "executing": 1, "complete": 1, "failed": 0}
    analysis, latest = document["jobs"]
    table = {"dataset": "gadm__viirs__adm2_daily_alerts", "version": "v20261101"}
    assert analysis == {
        "id": "gadm-viirs",
        "kind": "analysis",
        "dataset": "gadm",
        "version": "v4.1",
        "analysis": "viirs",
        "analysis_version": "v20261101",
        "sync_type": "viirs",
        "sync_version": "v20261122",
        "status": "executing",
        "step": "uploading",
        "message": "loading 1 table",
        "notes": [],
        "progress": 0.75,
        "engine": None,
        "engine_reason": None,
        "remaining_s": analysis["remaining_s"],
        "retries": 0,
        "errors": [],
        "start_time": "2026-11-22T06:00:00Z",
        "end_time": None,
        "next_look": analysis["next_look"],
        "links": {"log": "s3://gfw-pipelines/log"},
        "results": [{**table, "state": "loading", "published": False, "link": None}],
        "assets": [],
    }
    assert 0 < analysis["remaining_s"] < 60
    assert analysis["next_look"].startswith("2026-11-22T06:0")
    assert (latest["kind"], latest["version"], latest["next_look"]) == ("set_latest", None, None)
    link = "/results/gadm__viirs__adm2_daily_alerts/v20261101"
    assert latest["results"] == document["published"] == [{**table, "state": "done", "published": True, "link": link}]
    assert not {"fingerprint", "idempotency_key"} & set(document)


def test_an_unknown_execution_is_not_found(operator):
    for method, path in (("GET", ""), ("HEAD", ""), ("GET", "/events")):
        assert operator.request(method, f"/executions/nope{path}").status_code == 404
    response = operator.post("/executions/nope/stop", json={"reason": "x"})
    assert response.status_code == 404
    assert "nope" in response.json()["detail"]


def test_events_are_paged_in_order(world, reader, executions):
    identity = executions[0]
    for number in range(2, 8):
        world.runs.add_event(identity, NewEvent(kind="note", message=f"event {number}", data={"n": number}))
    first = reader.get(f"/executions/{identity}/events?limit=3")
    assert [event["seq"] for event in first.json()["items"]] == [1, 2, 3]
    assert first.json()["items"][1] == {
        "seq": 2,
        "at": first.json()["items"][1]["at"],
        "job_id": None,
        "kind": "note",
        "message": "event 2",
        "data": {"n": 2},
    }
    assert first.json()["next"] == 3
    link = first.headers["link"].removeprefix("<").removesuffix('>; rel="next"')
    assert [event["seq"] for event in reader.get(link).json()["items"]] == [4, 5, 6]
    last = reader.get(f"/executions/{identity}/events?after=6")
    assert [event["seq"] for event in last.json()["items"]] == [7]
    assert last.json()["next"] is None
    assert "link" not in last.headers
    assert reader.get(f"/executions/{identity}/events?after=7").json() == {
        "items": [],
        "next": None,
        "ended": False,
    }


@pytest.mark.parametrize(
    "query",
    [
        "wait=-1",
        "wait=31",
        "wait=x",
        "after=-1",
        "after=x",
        f"after={2**63}",
        f"after={2**53}",
        "limit=501",
        "cursor=a",
    ],
)
def test_bad_parameters_of_events_are_refused(reader, executions, query):
    assert reader.get(f"/executions/{executions[0]}/events?{query}").status_code == 422


@pytest.mark.parametrize(
    ("state", "published"), [("waiting", False), ("loading", False), ("loaded", True), ("latest", True), ("done", True)]
)
def test_the_report_of_a_stop_says_what_is_published_already(world, operator, executions, state, published):
    identity = executions[0]
    world.begin(identity)
    stored = world.runs.get_job(identity, "gadm-viirs")
    (table,) = stored.job.results
    job = stored.job.model_copy(update={"results": [table.model_copy(update={"state": ResultState(state)})]})
    world.runs.save_job(identity, job, stored.revision)
    told = operator.post(f"/executions/{identity}/stop", json={"reason": "x"}).json()["published"]
    assert [one["state"] for one in told] == [state] * published + ["done"]


def test_an_execution_is_stopped_with_a_reason(world, operator, executions):
    response = operator.post(f"/executions/{executions[0]}/stop", json={"reason": "  the feed is broken\n"})
    assert response.status_code == 202
    assert response.json()["stop_reason"] == "the feed is broken"
    assert world.orchestrator.stopped == [(executions[0], "the feed is broken")]
    again = operator.post(f"/executions/{executions[0]}/stop", json={"reason": "x"})
    assert again.status_code == 409
    assert again.json()["type"] == "/problems/conflict"
    assert "already" in again.json()["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/reason"),
        ({"reason": ""}, "/reason"),
        ({"reason": "  "}, "/reason"),
        ({"reason": "x" * 501}, "/reason"),
        ({"reason": 1}, "/reason"),
        ({"reason": None}, "/reason"),
        ({"reason": "x", "force": True}, "/force"),
        ([], ""),
    ],
)
def test_a_stop_without_a_good_reason_is_refused(world, operator, executions, body, pointer):
    response = operator.post(f"/executions/{executions[0]}/stop", json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == pointer
    assert world.orchestrator.stopped == []


def test_a_job_is_shown_as_continue_jobs_takes_it(world, operator, executions):
    identity = executions[0]
    world.begin(identity)
    job = operator.get(f"/executions/{identity}/jobs/gadm-viirs").json()
    again = operator.post("/commands", json={"command": "continue_jobs", "parameters": {"jobs": [job]}})
    assert again.status_code == 202
    assert operator.get(f"/executions/{identity}/jobs/nope").status_code == 404


def test_an_execution_that_another_one_triggered_names_and_links_it(world, reader):
    clock = world.services.clock
    first, second = (
        Execution(id=clock.new_id(), command=COMMANDS["sync"], fingerprint="f", caller="datapump", created=clock.now())
        for _ in range(2)
    )
    world.runs.create_execution(first)
    world.runs.create_execution(second.model_copy(update={"triggered_by": first.id}))
    shown = reader.get(f"/executions/{second.id}").json()
    assert (shown["triggered_by"], shown["links"]["triggered_by"]) == (first.id, f"/executions/{first.id}")
    assert "triggered_by" not in reader.get(f"/executions/{first.id}").json()["links"]
    kinds = [event["kind"] for event in reader.get(f"/executions/{first.id}/events").json()["items"]]
    assert kinds == ["accepted", "triggered"]


def test_an_execution_that_has_no_jobs_yet_says_what_it_waits_for(world, reader, executions):
    address = f"/executions/{executions[0]}"
    runs = world.services.runs
    assert reader.get(address).json()["waiting"] is None
    for attempt in (1, 2):
        text = f"dispatch will be tried again in 2 s (attempt {attempt}): the feed broke off"
        runs.add_event(executions[0], NewEvent(kind="retry", message=text))
    assert reader.get(address).json()["waiting"] == text
    runs.begin(executions[0], [], [], [])
    assert reader.get(address).json()["waiting"] is None
