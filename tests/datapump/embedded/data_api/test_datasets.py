import pytest

from tests.datapump.embedded.data_api.serving import ADMIN

EXTRA = {"loc": ["body", "x"], "msg": "extra fields not permitted", "type": "value_error.extra"}


def test_a_dataset_is_made_once(api):
    first = api.put("/dataset/parks", {"metadata": {"title": "Parks", "unknown": 1}})
    again = api.put("/dataset/parks", {"metadata": {}})
    assert (first.status_code, first.headers["location"]) == (201, "/parks")
    assert first.json()["data"]["metadata"]["title"] == "Parks"
    assert again.status_code == 400
    assert again.json() == {"status": "failed", "message": "Dataset with name parks already exists"}


def test_metadata_is_null_when_made_and_empty_when_read(api):
    assert api.put("/dataset/parks", {"metadata": {}}).json()["data"]["metadata"] is None
    assert api.data("/dataset/parks")["metadata"] == {}


@pytest.mark.parametrize("name", ["Parks", "1parks", "pa", "pa.rks", "pärks"])
def test_a_name_that_breaks_the_rule_is_refused(api, name):
    answer = api.put(f"/dataset/{name}", {"metadata": {}})
    assert answer.status_code == 422
    assert answer.json()["message"][0]["type"] == "value_error.str.regex"


@pytest.mark.parametrize("name", ["foo-bar", "pg_parks"])
def test_a_name_that_postgres_refuses_is_500_but_stays(api, name):
    answer = api.put(f"/dataset/{name}", {"metadata": {}})
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert api.put(f"/dataset/{name}", {"metadata": {}}).status_code == 400
    assert api.data(f"/dataset/{name}")["dataset"] == name


def test_a_dataset_whose_name_holds_latest_cannot_be_read(api):
    answer = api.client.get("/dataset/latest_alerts")
    assert answer.status_code == 404
    assert answer.json()["message"] == "Dataset dataset has no latest version."


def test_datasets_are_listed_by_name_whole_or_in_pages(api):
    for name in ("ccc", "aaa", "bbb"):
        api.dataset(name)
    assert [one["dataset"] for one in api.data("/datasets")] == ["aaa", "bbb", "ccc"]
    page = api.client.get("/datasets", params={"page[size]": 2, "page[number]": 2}).json()
    assert [one["dataset"] for one in page["data"]] == ["ccc"]
    assert page["meta"] == {"size": 2, "total_items": 3, "total_pages": 2}
    base = f"{str(api.client.base_url).rstrip('/')}/datasets"
    assert page["links"]["prev"] == f"{base}?page[number]=1&page[size]=2"
    assert page["links"]["next"] == ""


def test_an_empty_list_has_one_page(api):
    page = api.client.get("/datasets", params={"page[number]": 1}).json()
    assert (page["data"], page["meta"]["total_pages"]) == ([], 1)


def test_wrong_bodies_are_told_in_the_services_words(api):
    def message(body):
        return api.put("/dataset/parks", body).json()["message"]

    assert message({"metadata": {}, "x": 1}) == [EXTRA]
    assert message([]) == [{"loc": ["body"], "msg": "value is not a valid dict", "type": "type_error.dict"}]
    assert message({"metadata": None})[0]["type"] == "type_error.none.not_allowed"
    assert message({"metadata": {"tags": "a"}})[0]["loc"] == ["body", "metadata", "tags"]
    assert message({"metadata": {}, "is_downloadable": "perhaps"})[0]["type"] == "type_error.bool"


def test_a_body_that_is_not_json_is_told_so(api):
    answer = api.client.put("/dataset/parks", content=b"{nope", headers=ADMIN)
    assert answer.status_code == 422
    assert answer.json()["message"][0]["type"] == "value_error.jsondecode"
    empty = api.client.put("/dataset/parks", headers=ADMIN)
    assert empty.json()["message"] == [{"loc": ["body"], "msg": "field required", "type": "value_error.missing"}]


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"1e999"])
def test_numbers_that_json_has_not_are_refused(api, value):
    body = b'{"metadata": {"spatial_resolution": ' + value + b"}}"
    answer = api.client.put("/dataset/parks", content=body, headers=ADMIN)
    assert (answer.status_code, answer.json()["message"][0]["type"]) == (422, "type_error.float")
