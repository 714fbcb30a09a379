import json

import pytest

from datapump.analyses import SyncType
from datapump.sync_configs import SyncMetadata

PAUSE = {"sync_type": "viirs", "reason": "FIRMS announced an outage"}


def patch(client, config, changes, if_match="*"):
    return client.patch(
        f"/sync-configs/{config.id}",
        content=json.dumps(changes),
        headers={"Content-Type": "application/json", "If-Match": if_match},
    )


def history(client, config, query=""):
    response = client.get(f"/sync-configs/{config.id}/history{query}")
    assert response.status_code == 200, response.text
    return response.json()


def test_the_history_says_who_changed_what_when_and_why(world, operator):
    config = world.add_config()
    patch(operator, config, {"sync": False, "reason": "  the feed is broken "})
    with world.client("admin") as admin:
        patch(admin, config, {"metadata": {"geotrellis_version": "2.5.0", "version_overrides": {"all": "v2"}}})
    patch(operator, config, {"sync": False, "reason": "changes nothing"})
    second, first = history(operator, config)["items"]
    assert first == {
        "config_id": config.id,
        "revision": 2,
        "at": first["at"],
        "caller": "operate",
        "reason": "the feed is broken",
        "action": "changed",
        "changes": [{"pointer": "/sync", "before": True, "after": False}],
    }
    assert (second["caller"], second["reason"], second["revision"]) == ("admin", None, 3)
    assert second["changes"] == [
        {"pointer": "/metadata/geotrellis_version", "before": "2.4.1", "after": "2.5.0"},
        {"pointer": "/metadata/version_overrides", "before": {}, "after": {"all": "v2"}},
    ]
    assert first["at"] < second["at"]


def test_what_a_sync_moves_is_not_in_the_history(world, operator):
    config = world.add_config()
    world.sync_configs.move(config.id, "v20261122")
    assert history(operator, config) == {"items": [], "next": None}


def test_the_history_comes_in_pages_that_hold_to_their_config(world, operator):
    config, other = world.add_config(), world.add_config(version="v2")
    for number in range(7):
        patch(operator, config, {"sync": bool(number % 2)})
    seen, query = [], "?limit=3"
    while query:
        page = history(operator, config, query)
        seen += [change["revision"] for change in page["items"]]
        query = page["next"] and f"?limit=3&cursor={page['next']}"
    assert seen == list(range(8, 1, -1))
    cursor = history(operator, config, "?limit=1")["next"]
    assert operator.get(f"/sync-configs/{other.id}/history?cursor={cursor}").status_code == 400
    assert operator.get("/sync-configs/nope/history").status_code == 404


def test_one_config_is_synced_now(world, operator):
    config = world.add_config()
    response = operator.post(f"/sync-configs/{config.id}/run", headers={"Idempotency-Key": "k"})
    assert response.status_code == 202
    made = response.json()
    assert made["command"] == "sync"
    assert made["parameters"]["types"] == ["viirs"]
    assert made["parameters"]["tables"] == [{"dataset": "gadm", "version": "v4.1", "analysis": "viirs"}]
    assert world.orchestrator.started == [made["id"]]
    again = operator.post(f"/sync-configs/{config.id}/run", headers={"Idempotency-Key": '"k"'})
    assert (again.json()["id"], again.headers["idempotency-replayed"]) == (made["id"], "true")
    other = world.add_config(dataset="geostore")
    assert operator.post(f"/sync-configs/{other.id}/run", headers={"Idempotency-Key": "k"}).status_code == 422


def test_a_raster_is_synced_now_by_its_feed(world, operator):
    raster = world.add_config(
        analysis="create_raster", dataset="wur_radd_alerts", sync_type="wur_radd_alerts", metadata=SyncMetadata()
    )
    response = operator.post(f"/sync-configs/{raster.id}/run")
    assert response.status_code == 202
    parameters = response.json()["parameters"]
    assert (parameters["types"], parameters["tables"]) == (["wur_radd_alerts"], None)


def test_a_config_that_cannot_be_synced_is_refused(world, operator):
    off = world.add_config(sync=False)
    response = operator.post(f"/sync-configs/{off.id}/run")
    assert (response.status_code, response.json()["type"]) == (409, "/problems/conflict")
    assert "switch it on first" in response.json()["detail"]
    unknown = world.add_config(analysis="some_other", sync_type="viirs", metadata=SyncMetadata())
    assert operator.post(f"/sync-configs/{unknown.id}/run").status_code == 501
    assert operator.post("/sync-configs/nope/run").status_code == 404
    assert world.runs.list_executions().items == []


def test_a_feed_is_paused_and_what_was_paused_is_resumed(world, operator):
    first, second = world.add_config(), world.add_config(dataset="geostore")
    already_off = world.add_config(dataset="wdpa_protected_areas", sync=False)
    other_feed = world.add_config(analysis="modis")
    response = operator.post("/sync-configs/pause", json=PAUSE)
    assert response.status_code == 200
    assert response.json() == {"sync_type": "viirs", "sync": False, "changed": sorted([first.id, second.id])}
    assert operator.post("/sync-configs/pause", json=PAUSE).json()["changed"] == []
    assert world.sync_configs.get(other_feed.id).sync is True
    assert history(operator, first)["items"][0]["action"] == "paused"
    assert history(operator, first)["items"][0]["reason"] == PAUSE["reason"]

    patch(operator, second, {"sync": True})
    patch(operator, second, {"sync": False, "reason": "this one really"})
    resumed = operator.post("/sync-configs/resume", json={**PAUSE, "reason": "it is back"}).json()
    assert resumed == {"sync_type": "viirs", "sync": True, "changed": [first.id]}
    assert [world.sync_configs.get(config.id).sync for config in (first, second, already_off)] == [True, False, False]
    assert operator.post("/sync-configs/resume", json=PAUSE).json()["changed"] == []


def test_other_changes_of_a_paused_config_leave_it_paused(world, operator):
    config = world.add_config()
    operator.post("/sync-configs/pause", json=PAUSE)
    patch(operator, config, {"metadata": {"geotrellis_version": "2.5.0"}})
    assert operator.post("/sync-configs/resume", json=PAUSE).json()["changed"] == [config.id]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"sync_type": "viirs"}, "/reason"),
        ({"sync_type": "mars", "reason": "x"}, "/sync_type"),
        ({"reason": "x"}, "/sync_type"),
        ({**PAUSE, "reason": " "}, "/reason"),
        ({**PAUSE, "force": True}, "/force"),
        ([], ""),
    ],
)
@pytest.mark.parametrize("word", ["pause", "resume"])
def test_a_bad_pause_is_refused_by_pointer(world, operator, word, body, pointer):
    config = world.add_config()
    response = operator.post(f"/sync-configs/{word}", json=body)
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert world.sync_configs.get(config.id).revision == config.revision


def test_every_feed_can_be_paused(operator):
    for sync_type in SyncType:
        body = {"sync_type": sync_type.value, "reason": "x"}
        assert operator.post("/sync-configs/pause", json=body).status_code == 200
