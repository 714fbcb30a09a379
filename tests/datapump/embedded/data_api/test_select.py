from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datapump.embedded.data_api.errors import ApiError
from datapump.embedded.data_api.select import translate

COLUMNS = ["iso", "day", "area__ha", "Mixed"]

REFUSED = [
    ("", "Must use exactly one SQL statement."),
    (";", "Must use exactly one SQL statement."),
    ("select 1; select 2", "Must use exactly one SQL statement."),
    ("select iso from data; drop table data", "Must use exactly one SQL statement."),
    ("delete from data", "Must use SELECT statements only."),
    ("update data set iso = 1", "Must use SELECT statements only."),
    ("insert into data values (1)", "Must use SELECT statements only."),
    ("values (1)", "Must use SELECT statements only."),
    ("explain select iso from data", "Must use SELECT statements only."),
    ("copy data to '/tmp/x'", "Must use SELECT statements only."),
    ("copy (select iso from data) to '/tmp/x'", "Must use SELECT statements only."),
    ("pragma database_list", "Must use SELECT statements only."),
    ("set threads = 1", "Must use SELECT statements only."),
    ("install spatial", "Must use SELECT statements only."),
    ("attach '/tmp/x.db'", "Bad request. syntax error"),
    ("call pragma_version()", "Must use SELECT statements only."),
    ("with x as (select 1) select * from x", "Must not have WITH clause."),
    ("select 1", "Must list exactly one table in FROM clause."),
    ("select pg_sleep(1)", "Must list exactly one table in FROM clause."),
    ("select iso from data, other", "Must list exactly one table in FROM clause."),
    ("select iso from data join other on true", "Must list exactly one table in FROM clause."),
    ("select iso from data, lateral (select 1) x", "Must list exactly one table in FROM clause."),
    ("select iso from data union select iso from data", "Must list exactly one table in FROM clause."),
    ("select * from read_csv('/etc/passwd')", "Must list exactly one table in FROM clause."),
    ("select * from read_text('/etc/passwd')", "Must list exactly one table in FROM clause."),
    ("select * from read_parquet('/tmp/*')", "Must list exactly one table in FROM clause."),
    ("select * from glob('/etc/*')", "Bad request. syntax error"),
    ("select * from duckdb_settings()", "Must list exactly one table in FROM clause."),
    ("select * from sqlite_scan('data_api.sqlite', 'tasks')", "Must list exactly one table in FROM clause."),
    ("select * from generate_series(1, 3)", "Must list exactly one table in FROM clause."),
    ("select * from unnest(array[1])", "Must list exactly one table in FROM clause."),
    ("select * from (select iso from data) x", "Must not use sub queries."),
    ("select (select 1) from data", "Must not use sub queries."),
    ("select iso from data where iso in (select iso from other)", "Must not use sub queries."),
    ("select iso from data where exists (select 1)", "Must not use sub queries."),
    ("select iso from data where iso = any (select 1)", "Must not use sub queries."),
    ("select pg_sleep(1) from data", "Use of admin, system or private functions is not allowed."),
    ("select PG_READ_FILE('/etc/passwd') from data", "Use of admin, system or private functions is not allowed."),
    ("select postgis_version() from data", "Use of admin, system or private functions is not allowed."),
    ("select _st_x() from data", "Use of admin, system or private functions is not allowed."),
    ("select current_setting('x') from data", "Use of admin, system or private functions is not allowed."),
    ("select set_config('x', 'y', true) from data", "Use of admin, system or private functions is not allowed."),
    ("select iso from data where pg_sleep(1) is null", "Use of admin, system or private functions is not allowed."),
    ("select iso from data order by pg_sleep(1)", "Use of admin, system or private functions is not allowed."),
    ("select current_user from data", "Use of sql value functions is not allowed."),
    ("select current_date from data", "Use of sql value functions is not allowed."),
    ("select now() from data", "Use of sql value functions is not allowed."),
    ("select getenv('HOME') from data", "Bad request. the function getenv is not available"),
    ("select getvariable('x') from data", "Bad request. the function getvariable is not available"),
    ("select read_text('/etc/passwd') from data", "Bad request. the function read_text is not available"),
    ("select query('select 1') from data", "Bad request. the function query is not available"),
    ("select iso from data order by random()", "Bad request. the function rand is not available"),
    ("select iso from data for update", "Bad request. locks in select is not available"),
    ("select iso into x from data", "Bad request. into in select is not available"),
    ("select iso from data tablesample system (1)", "Bad request. sample in table is not available"),
    ("select * exclude (iso) from data", "Bad request. except in star is not available"),
    ("select iso from data group by all", "Bad request. all in group is not available"),
    ("select iso from data limit 5 percent", "Bad request."),
    ("select cast(iso as inet) from data", "Bad request. type inet is not available"),
    ("select iso from data where iso = $1", "Bad request. the parameter expression is not available"),
    ("select nope from data", 'Bad request. column "nope" does not exist'),
    ("select mixed from data", 'Bad request. column "mixed" does not exist'),
    ('select "ISO" from data', 'Bad request. column "ISO" does not exist'),
    ("select other.iso from data", 'Bad request. missing FROM-clause entry for table "other"'),
    ("select data.iso from data d", 'Bad request. missing FROM-clause entry for table "data"'),
    ("select a.b.c.iso from data", "Bad request. cross-database references are not implemented"),
    ("select iso from data where n > 1 group by iso", 'Bad request. column "n" does not exist'),
    ("select date_trunc('month'') from x; --', day) from data", "Bad request."),
    ("select extract(secret from day) from data", "Bad request. SECRET is not a unit of time"),
    ("select iso frm data", "Bad request."),
    ("select " + 3000 * "(" + "1" + 3000 * ")" + " from data", "Bad request. the statement is nested too deeply"),
    ("select iso from data where iso = '" + 200_000 * "x" + "'", "Bad request. the statement is longer than"),
]  # fmt: skip

