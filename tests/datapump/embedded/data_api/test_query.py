import time

import duckdb
import pytest

from datapump.embedded.data_api import query
from datapump.embedded.data_api.query import run

ROWS = "iso\tday\tcount\tarea__ha\tflag\nBRA\t2026-01-01\t3\t0.5\ttrue\nPER\t2026-01-02\t\tNaN\tfalse\n"
BOX = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]}


@pytest.fixture
def loaded(on_stage):
    if on_stage.client.get("/dataset/table/v1").status_code == 404:
        assert on_stage.table("v1", [ROWS]) == "saved"
    return on_stage


def refused(api, sql):
    answer = api.client.get("/dataset/table/v1/query/json", params={"sql": sql})
    return answer.status_code, answer.json()["message"]


@pytest.mark.parametrize(
    ("sql", "record"),
    [
        ("select count(*), sum(count), avg(count) from data", {"count": 2, "sum": 3, "avg": 3.0}),
        ("select max(day), min(iso) from data", {"max": "2026-01-02", "min": "BRA"}),
        ("select area__ha from data where iso = 'PER'", {"area__ha": None}),
        ("select 7 / 2, 7 / 2.0 as real, -7 / 2 as low from data limit 1", {"?column?": 3, "real": 3.5, "low": -3}),
        ("select iso, iso from data order by day limit 1", {"iso": "BRA"}),
        ("select iso from data where flag and day < '2026-01-02'", {"iso": "BRA"}),
        ("select iso from data order by count desc limit 1", {"iso": "PER"}),
        ("select date_trunc('month', day) as m from data limit 1", {"m": "2026-01-01T00:00:00"}),
        ("select extract(year from day) as y from data limit 1", {"y": 2026}),
        ("select round(area__ha::numeric * 3, 2) as r from data order by day limit 1", {"r": 1.5}),
        ("select day - day as days from data limit 1", {"days": 0}),
        ("select iso, row_number() over (order by day desc) as n from data order by n limit 1", {"iso": "PER", "n": 1}),
        ("select count(distinct iso) filter (where count > 5) as n from data", {"n": 0}),
        ("select iso || '-' || count as both from data where count is not null", {"both": "BRA-3"}),
    ],
)  # fmt: skip
def test_queries_answer_as_postgres_does(loaded, sql, record):
    assert loaded.sql(sql) == [record]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select count / 0 from data", "Bad request. division by zero"),
        ("select sum(iso) from data", "Bad request. No function matches"),
        ("select cast(iso as int) from data", "Bad request. Could not convert string 'BRA' to INT32"),
        ("select iso, count(*) from data", "Bad request. column"),
        ("select iso frm data", "Bad request."),
    ],
)
def test_a_query_that_fails_is_told_in_one_line(loaded, sql, message):
    status, told = refused(loaded, sql)
    assert (status, "\n" in told) == (400, False)
    assert told.lower().startswith(message.lower())
    assert str(loaded.service.settings.folder) not in told


def test_csv_quotes_texts_and_no_numbers(loaded):
    sql = "select iso, day, count, flag from data order by day"
    answer = loaded.client.get("/dataset/table/v1/query/csv", params={"sql": sql, "delimiter": ";"})
    assert answer.text == '"iso";"day";"count";"flag"\r\n"BRA";"2026-01-01";3;True\r\n"PER";"2026-01-02";"";False\r\n'
    assert (answer.headers["content-type"].split(";")[0], answer.headers["cache-control"]) == ("text/csv", "max-age=0")
    none = loaded.post("/dataset/table/v1/query/csv", {"sql": "select iso from data where false"}, {})
    assert (none.status_code, none.text) == (200, "")
    wrong = loaded.client.get("/dataset/table/v1/query/csv", params={"sql": sql, "delimiter": "x"})
    assert wrong.status_code == 422


def test_json_may_be_kept_two_hours_and_tables_of_gadm_tree_cover_loss_a_year(api):
    api.table("v1", [ROWS], "gadm__tcl__iso_change")
    api.table("v1", [ROWS], "gadm__glad__iso_change")
    kept = [
        api.client.get(f"/dataset/{dataset}/v1/query/json", params={"sql": "select 1 from data"}).headers[
            "cache-control"
        ]
        for dataset in ("gadm__tcl__iso_change", "gadm__glad__iso_change")
    ]
    assert kept == ["max-age=31536000", "max-age=7200"]


