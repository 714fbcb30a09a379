"""Published tables read back from a real Data API."""

from __future__ import annotations

from datetime import date
from itertools import groupby

import pytest

from datapump.errors import InvalidInputError, NotFoundError
from datapump.published import MOST_ROWS, Choice, TableChangedError, columns, result_datasets, row_count
from datapump.published import rows as read
from datapump.results import table_schema
from tests.support.deployment import ANALYSIS, AREA, night

DAILY = ("geostore__viirs__daily_alerts", "v1")


def rows(data_api, dataset, version, choice):
    return read(data_api, dataset, version, choice).items


def pages(data_api, table, choice):
    """Page after page."""
    after = None
    while True:
        page = read(data_api, *table, choice, after)
        assert page.limited is (page.next is not None)
        yield page.items
        after = page.next
        if after is None:
            return


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with night(tmp_path_factory.mktemp("night")) as deployment:
        assert deployment.run(ANALYSIS).status == "succeeded"
        yield deployment


@pytest.fixture
def data_api(world):
    return world.data_api


@pytest.fixture
def put(world):
    """Makes a table of rows, or adds them to it; its dataset and version."""

    def put(name, text, *, indexed=True, append=False):
        dataset, uri = f"{name}__table", f"s3://gfw-pipelines/by-hand/{name}{append}.tsv"
        world.objects.put(uri, text.encode())
        if append:
            world.data_api.append(dataset, "v1", [uri])
        else:
            options = {"source_type": "table", "source_driver": "text", "source_uri": [uri], "delimiter": "\t"}
            schema = table_schema(text.partition("\n")[0].split("\t"), "feature", "change")
            indices = [{"index_type": "btree", "column_names": ["same__id"]}] if indexed else []
            world.data_api.create_dataset(dataset, {})
            more = {"has_header": True, "table_schema": schema, "indices": indices}
            world.data_api.create_version(dataset, "v1", {**options, **more})
        world.server.settle()
        return dataset, "v1"

    return put


def test_result_datasets_are_told_with_their_versions_and_nothing_else_is(data_api):
    data_api.create_dataset("plain_dataset", {})
    found = dict(result_datasets(data_api))
    assert found["geostore__viirs__daily_alerts"] == ["v1"]
    assert "plain_dataset" not in found


def test_columns_are_those_that_the_table_was_made_with(data_api):
    found = {column.name: column.type for column in columns(data_api, *DAILY)}
    assert (found["geostore__id"], found["alert__date"], found["alert__count"]) == ("text", "date", "integer")


def test_rows_and_totals_agree(data_api):
    every = rows(data_api, *DAILY, Choice(limit=MOST_ROWS))
    assert len(every) == row_count(data_api, *DAILY) > 0
    by_day = rows(data_api, *DAILY, Choice(group_by=("alert__date",), total="alert__count"))
    ordered = sorted(every, key=lambda row: row["alert__date"])
    expected = [
        (day, sum(row["alert__count"] for row in same))
        for day, same in groupby(ordered, key=lambda row: row["alert__date"])
    ]
    assert [(row["alert__date"], row["total"]) for row in by_day] == expected
    assert date.fromisoformat(by_day[0]["alert__date"])


def test_groups_of_several_columns_are_counted_and_the_largest_come_first(data_api):
    choice = Choice(group_by=("geostore__id", "confidence__cat"), largest=True)
    totals = [row["total"] for row in rows(data_api, *DAILY, choice)]
    assert totals == sorted(totals, reverse=True)
    assert sum(totals) == row_count(data_api, *DAILY)


def test_rows_are_chosen_by_a_value_that_is_never_read_as_sql(data_api):
    assert len(rows(data_api, *DAILY, Choice(column="geostore__id", value=AREA))) == row_count(data_api, *DAILY)
    assert rows(data_api, *DAILY, Choice(column="geostore__id", value="x' OR '1'='1")) == []
    with pytest.raises(InvalidInputError, match="is no number"):
        rows(data_api, *DAILY, Choice(column="alert__count", value="1 OR 1=1"))
    with pytest.raises(InvalidInputError, match="is no date as in 2026-01-17"):
        rows(data_api, *DAILY, Choice(column="alert__date", value="17.1.2026"))
    with pytest.raises(InvalidInputError, match="neither true nor false"):
        rows(
            data_api,
            "geostore__viirs__whitelist",
            "v1",
            Choice(column="is__umd_regional_primary_forest_2001", value="1"),
        )
    with pytest.raises(InvalidInputError, match="give a value"):
        rows(data_api, *DAILY, Choice(column="geostore__id"))
    for choice in (Choice(total="alert__count"), Choice(largest=True)):
        with pytest.raises(InvalidInputError, match="totals are of groups"):
            rows(data_api, *DAILY, choice)
    with pytest.raises(InvalidInputError, match="name the column"):
        rows(data_api, *DAILY, Choice(value=AREA))


