import pytest

from tests.datapump.embedded.data_api.serving import ADMIN

MANAGER = {"Authorization": "Bearer manager-token"}
USER = {"Authorization": "Bearer user-token"}


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "Not authenticated"),
        ({"Authorization": "Basic YTpi"}, "Not authenticated"),
        ({"Authorization": "Bearer"}, "Not authenticated"),
        (
            {"Authorization": "Bearer nope"},
            "Unauthorized access - this operation requires user authentication via a token",
        ),
        (
            USER,
            "Unauthorized write access to a dataset/version/asset by a user who is not an admin or data manager",
        ),
    ],
)
def test_writes_need_the_token_of_an_admin_or_manager(api, headers, message):
    asset = "/asset/11111111-1111-4111-8111-111111111111"
    answers = [
        api.put("/dataset/parks", {"metadata": {}}, headers),
        api.put("/dataset/parks/v1", {}, headers),
        api.patch("/dataset/parks/v1", {}, headers),
        api.post("/dataset/parks/v1/append", {}, headers),
        api.post("/dataset/parks/v1/assets", {}, headers),
        api.delete("/dataset/parks/v1", headers),
        api.delete(asset, headers),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.json()["message"] for answer in answers} == {message}


def test_a_missing_token_is_told_before_a_wrong_name_or_body(api):
    assert api.put("/dataset/Bad.Name/1.0", {"nope": 1}, {}).status_code == 401
    assert api.put("/dataset/Bad.Name/1.0", {"nope": 1}).status_code == 422


def test_a_manager_changes_only_own_datasets(api):
    assert api.put("/dataset/own_one", {"metadata": {}}, MANAGER).status_code == 201
    assert api.put("/dataset/admins", {"metadata": {}}, ADMIN).status_code == 201
    own = api.put("/dataset/own_one/v1", {}, MANAGER)
    other = api.put("/dataset/admins/v1", {}, MANAGER)
    assert own.status_code == 422
    assert other.status_code == 401
    assert "admin@example.org" in other.json()["message"]


def test_a_managers_request_for_a_dataset_that_does_not_exist_breaks(api):
    answer = api.put("/dataset/nothing/v1", {}, MANAGER)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


def test_reading_needs_no_token(api):
    api.dataset("parks")
    assert api.client.get("/datasets").status_code == 200
    assert api.client.get("/dataset/parks", headers={"Authorization": "Bearer nope"}).status_code == 200


@pytest.mark.parametrize("limits", [{"query_keys": frozenset({"good"})}])
def test_where_there_are_keys_a_query_needs_one_and_nothing_else_does(api):
    asked = "/dataset/table/v1/query/json?sql=select+1"
    for headers in ({}, {"x-api-key": "bad"}, ADMIN):
        answer = api.client.get(asked, headers=headers)
        assert (answer.status_code, answer.json()["message"]) == (403, "No valid API Key found.")
    assert api.client.get(asked, headers={"x-api-key": "good"}).status_code == 404
    assert api.client.get(f"{asked}&x-api-key=good").status_code == 404
    assert api.client.get("/datasets").status_code == 200