def test_a_geometry_keeps_only_rows_that_meet_it(api):
    rows = "lat_d\tlon_d\n5\t5\n50\t5\n\t5\n"
    api.table("v1", [rows], latitude="lat_d", longitude="lon_d")
    path = "/dataset/table/v1/query/json"
    answer = api.post(path, {"sql": "select lat_d from data where lat_d > 0", "geometry": BOX}, {})
    assert answer.json()["data"] == [{"lat_d": 5}]
    wrong = api.post(path, {"sql": "select lat_d from data", "geometry": {"type": "Nope"}}, {})
    assert (wrong.status_code, wrong.json()["message"]) == (400, "Bad request. geometry is not a GeoJSON geometry")


def test_a_geometry_needs_a_geo_table_and_a_geostore_is_not_there(loaded):
    path = "/dataset/table/v1/query/json"
    assert loaded.post(path, {"sql": "select iso from data", "geometry": BOX}, {}).status_code == 400
    sql = {"sql": "select iso from data", "geostore_id": "11111111-1111-4111-8111-111111111111"}
    assert loaded.client.get(path, params=sql).status_code == 501


def test_before_the_first_load_there_is_no_relation(api):
    api.dataset()
    api.steps.hold("registering", "reading")
    uri = api.source("a.tsv", ROWS)
    body = {"source_type": "table", "source_driver": "text", "source_uri": [uri], "delimiter": "\t"}
    api.put("/dataset/table/v1", {"creation_options": body})
    assert refused(api, "select 1 from data") == (404, "Could not find default asset for table.v1")
    api.steps.go("registering")
    api.steps.arrive("reading")
    assert refused(api, "select 1 from data") == (400, 'Bad request. relation "table.v1" does not exist')


def test_the_older_paths_redirect(loaded):
    get = loaded.client.get("/dataset/table/v1/query", params={"sql": "select 1"})
    post = loaded.post("/dataset/table/v1/query", {"sql": "select 1"}, {})
    assert (get.status_code, get.headers["location"]) == (308, "/dataset/table/v1/query/json?sql=select+1")
    assert (post.status_code, post.headers["location"]) == (308, "/dataset/table/v1/query/json")


def test_a_query_that_takes_too_long_is_524(loaded):
    settings = loaded.service.settings.model_copy(update={"query_timeout_s": 0.05})
    table = loaded.service.table("table", "v1")
    many = query.Table(table.columns, table.parts * 4000)
    began = time.monotonic()
    with pytest.raises(query.ApiError) as refusal:
        run(settings, many, "select count(distinct iso || day || count || area__ha || flag) from data")
    assert refusal.value.status == 524
    assert time.monotonic() - began < 5


def test_a_query_that_gives_too_many_rows_is_refused(loaded):
    settings = loaded.service.settings.model_copy(update={"query_max_rows": 1})
    with pytest.raises(query.ApiError, match="more than 1 rows"):
        run(settings, loaded.service.table("table", "v1"), "select iso from data")


def test_a_version_that_is_deleted_meanwhile_is_404(loaded):
    table = loaded.service.table("table", "v1")
    gone = query.Table(table.columns, [table.parts[0].with_name("gone.parquet")])
    with pytest.raises(query.ApiError) as refusal:
        run(loaded.service.settings, gone, "select iso from data")
    assert refusal.value.status == 404


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('{outside}')",
        "select * from read_text('{outside}')",
        "select * from '{outside}'",
        "select * from glob('{folder}/*')",
        "select * from read_text('{folder}/data_api.sqlite')",
        "select * from sqlite_scan('{folder}/data_api.sqlite', 'tasks')",
        "copy data to '{folder}/copy.csv'",
        "attach '{folder}/data_api.sqlite'",
        "set memory_limit = '100GB'",
        "set enable_external_access = true",
        "set allowed_paths = ['{outside}']",
        "reset allowed_paths",
        "install spatial",
        "load spatial",
        "select getenv('HOME')",
        "select * from loaded",
    ],
)
def test_even_unchecked_sql_finds_nothing_but_the_table(loaded, sql, tmp_path):
    outside = tmp_path / "outside.csv"
    outside.write_text("secret\n1\n")
    folder = loaded.service.settings.folder
    table = loaded.service.table("table", "v1")
    with query._connection(loaded.service.settings, table, None) as connection:
        assert connection.execute("select count(*) from data").fetchall() == [(2,)]
        with pytest.raises(duckdb.Error):
            connection.execute(sql.format(outside=outside, folder=folder)).fetchall()
    assert not (folder / "copy.csv").exists()


class TestTurns:
    @pytest.fixture
    def limits(self):
        return {"queries_at_once": 1, "query_timeout_s": 0.2}

    def test_a_query_waits_for_its_turn_but_not_for_ever(self, api):
        api.table("v1", [ROWS])
        with api.service.query_turn() as came:
            assert came
            assert refused(api, "select iso from data")[0] == 524
        assert len(api.sql("select iso from data")) == 2