@pytest.mark.parametrize("limit", [1, 7, MOST_ROWS])
@pytest.mark.parametrize(
    "choice",
    [Choice(), Choice(column="geostore__id", value=AREA), Choice(group_by=("alert__date",)),
     Choice(group_by=("alert__date", "confidence__cat"), total="alert__count", largest=True)],
    ids=["rows", "some", "groups", "largest"],
)  # fmt: skip
def test_pages_hold_every_row_once_in_one_order(data_api, choice, limit):
    whole = rows(data_api, *DAILY, choice._replace(limit=MOST_ROWS))
    found = list(pages(data_api, DAILY, choice._replace(limit=limit)))
    assert {len(page) for page in found[:-1]} <= {limit}
    assert [row for page in found for row in page] == whole
    assert whole


def test_rows_that_are_the_same_are_each_on_one_page(data_api, put):
    table = put("twins", "same__id\tnumber__count\n" + "b\t1\n" * 5 + "a\t2\n" + "a\t\n", indexed=True)
    found = [
        (row["same__id"], row["number__count"]) for page in pages(data_api, table, Choice(limit=2)) for row in page
    ]
    assert found == [("a", 2), ("a", None), *[("b", 1)] * 5]


def test_a_page_of_a_table_that_got_rows_since_is_refused(data_api, put):
    table = put("grows", "same__id\tnumber__count\na\t1\nb\t2\n", indexed=True)
    first = read(data_api, *table, Choice(limit=1))
    put("grows", "same__id\tnumber__count\n0\t3\n", append=True)
    with pytest.raises(TableChangedError, match="start with the first"):
        read(data_api, *table, Choice(limit=1), first.next)
    assert [row["number__count"] for page in pages(data_api, table, Choice(limit=1)) for row in page] == [3, 1, 2]


def test_a_table_without_an_order_has_one_page_and_says_that_there_is_more(data_api, put):
    table = put("points", "same__id\tnumber__count\na\t1\nb\t2\n", indexed=False)
    page = read(data_api, *table, Choice(limit=1))
    assert (len(page.items), page.next, page.limited) == (1, None, True)
    assert len(list(pages(data_api, table, Choice(group_by=("same__id",), limit=1)))) == 2


def test_a_column_in_capitals_is_found(data_api, put):
    table = put("carbon", "same__id\tgross__Mg\na\t1.5\na\t2\n", indexed=True)
    assert rows(data_api, *table, Choice(group_by=("same__id",), total="gross__Mg")) == [
        {"same__id": "a", "total": 3.5}
    ]
    assert rows(data_api, *table, Choice(column="gross__Mg", value="2")) == [{"same__id": "a", "gross__Mg": 2}]


@pytest.mark.parametrize("name", ["nothing", "alert__count) FROM data --", "count(*)", ""])
def test_a_column_that_is_not_there_is_refused_and_the_others_are_named(data_api, name):
    with pytest.raises(InvalidInputError, match="it has geostore__id"):
        rows(data_api, *DAILY, Choice(group_by=(name,)))
    with pytest.raises(InvalidInputError, match="it has geostore__id"):
        rows(data_api, *DAILY, Choice(group_by=("alert__date",), total=name))


def test_only_numbers_are_added_up(data_api):
    with pytest.raises(InvalidInputError, match=r"geostore__id of .* is text"):
        rows(data_api, *DAILY, Choice(group_by=("alert__date",), total="geostore__id"))


def test_a_version_that_is_not_there_is_not_found(data_api):
    with pytest.raises(NotFoundError, match="v9"):
        columns(data_api, DAILY[0], "v9")
