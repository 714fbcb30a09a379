from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.datapump.embedded.data_api.serving import ADMIN

ROWS = "iso\tcount\nBRA\t1\nPER\t2\n"
OPTIONS = {"source_type": "table", "source_driver": "text", "delimiter": "\t"}


@pytest.fixture
def body(api):
    api.dataset()
    return {"creation_options": {**OPTIONS, "source_uri": [api.source("a.tsv", ROWS)]}}


@pytest.mark.parametrize("version", ["v1", "v20240101", "v1.2.3", "v12345678.123.123"])
def test_these_are_versions(api, body, version):
    assert api.put(f"/dataset/table/{version}", body).status_code == 202


@pytest.mark.parametrize("version", ["v123456789", "v1.2.3.4", "1.0", "v1.1234", "v", "V1"])
def test_these_are_no_versions(api, body, version):
    assert api.put(f"/dataset/table/{version}", body).status_code == 422


def test_of_fifty_requests_at_once_one_makes_the_version(api, body):
    with ThreadPoolExecutor(50) as pool:
        codes = list(pool.map(lambda _: api.put("/dataset/table/v1", body).status_code, range(50)))
    assert sorted(codes) == [202] + [400] * 49
    api.steps.passed("finished")
    assert api.sql("select count(*) from data") == [{"count": 2}]
    assert [one.path for one in api.service.request_log()] == ["/dataset/table", "/dataset/table/v1"]


def test_a_table_without_geometry_gets_a_failed_tile_cache_unless_told_not_to(api):
    assert api.table("v1", [ROWS], create_dynamic_vector_tile_cache=True) == "saved"
    assert api.assets("v1") == [("Database table", "saved"), ("Dynamic vector tile cache", "failed")]
    assert api.table("v2", [ROWS], create_dynamic_vector_tile_cache=False) == "saved"
    assert api.assets("v2") == [("Database table", "saved")]
    assert [one[0] for one in api.data("/dataset/table/v1")["assets"]] == ["Database table"]


def test_options_are_kept_with_their_defaults(api):
    api.table("v1", [ROWS])
    options = api.data("/dataset/table/v1/creation_options")
    assert options["timeout"] == 400_000
    assert options["indices"] == []
    assert options["partitions"] is None
    assert list(options)[-3:] == ["source_type", "source_driver", "source_uri"]


@pytest.mark.parametrize(
    ("uri", "there"),
    [
        ("s3://sources/a.tsv", True),
        ("s3://sources/", True),
        ("s3://sources", True),
        ("s3://sources/a*", True),
        ("s3://sources/b*", False),
        ("s3://sources/a", False),
        ("gs://sources/a.tsv", False),
        ("s3a://sources/a.tsv", False),
        ("https://example.org/a.tsv", False),
        ("/etc/passwd", False),
        ("file:///etc/passwd", False),
        ("s3://sources/../a.tsv", False),
        ("s3://sources/a\0.tsv", False),
        ("s3://sources/" + 3000 * "a" + ".tsv", False),
        ("", False),
    ],
)
def test_sources_must_be_there_when_a_version_is_made(api, body, uri, there):
    answer = api.put("/dataset/table/v1", {"creation_options": {**body["creation_options"], "source_uri": [uri]}})
    assert answer.status_code == (202 if there else 400)
    if not there:
        assert answer.json()["message"] == (
            "Cannot access all of the source files (non-existent or access denied)."
            f" Invalid sources: {[uri]}"
        )  # fmt: skip


@pytest.mark.parametrize("uri", ["s3://sources/", "s3://sources/a*"])
def test_a_folder_or_pattern_passes_the_check_and_fails_the_load(api, body, uri):
    assert api.version("v1", {**body["creation_options"], "source_uri": [uri]}) == "failed"
    assert api.assets("v1") == [("Database table", "failed")]
    assert "not an object" in api.reason("v1")


