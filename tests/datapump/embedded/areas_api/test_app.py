"""The embedded Areas API by its contract, request by request."""

from __future__ import annotations

import json

import httpx
import pytest
import shapely

from tests.support.areas import TOKEN, USER_TOKEN, areas_server, attributes_of

ADMIN = {"Authorization": f"Bearer {TOKEN}"}
USER = {"Authorization": f"Bearer {USER_TOKEN}"}
SQUARE = shapely.geometry.mapping(shapely.box(0, 0, 1, 1))
A, B = "a" * 32, "b" * 32


@pytest.fixture
def server(tmp_path):
    with areas_server(tmp_path) as server:
        yield server


def ask(server, method, path, headers=ADMIN, **request):
    return httpx.request(method, server.url + path, headers=headers, **request)


def put(server, name, *features):
    server.folder.mkdir(exist_ok=True)
    document = {"type": "FeatureCollection", "features": list(features)}
    (server.folder / name).write_text(json.dumps(document))


def feature(geometry=SQUARE, **properties):
    return {"type": "Feature", "properties": properties, "geometry": geometry}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v2/area/sync"), ("GET", "/v2/area"), ("POST", "/v2/area/update")]
)
def test_nobody_is_unauthorized(server, method, path):
    answer = ask(server, method, path, headers={})
    assert (answer.status_code, answer.json()) == (401, {"errors": [{"status": 401, "detail": "Unauthorized"}]})
    assert answer.headers["content-type"] == "application/vnd.api+json"


@pytest.mark.parametrize("path", ["/v2/area/sync", "/v2/area/update"])
def test_a_user_may_not_change_anything(server, path):
    answer = ask(server, "POST", path, headers=USER, json={})
    assert (answer.status_code, answer.json()["errors"][0]["detail"]) == (401, "Not authorized")
    assert server.store.requests() == []


def test_the_areas_of_the_folder_are_taken_in_once(server):
    put(server, "b.geojson", feature(name="farm", email="me@example.org", userId="somebody"), feature(geostore_id=B))
    put(server, "a.json", feature({"type": "Point", "coordinates": [1, 2]}))
    (server.folder / "broken.json").write_text("{")
    (server.folder / "list.json").write_text("[]")
    (server.folder / "notes.txt").write_text("not an area")
    counts = ask(server, "POST", "/v2/area/sync").json()["data"]
    assert (counts["createdAreas"], counts["syncedAreas"], counts["totalSubscriptions"]) == (3, 0, 3)
    assert [fault.split(" ")[0] for fault in counts["unreadFiles"]] == ["broken.json", "list.json"]
    assert ask(server, "POST", "/v2/area/sync").json()["data"]["totalSubscriptions"] == 0
    areas = ask(server, "GET", "/v2/area?all=true").json()["data"]
    assert sorted(area["attributes"]["name"] for area in areas) == ["a.json#1", "b.geojson#2", "farm"]
    assert B in {area["attributes"]["geostore"] for area in areas}
    assert {area["attributes"]["status"] for area in areas} == {"pending"}


def test_features_of_one_id_are_areas_of_their_own(server):
    other = shapely.geometry.mapping(shapely.box(0, 0, 2, 2))
    put(server, "a.geojson", {**feature(), "id": 2}, feature(other), {**feature(geostore_id=B), "id": 2})
    assert ask(server, "POST", "/v2/area/sync").json()["data"]["createdAreas"] == 3
    assert ask(server, "POST", "/v2/area/sync").json()["data"]["totalSubscriptions"] == 0
    assert len({area["attributes"]["geostore"] for area in server.store.areas()}) == 3


def test_a_changed_geometry_makes_its_area_pending_again(server):
    put(server, "a.geojson", feature())
    ask(server, "POST", "/v2/area/sync")
    (before,) = server.store.areas()
    server.store.update([before["attributes"]["geostore"]], {"status": "saved"})
    put(server, "a.geojson", feature(shapely.geometry.mapping(shapely.box(0, 0, 2, 2))))
    assert ask(server, "POST", "/v2/area/sync").json()["data"]["affectedAreaIds"] == [before["id"]]
    (after,) = server.store.areas()
    assert after["attributes"]["geostore"] != before["attributes"]["geostore"]
    assert (after["id"], after["attributes"]["status"]) == (before["id"], "pending")


def test_an_area_whose_geometry_is_saved_already_is_saved(server):
    put(server, "a.geojson", feature())
    ask(server, "POST", "/v2/area/sync")
    server.store.update([server.store.areas()[0]["attributes"]["geostore"]], {"status": "saved"})
    put(server, "b.geojson", feature())
    ask(server, "POST", "/v2/area/sync")
    assert [area["attributes"]["status"] for area in server.store.areas()] == ["saved", "saved"]


