"""Lists of executions on SQLite read no more of the store than the shortest of the lists that are asked for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from datapump.stores.sqlite import Database, SqliteRunStore
from datapump.stores.sqlite.run_lists import LONG
from tests.support.clock import FakeClock
from tests.support.jobs import sync_job
from tests.support.runs import execution

MANY = 400
SYNC = {"command": "sync", "parameters": {"types": ["viirs"]}, "labels": {"team": "fires"}}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Many executions of one kind, and the time that it is after the last."""
    clock = FakeClock()
    database = Database(tmp_path_factory.mktemp("lists") / "runs.sqlite")
    runs = SqliteRunStore(database, clock)
    for number in range(MANY):
        clock.advance(60)
        stored, _ = runs.create_execution(execution(clock, command=SYNC))
        runs.begin(stored.id, [sync_job(f"job-{number}", dataset="gadm")], [], [])
    yield runs, clock.now()
    database.close()


def steps(runs, **filters):
    """How many virtual steps of the database a page takes, to ten."""
    taken = []
    connection = runs._database._connection()
    connection.set_progress_handler(lambda: taken.append(10), 10)
    try:
        page = runs.list_executions(limit=10, **filters)
    finally:
        connection.set_progress_handler(None, 0)
    return sum(taken), len(page.items)


NOTHING = [
    {"status": "failed"},
    {"command": "analysis"},
    {"caller": "bob"},
    {"dataset": "geostore"},
    {"sync_type": "modis"},
    {"label": "team:none"},
    {"since": timedelta(hours=1)},
    {"until": -timedelta(days=30)},
    {"status": "running", "dataset": "geostore"},
    {"caller": "ada", "sync_type": "modis", "label": "team"},
]
SOME = [{}, {"status": "running"}, {"dataset": "gadm"}, {"sync_type": "viirs"}, {"label": "team:fires"}]


def at(filters, now):
    return {name: now + value if isinstance(value, timedelta) else value for name, value in filters.items()}


@pytest.mark.parametrize("filters", NOTHING, ids=str)
def test_filters_that_match_nothing_read_nothing(filled, filters):
    runs, now = filled
    taken, found = steps(runs, **at(filters, now))
    assert found == 0
    # The lists beside the empty one are counted, up to a bound; an execution that is read and thrown away takes more.
    assert taken < 200 + 10 * LONG * (len(filters) - 1) < 10 * MANY * len(filters)


@pytest.mark.parametrize("filters", SOME, ids=str)
def test_a_page_reads_about_what_it_returns(filled, filters):
    taken, found = steps(filled[0], **filters)
    assert found == 10
    assert taken < 800
