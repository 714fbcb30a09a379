import os

import geopandas
import pytest
import shapely

from tests.datapump.embedded.data_api.serving import ADMIN

PARTITIONS = {
    "partition_type": "range",
    "partition_column": "day",
    "partition_schema": [
        {"partition_suffix": "jan", "start_value": "2026-01-01", "end_value": "2026-02-01"},
        {"partition_suffix": "feb", "start_value": "2026-02-01", "end_value": "2026-03-01"},
    ],
}


def schema(**types):
    return [{"name": name, "data_type": data_type} for name, data_type in types.items()]


FITTING = [
    ("integer", " 7", 7),
    ("bigint", "-9000000000", -9_000_000_000),
    ("smallint", "+3", 3),
    ("numeric", "1e3", 1000.0),
    ("double precision", ".5", 0.5),
    ("numeric", "NaN", None),
    ("text", " a ", " a "),
    ("character varying", '"a""b\tc"', 'a"b\tc'),
    ("boolean", "T", True),
    ("boolean", "off", False),
    ("boolean", "true", True),
    ("boolean", "false", False),
    ("boolean", " YE ", True),
    ("boolean", "0", False),
    ("date", "2026-1-2", "2026-01-02"),
    ("timestamp", "2026-01-02 03:04:05.5", "2026-01-02T03:04:05.500000"),
    ("time", "03:04", "03:04:00"),
    ("uuid", "550E8400-E29B-41D4-A716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
    ("jsonb", '"{""a"": 1}"', '{"a": 1}'),
    ("geometry", "0101000000000000000000F03F000000000000F03F", "0101000000000000000000F03F000000000000F03F"),
    ("text", '""', ""),
    ("text", "", None),
    ("integer", "", None),
]


def test_texts_become_values_of_their_columns_types(api):
    names = [f"col{at}" for at in range(len(FITTING))]
    types = [data_type for data_type, _, _ in FITTING]
    rows = "\t".join(names) + "\n" + "\t".join(text for _, text, _ in FITTING) + "\n"
    assert api.table("v1", [rows], table_schema=schema(**dict(zip(names, types, strict=True)))) == "saved"
    record = api.sql("select * from data")[0]
    assert [(data_type, value) for data_type, value in zip(types, record.values(), strict=True)] == [
        (data_type, value) for data_type, _, value in FITTING
    ]


@pytest.mark.parametrize(
    ("data_type", "text"),
    [
        ("integer", "1.5"),
        ("integer", "2147483648"),
        ("smallint", "0x1f"),
        ("integer", '""'),
        ("numeric", "1,5"),
        ("boolean", "perhaps"),
        ("boolean", "o"),
        ("boolean", "yesno"),
        ("date", "2026-02-30"),
        ("date", "01.02.2026"),
        ("timestamp", "noon"),
        ("uuid", "550e8400"),
        ("jsonb", "{"),
        ("geometry", "POINT (1 1)"),
    ],
)
def test_a_text_that_does_not_fit_fails_the_whole_load(api, data_type, text):
    rows = f"key\tval\na\t\nb\t{text}\n"
    assert api.table("v1", [rows], table_schema=schema(key="text", val=data_type)) == "failed"
    assert f"column val: not a value of type {data_type}" in api.reason("v1")
    assert api.client.get("/dataset/table/v1/query/json", params={"sql": "select 1 from data"}).status_code == 400


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("", "is empty"),
        ("key\tval\n1\n", "line 2: Expected Number of Columns: 2 Found: 1"),
        ("key\tval\n1\t2\t3\n", "line 2: Expected Number of Columns: 2 Found: 3"),
        ('key\tval\n1\t"2\n', "line 2: Value with unterminated quote"),
        (b"key\tval\n" + b"1\t1\n" * 5000 + b"1\t\xff\n", "line 5002: Invalid unicode"),
        ("key\tkey\n1\t2\n", "column key occurs twice"),
        ("key\t\n1\t2\n", "column 2 has no name"),
        ("key\tother\n1\t2\n", "lacks the column val"),
        ("key\tval\tmore\n1\t2\t3\n", "has the column more, which the table has not"),
    ],
)
def test_a_file_that_is_no_such_table_fails_the_load(api, rows, reason):
    uri = api.source("bad.tsv", rows)
    assert api.table("v1", [uri], table_schema=schema(key="text", val="text")) == "failed"
    assert reason in api.reason("v1")
    assert "s3://sources/bad.tsv" in api.reason("v1")
    assert str(api.buckets) not in api.reason("v1")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"indices": [{"index_type": "btree", "column_names": ["nope"]}]}, "an index names the column nope"),
        ({"indices": [{"index_type": "btree", "column_names": ["day"]}] * 2}, "is asked for twice"),
        ({"cluster": {"index_type": "btree", "column_names": ["nope"]}}, "an index names the column nope"),
        ({"constraints": [{"constraint_type": "unique", "column_names": ["nope"]}]}, "names the column nope"),
        ({"partitions": {**PARTITIONS, "partition_column": "nope"}}, "the partition column nope"),
        ({"latitude": "nope", "longitude": "day"}, "the latitude column nope"),
        ({"table_schema": schema(day="ARRAY")}, "ARRAY alone is not a type"),
    ],
)
def test_options_that_the_table_cannot_have_fail_the_load(api, options, reason):
    assert api.table("v1", ["day\n2026-01-01\n"], **options) == "failed"
    assert reason in api.reason("v1")


