"""Published tables read back from a real Data API."""

from __future__ import annotations

from datetime import date
from itertools import groupby

import pytest

from datapump.errors import InvalidInputError, NotFoundError
from datapump.published import MOST_ROWS, Choice, columns, result_datasets, row_count, rows
from tests.support.deployment import ANALYSIS, AREA, night

DAILY = ("geostore__viirs__daily_alerts", "v1")


@pytest.fixture(scope="module")
def data_api(tmp_path_factory):
    with night(tmp_path_factory.mktemp("night")) as deployment:
        assert deployment.run(ANALYSIS).status == "succeeded"
        yield deployment.data_api


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