def test_a_list_is_paged_with_links_and_counts(server):
    for digit in "abcde":
        server.store.add_area(digit * 32, name=digit)
    page = ask(server, "GET", "/v2/area?all=true&sort=-name&page[number]=2&page[size]=2").json()
    assert [area["attributes"]["name"] for area in page["data"]] == ["c", "b"]
    assert page["meta"] == {"total-pages": 3, "total-items": 5, "size": 2}
    ends = {name: link.split("?")[1] for name, link in page["links"].items()}
    assert ends == {
        name: f"all=true&sort=-name&page[number]={number}&page[size]=2"
        for name, number in {"self": 2, "first": 1, "last": 3, "prev": 1, "next": 3}.items()
    }


def test_an_empty_list_is_page_one_of_one(server):
    page = ask(server, "GET", "/v2/area?status=pending&all=true").json()
    assert (page["data"], page["meta"]["total-pages"], page["links"]["self"]) == ([], 1, page["links"]["last"])


def test_a_user_sees_only_the_areas_of_their_own(server):
    server.store.add_area(A, userId="somebody")
    server.store.add_area(B, userId="another")
    for headers, seen in ((USER, {A}), (ADMIN, {A, B})):
        page = ask(server, "GET", "/v2/area?all=true", headers=headers).json()
        assert {area["attributes"]["geostore"] for area in page["data"]} == seen


def test_an_update_e_mails_every_saved_area_with_an_address_each_time(server):
    server.store.add_area(A, email="one@example.org")
    server.store.add_area(A)
    server.store.add_area(B, email="other@example.org")
    body = {"geostores": [A], "update_params": {"status": "saved"}}
    for count in (1, 2):
        assert len(ask(server, "POST", "/v2/area/update", json=body).json()["data"]) == 2
        assert [email.address for email in server.store.emails()] == ["one@example.org"] * count
    ask(server, "POST", "/v2/area/update", json={"geostores": [B], "update_params": {"status": "error"}})
    assert len(server.store.emails()) == 2
    assert server.statuses() == {A: "saved", B: "error"}
    assert ask(server, "POST", "/v2/area/update", json={}).json() == {"data": []}


def test_at_most_a_hundred_geometries_are_returned_and_all_ids_told(server):
    ids = [f"{number:032x}" for number in range(120)]
    for one in ids:
        server.store.add_geostore(one, attributes_of(SQUARE))
    body = {"geostores": [*ids, ids[0], f" {ids[1]} ", "unknown"]}
    answer = ask(server, "POST", "/v2/geostore/find-by-ids", headers={}, json=body).json()
    assert [item["geostoreId"] for item in answer["data"]] == ids[:100]
    assert (answer["info"]["found"], answer["info"]["returned"], answer["info"]["foundIds"]) == (120, 100, ids)


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({}, 400, "Geostores not found"),
        ({"geostores": []}, 404, "No GeoStores in payload"),
        ({"geostores": ["x"]}, 404, "No GeoStores found"),
    ],
)
def test_find_by_ids_refuses(server, body, status, detail):
    answer = ask(server, "POST", "/v2/geostore/find-by-ids", headers={}, json=body)
    assert (answer.status_code, answer.json()["errors"][0]["detail"]) == (status, detail)


@pytest.mark.parametrize(("content", "status"), [(b"{", 400), (b"[]", 400), (b" " * (5 * 2**20), 413)])
def test_bodies_that_are_none_are_refused(server, content, status):
    assert ask(server, "POST", "/v2/geostore/find-by-ids", content=content).status_code == status
    assert ask(server, "POST", "/v2/area/update", content=content).status_code == status


def test_a_geometry_tells_its_size_and_bounds_where_it_has_any(server):
    put(server, "a.geojson", feature(geostore_id=A), feature({"type": "Polygon", "coordinates": "?"}, geostore_id=B))
    ask(server, "POST", "/v2/area/sync")
    (known, _), (odd, _) = (server.store.geostores([one], 1)[0][0][::-1] for one in (A, B))
    assert known["bbox"] == [0, 0, 1, 1]
    assert known["areaHa"] == pytest.approx(1_230_877, rel=0.01)
    assert "areaHa" not in odd
    assert odd["geojson"]["features"][0]["geometry"] == {"type": "Polygon", "coordinates": "?"}


def test_the_store_is_kept(tmp_path):
    for count in (1, 2):
        with areas_server(tmp_path) as server:
            server.store.add_area(A)
            assert len(server.store.areas()) == count