def test_types_are_inferred_from_the_first_hundred_lines(api):
    rows = "whole\treal\tday\tmoment\tflag\tword\tnothing\n" + 100 * "1\t1.5\t2026-01-01\t2026-01-01 10:00\tf\tx\t\n"
    assert api.table("v1", [rows]) == "saved"
    types = {field["name"]: field["data_type"] for field in api.data("/dataset/table/v1/fields")}
    assert types == {
        "whole": "bigint",
        "real": "numeric",
        "day": "date",
        "moment": "timestamp without time zone",
        "flag": "boolean",
        "word": "character varying",
        "nothing": "character varying",
    }
    assert api.table("v2", [rows + "many\t1\t2026-01-01\t2026-01-01\tt\tx\t\n"]) == "failed"


def test_files_are_read_by_the_names_of_their_columns(api):
    assert api.table("v1", ["key\tval\n1\ta\n", "val\tkey\nb\t2\n"]) == "saved"
    assert api.sql("select * from data order by key") == [{"key": 1, "val": "a"}, {"key": 2, "val": "b"}]


@pytest.mark.parametrize("delimiter", [",", "|", ";", "\t"])
def test_each_delimiter_is_read(api, delimiter):
    assert api.table("v1", [f"key{delimiter}val\n1{delimiter}a b\n"], delimiter=delimiter) == "saved"
    assert api.sql("select val from data") == [{"val": "a b"}]


def test_a_header_alone_is_a_table_without_rows(api):
    assert api.table("v1", ["key\tval\n"]) == "saved"
    assert api.sql("select * from data") == []


def test_latitude_and_longitude_make_a_geo_table_with_points(api):
    rows = "lat_d\tlon_d\n1.25\t20.5\n-3.5\t\n90\t0\n"
    status = api.table("v1", [rows], latitude="lat_d", longitude="lon_d")
    assert status == "saved"
    assert api.assets("v1") == [("Geo database table", "saved")]
    rows = api.sql("select geom, geom_wm from data order by lat_d")
    point = shapely.from_wkb(rows[1]["geom"])
    assert (shapely.get_srid(point), point.x, point.y) == (4326, 20.5, 1.25)
    mercator = shapely.from_wkb(rows[1]["geom_wm"])
    assert shapely.get_srid(mercator) == 3857
    expected = geopandas.GeoSeries([point], crs=4326).to_crs(3857)[0]
    assert shapely.equals_exact(mercator, expected, 1e-6)
    assert rows[0] == {"geom": None, "geom_wm": None}
    assert shapely.from_wkb(rows[2]["geom"]).y == 90
    assert rows[2]["geom_wm"] is None
    flags = {field["name"]: field["is_filter"] for field in api.data("/dataset/table/v1/fields")}
    assert flags == {"lat_d": True, "lon_d": True, "geom": False, "geom_wm": False}


