"""However large the table of sync configs is, a list page and a sync's dispatch read what they return and no more."""

from __future__ import annotations

import collections
import itertools
import math
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from moto.dynamodb.models.dynamo_type import Item

from datapump.analyses import SyncType
from datapump.sources.configs import enabled
from datapump.stores.dynamodb import DynamoSyncConfigStore
from datapump.stores.dynamodb.config_rows import entries, to_row
from datapump.stores.dynamodb.indexing import MARK
from datapump.stores.dynamodb.values import to_attributes
from datapump.sync_configs import FILTERS
from tests.support.configs import config
from tests.support.dynamodb import backend_table

TYPES = ("viirs", "modis", "glad", "rw_areas", "integrated_alerts")
COMBINATIONS = [names for count in range(6) for names in itertools.combinations(FILTERS, count)]
# What the largest table is asked for: making all lists of it would take minutes.
ASKED = [(), ("sync", "sync_type"), ("dataset",), ("analysis", "sync"), FILTERS]
PAGE = 50


class Use(NamedTuple):
    """What some requests read.

    Attributes:
        entries: Items of the index, as queries counted them.
        rows: Keys that were asked for one by one.
        units: Read capacity units, by the rules of the service, from the sizes of the items.
    """

    entries: int
    rows: int
    units: float


class Meter:
    """Counts what a client's requests read."""

    def __init__(self, client, monkeypatch, choose):
        self._calls = []
        self._choose = choose
        for operation in ("query", "scan", "batch_get_item", "get_item"):
            monkeypatch.setattr(client, operation, self._metered(operation, getattr(client, operation)))

    def _metered(self, operation, real):
        def call(**request):
            if "IndexName" in request:
                self._choose(request["ExpressionAttributeValues"].values())
            answer = real(**request)
            self._calls.append((operation, request, answer))
            return answer

        return call

    def take(self):
        """What was read since the last time."""
        calls, self._calls = self._calls, []
        assert "scan" not in {operation for operation, _, _ in calls}
        found = rows = 0
        units = 0.0
        for operation, request, answer in calls:
            if operation == "query":
                assert answer["ScannedCount"] == answer["Count"]
                assert "FilterExpression" not in request
                found += answer["Count"]
                units += math.ceil(sum(map(size, answer["Items"])) / 4096 or 1) * (
                    1 if request.get("ConsistentRead") else 0.5
                )
            elif operation == "batch_get_item":
                ((_, wanted),) = request["RequestItems"].items()
                rows += len(wanted["Keys"])
                (items,) = answer["Responses"].values()
                units += sum(math.ceil(size(item) / 4096) for item in items)
        return Use(found, rows, units)


def size(item):
    """About the bytes of an item."""
    return sum(len(name) + len(str(value)) for name, value in item.items())


def place(table, values):
    """Put an item straight into moto: by requests it would take an hour."""
    item = Item(hash_key=None, range_key=None, attrs=to_attributes(values))
    item.hash_key = item.attrs[table.hash_key_attr]
    if table.range_key_attr:
        item.range_key = item.attrs[table.range_key_attr]
        table.items[item.hash_key][item.range_key] = item
    else:
        table.items[item.hash_key] = item
    return item


def fill(tables, monkeypatch, count, asked):
    """Configs, and their entries in those lists.

    Returns:
        A function that tells moto which list is asked for, given the values of a query: it would sort the whole table.
    """
    configs, runs = (backend_table(tables, name) for name in (tables.configs, tables.runs))
    wanted = {"LIST#" + "+".join(names) for names in asked}
    lists = collections.defaultdict(list)
    for number in range(count):
        kind = TYPES[number % len(TYPES)]
        analysis = "glad" if kind == "rw_areas" else kind
        one = config(f"set_{number // 40 % 5}", analysis=analysis, version=f"v{number}", sync_type=kind)
        one.sync = number % 3 == 0
        place(configs, to_row(one))
        for entry in entries(one):
            if entry["sk"] in wanted:
                lists[entry["list"]].append(place(runs, entry))
    place(runs, MARK)

    def choose(values):
        (name,) = {value["S"] for value in values} & {*lists}
        monkeypatch.setattr(runs, "all_items", lambda: lists[name])

    return choose


def read_page(store, meter, names, known):
    """A page of the list by these filters: it reads its items, and one more to know of a next page."""
    filters = {name: known[name] for name in names}
    page = store.list(limit=PAGE, **filters)
    use = meter.take()
    assert all(getattr(one, name) == value for one in page.items for name, value in filters.items())
    assert len(page.items) == PAGE or page.next is None
    assert use.rows == len(page.items), filters
    assert use.entries == len(page.items) + (page.next is not None), filters
    return page, use


KNOWN = {"analysis": "viirs", "analysis_version": "v0", "dataset": "set_0", "sync": True, "sync_type": "viirs"}


@pytest.fixture
def check(tables, clock, monkeypatch):
    def check(count, asked):
        choose = fill(tables, monkeypatch, count, asked)
        store = DynamoSyncConfigStore(tables, clock)
        meter = Meter(tables.client, monkeypatch, choose)
        units = []
        for names in asked:
            page, use = read_page(store, meter, names, KNOWN)
            assert page.items
            units.append(use.units)
        return units

    return check


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_a_dispatch_of_a_sync_reads_the_enabled_configs_of_its_type_and_no_others(tables, clock, monkeypatch, count):
    choose = fill(tables, monkeypatch, count, [("sync", "sync_type")])
    ports = SimpleNamespace(sync_configs=DynamoSyncConfigStore(tables, clock))
    meter = Meter(tables.client, monkeypatch, choose)
    configs = enabled(SyncType.VIIRS, None, ports)
    use = meter.take()
    assert len(configs) == use.rows == len(range(0, count, 15))
    pages = math.ceil(len(configs) / 100)
    assert use.entries <= len(configs) + pages
    # A row costs a unit, the entries of a page a few.
    assert use.units <= len(configs) + 10 * pages


def test_a_list_by_any_filters_reads_what_it_returns(check):
    check(600, COMBINATIONS)


def test_a_page_of_a_list_of_5000_configs_costs_what_it_returns(check):
    # A row costs a unit, whatever its size, and the entries of a page a few more.
    assert max(check(5_000, ASKED)) <= (PAGE + 1) + 5


@pytest.mark.soak
def test_a_page_of_a_list_of_100000_configs_costs_what_it_returns(check):
    assert max(check(100_000, ASKED)) <= (PAGE + 1) + 5