def test_an_unknown_version_is_404_everywhere(api, body):
    message = "Version with name table.v9 does not exist"
    answers = [
        api.client.get("/dataset/table/v9"),
        api.client.get("/dataset/table/v9/assets"),
        api.client.get("/dataset/table/v9/query/json", params={"sql": "select 1"}),
        api.client.get("/dataset/table/v9/change_log"),
        api.patch("/dataset/table/v9", {}),
        api.delete("/dataset/table/v9"),
        api.post("/dataset/table/v9/append", {"source_uri": body["creation_options"]["source_uri"]}),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["message"] for answer in answers} == {message}


def test_latest_moves_from_version_to_version(api):
    for version in ("v1", "v2"):
        api.table(version, [ROWS])
        api.patch(f"/dataset/table/{version}", {"is_latest": True})
    assert [api.data(f"/dataset/table/{version}")["is_latest"] for version in ("v1", "v2")] == [False, True]
    answer = api.client.get("/dataset/table/latest/query/json", params={"sql": "select 1 from data"})
    assert (answer.status_code, answer.headers["location"]) == (
        307,
        "/dataset/table/v2/query/json?sql=select+1+from+data",
    )


def test_only_reading_posts_are_redirected_from_latest(api):
    api.table("v1", [ROWS])
    api.patch("/dataset/table/v1", {"is_latest": True})
    query = api.post("/dataset/table/latest/query/json", {"sql": "select count(*) from data"}, {})
    assert (query.status_code, query.headers["location"]) == (307, "/dataset/table/v1/query/json")
    for answer in (
        api.put("/dataset/table/latest", {}),
        api.delete("/dataset/table/latest"),
        api.post("/dataset/table/latest/append", {}),
        api.post("/dataset/table/latest/assets", {}),
    ):
        assert answer.status_code == 400
        assert answer.json()["message"] == "You must list version name explicitly for this operation."


def test_patching_metadata_adds_and_never_clears(api):
    api.table("v1", [ROWS])
    path = "/dataset/table/v1"
    api.patch(path, {"metadata": {"citation": "one", "content_date_range": {"start_date": "2024-1-1"}}})
    api.patch(path, {"metadata": {"citation": None, "scale": "big", "content_date_range": {"end_date": "2024-02-01"}}})
    metadata = api.data(path)["metadata"]
    assert (metadata["citation"], metadata["scale"]) == ("one", "big")
    assert metadata["content_date_range"] == {"start_date": "2024-01-01", "end_date": "2024-02-01"}


def test_the_date_range_is_strict_and_dates_are_days(api):
    api.table("v1", [ROWS])
    path = "/dataset/table/v1"
    extra = api.patch(path, {"metadata": {"content_date_range": {"start": "2024-01-01"}}})
    assert extra.json()["message"][0]["type"] == "value_error.extra"
    for day in ("2024", "2024/01/01", "2024-13-01", 20240101):
        answer = api.patch(path, {"metadata": {"last_update": day}})
        assert (answer.status_code, answer.json()["message"]) == (422, "Date needs to be of the format YYYY-MM-DD")


def test_deleting_removes_rows_at_once_and_files_soon(api):
    api.table("v1", [ROWS])
    tables = api.service.settings.folder / "tables"
    assert len(list(tables.rglob("*.parquet"))) == 1
    assert api.delete("/dataset/table/v1").json()["data"]["assets"] == []
    assert api.table("v2", [ROWS]) == "saved"  # the loader sweeps before it loads
    assert [path.parent.name for path in tables.rglob("*.parquet")] == ["v2"]
    assert api.client.get("/dataset/table/v1").status_code == 404


def test_a_deleted_version_can_be_made_again(api):
    api.table("v1", [ROWS])
    api.delete("/dataset/table/v1")
    assert api.table("v1", ["iso\tcount\nCOL\t3\n"]) == "saved"
    assert api.sql("select iso from data") == [{"iso": "COL"}]