TRANSLATED = [
    ("select count(*) from data", "SELECT COUNT(*) FROM data", ["count"]),
    ("SELECT Iso FROM anything", 'SELECT "iso" FROM data', ["iso"]),
    ("select * from '/etc/passwd' limit 1", 'SELECT "iso", "day", "area__ha", "Mixed" FROM data LIMIT 1', COLUMNS),
    ('select * from "a"."/etc/passwd"', 'SELECT "iso", "day", "area__ha", "Mixed" FROM data', COLUMNS),
    ("select d.* from data d", 'SELECT "iso", "day", "area__ha", "Mixed" FROM data', COLUMNS),
    ('select d."Mixed" as "My; name" from data d', 'SELECT "Mixed" FROM data', ["My; name"]),
    (
        "select iso as i, sum(area__ha) from data group by i order by sum desc, i",
        'SELECT "iso", SUM("area__ha") FROM data GROUP BY 1 ORDER BY 2 DESC NULLS FIRST, 1',
        ["i", "sum"],
    ),
    ("select 1, 'it''s', -1, null from data", "SELECT 1, 'it''s', -1, NULL FROM data", ["?column?"] * 4),
    ("select 'back\\slash' from data", "SELECT 'back\\slash' FROM data", ["?column?"]),
    ("select day::text, 1::int from data", 'SELECT CAST("day" AS TEXT), CAST(1 AS INT) FROM data', ["day", "int4"]),
    ("select area__ha::numeric from data", 'SELECT CAST("area__ha" AS DOUBLE) FROM data', ["area__ha"]),
    ("select ceiling(area__ha) from data", 'SELECT CEIL("area__ha") FROM data', ["ceiling"]),
    ("select iso from data -- '; drop\n", 'SELECT "iso" FROM data', ["iso"]),
    ("select /* x */ iso from data", 'SELECT "iso" FROM data', ["iso"]),
    ("select case when day is null then 1 end from x", 'SELECT CASE WHEN "day" IS NULL THEN 1 END FROM data', ["case"]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "message"), REFUSED, ids=[sql[:60] for sql, _ in REFUSED])
def test_what_is_not_one_plain_select_is_refused(sql, message):
    with pytest.raises(ApiError) as refusal:
        translate(sql, COLUMNS)
    assert refusal.value.status == 400
    assert refusal.value.message.startswith(message)


@pytest.mark.parametrize(("sql", "duckdb", "names"), TRANSLATED, ids=[sql[:60] for sql, *_ in TRANSLATED])
def test_a_plain_select_is_written_anew(sql, duckdb, names):
    query = translate(sql, COLUMNS)
    assert (query.sql, query.names) == (duckdb, names)


@given(st.text(max_size=60))
def test_any_text_is_refused_in_words_or_translated(text):
    with suppress(ApiError):
        assert translate(text, COLUMNS).sql.startswith("SELECT ")


@given(st.text(max_size=30))
def test_a_text_in_a_query_stays_a_text(text):
    quoted = "'" + text.replace("'", "''") + "'"
    if "\0" not in text:
        sql = f"select iso from data where iso = {quoted}"  # noqa: S608 - what is tested
        assert translate(sql, COLUMNS).sql.endswith(f'"iso" = {quoted}')