def test_rows_appended_to_a_table_of_points_get_points(api):
    api.table("v1", ["lat_d\tlon_d\n1\t2\n"], latitude="lat_d", longitude="lon_d")
    assert api.append("v1", "lon_d\tlat_d\n4\t3\n") == "saved"
    assert api.sql("select geom from data order by lat_d")[1]["geom"] == shapely.to_wkb(
        shapely.set_srid(shapely.Point(4, 3), 4326), hex=True, include_srid=True
    )


def test_a_unique_constraint_drops_rows_that_are_there_already(api):
    unique = [{"constraint_type": "unique", "column_names": ["key", "day"]}]
    api.table("v1", ["key\tday\tval\na\tx\t1\na\tx\t2\na\t\t3\na\t\t4\n"], constraints=unique)
    assert api.append("v1", "key\tday\tval\na\tx\t5\nb\tx\t6\nb\tx\t7\na\t\t8\n") == "saved"
    assert [row["val"] for row in api.sql("select val from data order by val")] == [1, 3, 4, 6, 8]


def test_rows_that_fit_no_partition_fail_the_load(api):
    assert api.table("v1", ["day\n2026-01-01\n2026-02-28\n"], partitions=PARTITIONS) == "saved"
    assert api.table("v2", ["day\n2026-01-01\n2026-03-01\n"], partitions=PARTITIONS) == "failed"
    assert api.reason("v2") == "1 rows fit no partition of day, such as 2026-03-01"
    assert api.table("v3", ["day\n2026-03-01\n"], partitions={**PARTITIONS, "create_default": True}) == "saved"


def test_values_that_fit_no_listed_partition_fail_the_load(api):
    listed = {
        "partition_type": "list",
        "partition_column": "iso",
        "partition_schema": [{"partition_suffix": "amazon", "value_list": ["BRA", "PER"]}],
    }
    assert api.table("v1", ["iso\nBRA\nPER\n"], partitions=listed) == "saved"
    assert api.table("v2", ["iso\nBRA\nCOL\n"], partitions=listed) == "failed"
    hashed = {**listed, "partition_type": "hash", "partition_schema": {"partition_count": 4}}
    assert api.table("v3", ["iso\nCOL\n"], partitions=hashed) == "saved"


def test_rows_are_sorted_by_the_cluster_index_within_a_part(api):
    cluster = {"index_type": "btree", "column_names": ["iso", "day"]}
    rows = "iso\tday\n" + "".join(f"{iso}\t{day}\n" for day in (3, 1, 2) for iso in ("PER", "BRA"))
    api.table("v1", [rows], cluster=cluster)
    assert [tuple(row.values()) for row in api.sql("select * from data")] == [
        (iso, day) for iso in ("BRA", "PER") for day in (1, 2, 3)
    ]


def test_a_full_disk_fails_the_load_with_its_reason_and_no_rows(api):
    api.table("v1", ["key\n1\n"])
    part = api.service.settings.folder / "tables" / "table" / "v1" / "2-0.parquet.writing"
    part.symlink_to("/dev/full")
    assert api.append("v1", "key\n2\n") == "failed"
    assert api.reason("v1") == "no space left on the disk: free some, delete the version and load it again"
    assert api.sql("select count(*) from data") == [{"count": 1}]


def test_a_big_file_is_loaded_whole(api):
    rows = "key\tval\n" + "".join(f"{number}\t{number % 7}\n" for number in range(200_000))
    assert api.table("v1", [rows]) == "saved"
    assert api.sql("select count(*), sum(key) from data") == [{"count": 200_000, "sum": 19_999_900_000}]


def test_two_indices_and_null_options_are_told_in_the_services_words(api):
    api.dataset()
    body = {"source_type": "table", "source_driver": "text", "source_uri": ["s3://sources/a.tsv"], "delimiter": " "}
    answer = api.client.put("/dataset/table/v1", json={"creation_options": body}, headers=ADMIN)
    first = answer.json()["message"][0]
    assert first["msg"] == r"value is not a valid enumeration member; permitted: ',', '\t', '|', ';'"
    assert first["ctx"] == {"enum_values": [",", "\t", "|", ";"]}
    assert os.fspath(api.buckets) not in answer.text