def test_appending_twice_doubles_rows_and_sources(api):
    api.table("v1", [ROWS])
    for _ in range(2):
        assert api.append("v1", "count\tiso\n5\tBOL\n") == "saved"
    assert api.sql("select iso, count from data where iso = 'BOL'") == [{"iso": "BOL", "count": 5}] * 2
    assert len(api.data("/dataset/table/v1/creation_options")["source_uri"]) == 3


def test_a_failed_append_poisons_the_version_for_good(api):
    api.table("v1", [ROWS])
    assert api.append("v1", "iso\tcount\nBOL\tmany\n") == "failed"
    api.steps.passed("failed")
    assert api.data("/dataset/table/v1")["status"] == "failed"
    uri = api.source("good.tsv", "iso\tcount\nBOL\t7\n")
    assert api.post("/dataset/table/v1/append", {"source_uri": [uri]}).json()["data"]["assets"] == []
    api.steps.until(lambda: api.sql("select count(*) from data") == [{"count": 3}])
    assert (api.data("/dataset/table/v1")["status"], api.assets("v1")) == ("failed", [("Database table", "pending")])


def test_appending_nothing_fails_the_version(api):
    api.table("v1", [ROWS])
    assert api.post("/dataset/table/v1/append", {"source_uri": []}).status_code == 200
    api.steps.passed("failed")
    assert api.data("/dataset/table/v1")["status"] == "failed"


def test_the_asset_is_pending_from_the_answer_of_an_append_until_the_last_one_is_loaded(api):
    api.table("v1", [ROWS])
    api.steps.hold("reading")
    for number in range(2):
        uri = api.source(f"more-{number}.tsv", f"iso\tcount\nBOL\t{number}\n")
        answer = api.post("/dataset/table/v1/append", {"source_uri": [uri]})
        assert [one[0] for one in answer.json()["data"]["assets"]] == (["Database table"] if number == 0 else [])
        assert api.assets("v1") == [("Database table", "pending")]
    api.steps.arrive("reading")
    api.steps.go("reading")
    api.steps.passed("loaded", times=2)
    api.steps.arrive("reading")
    assert api.assets("v1") == [("Database table", "pending")]
    api.steps.open()
    api.steps.until(lambda: api.assets("v1") == [("Database table", "saved")])
    assert api.sql("select count(*) from data") == [{"count": 4}]


def test_appending_before_the_asset_exists_breaks(api, body):
    api.steps.hold("registering")
    api.put("/dataset/table/v1", body)
    answer = api.post("/dataset/table/v1/append", {"source_uri": body["creation_options"]["source_uri"]})
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert api.data("/dataset/table/v1/assets") == []


def test_deleting_a_version_while_it_is_loaded_leaves_nothing(api, body):
    api.steps.hold("written")
    api.put("/dataset/table/v1", body)
    api.steps.arrive("written")
    assert api.delete("/dataset/table/v1").status_code == 200
    part = api.service.settings.folder / "tables" / "table" / "v1" / "1-0.parquet"
    assert part.exists()
    api.steps.open()
    api.steps.passed("loaded")
    assert not part.exists()
    assert api.table("v1", [ROWS]) == "saved"
    assert api.sql("select count(*) from data") == [{"count": 2}]


def test_the_log_tells_who_changed_what_and_never_a_token(api, body):
    api.put("/dataset/table/v1", body)
    api.steps.passed("finished")
    api.put("/dataset/table/v1", body)
    api.patch("/dataset/table/v1", {})
    api.patch("/dataset/table/v1", {"is_latest": True})
    api.client.get("/dataset/table/v1")
    api.delete("/dataset/table/v1")
    log = api.service.request_log()
    assert [(one.method, one.path, one.status, one.caller) for one in log] == [
        ("PUT", "/dataset/table", 201, "admin"),
        ("PUT", "/dataset/table/v1", 202, "admin"),
        ("PATCH", "/dataset/table/v1", 200, "admin"),
        ("DELETE", "/dataset/table/v1", 200, "admin"),
    ]
    assert log[1].body == body
    assert ADMIN["Authorization"].split()[1] not in repr(log) + repr(api.service.settings)
