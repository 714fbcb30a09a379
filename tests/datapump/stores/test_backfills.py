"""What every store of backfills does; each twin of the port runs all of this."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from datapump.analyses import SyncType
from datapump.backfills import Backfill, BackfillPart, BackfillStatus
from datapump.errors import NotFoundError, StorageError

DAY_S = 86400


@pytest.fixture
def store(stores):
    return stores.backfills


@pytest.fixture
def make(clock):
    def make(**changes):
        known = {
            "id": clock.new_id(),
            "caller": "ada",
            "fingerprint": "f",
            "types": [SyncType.VIIRS],
            "parts": [BackfillPart(sync_version="v20261101")],
            "created": clock.now(),
        }
        clock.advance(1)
        return Backfill(**known | changes)

    return make


def test_what_was_stored_is_read_back_whole(store, make):
    parts = [BackfillPart(sync_version=f"v{number}", execution_id="e" * 32) for number in range(400)]
    backfill = make(parts=parts, labels={"team": "fires"}, at_once=10)
    assert store.create(backfill) == (backfill, True)
    assert store.get(backfill.id) == backfill


def test_there_is_none_of_an_unknown_id(store):
    with pytest.raises(NotFoundError, match="nope"):
        store.get("nope")


def test_a_key_finds_what_its_caller_made_with_it_and_nobody_elses(store, make):
    first, _ = store.create(make(idempotency_key="k"))
    assert store.create(make(idempotency_key="k")) == (first, False)
    assert store.create(make(idempotency_key="k", caller="bob"))[1] is True
    assert len(store.list().items) == 2


def test_of_many_that_use_a_key_at_once_one_is_made(store, make):
    wanted = [make(idempotency_key="k") for _ in range(8)]
    barrier = threading.Barrier(8)

    def create(backfill):
        barrier.wait(20)
        return store.create(backfill)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, wanted))
    assert [is_new for _, is_new in answers].count(True) == 1
    assert len({backfill.id for backfill, _ in answers}) == 1


def test_only_what_was_read_is_replaced(store, make):
    read, _ = store.create(make())
    assert store.save(read.model_copy(update={"reason": "first"})) is True
    assert store.save(read.model_copy(update={"reason": "second"})) is False
    now = store.get(read.id)
    assert (now.reason, now.revision) == ("first", 2)


def test_nothing_is_saved_that_was_never_stored(store, make):
    backfill = make()
    assert store.save(backfill) is False
    assert store.list().items == []


def test_pages_go_through_all_newest_first(store, make):
    made = [store.create(make())[0].id for _ in range(7)]
    found, after = [], None
    while True:
        page = store.list(after=after, limit=3)
        found += [item.id for item in page.items]
        if page.next is None:
            break
        after = page.next
    assert found == made[::-1]


def test_a_list_by_status_follows_each_change(store, make):
    first, _ = store.create(make())
    second, _ = store.create(make(status=BackfillStatus.RUNNING))
    assert [item.id for item in store.list(status=BackfillStatus.PLANNED).items] == [first.id]
    store.save(first.model_copy(update={"status": BackfillStatus.RUNNING}))
    assert store.list(status=BackfillStatus.PLANNED).items == []
    assert [item.id for item in store.list(status=BackfillStatus.RUNNING).items] == [second.id, first.id]
    assert [item.id for item in store.running()] == [first.id, second.id]
    store.save(second.model_copy(update={"status": BackfillStatus.STOPPED}))
    assert [item.id for item in store.running()] == [first.id]


def test_more_run_than_are_read_at_once(store, make):
    made = [store.create(make(status=BackfillStatus.RUNNING))[0].id for _ in range(105)]
    assert [item.id for item in store.running()] == made


def items(tables, clock):
    """The items that are not due to be deleted."""
    return [item for item in tables.scan(tables.runs) if item.get("expires", 1 << 40) > clock.now().timestamp()]


def test_only_what_is_over_is_deleted_some_day_and_then_its_key_is_free(dynamo_stores, tables, make, clock):
    store = dynamo_stores.backfills
    paused, _ = store.create(make(idempotency_key="p", status=BackfillStatus.PAUSED))
    over, _ = store.create(make(idempotency_key="o", status=BackfillStatus.RUNNING))
    store.save(over.model_copy(update={"status": BackfillStatus.SUCCEEDED}))
    clock.advance(399 * DAY_S)
    assert len(items(tables, clock)) == 6
    clock.advance(2 * DAY_S)
    left = items(tables, clock)
    assert {str(item["pk"]) for item in left} == {f"BACKFILL#{paused.id}", "IDEMPOTENCY#ada#p"}
    # The items of one backfill may be deleted one before the other.
    tables.delete_all(tables.runs, [{"pk": f"BACKFILL#{over.id}", "sk": "BACKFILL"}])
    new = make(idempotency_key="o")
    assert store.create(new) == (new, True)
    assert store.create(make(idempotency_key="o")) == (new, False)


def test_a_list_that_is_a_moment_behind_tells_nothing_that_is_not_so(dynamo_stores, tables, make):
    store = dynamo_stores.backfills
    gone, _ = store.create(make(status=BackfillStatus.RUNNING))
    tables.delete_all(tables.runs, [{"pk": f"BACKFILL#{gone.id}", "sk": "BACKFILL"}])
    paused, _ = store.create(make(status=BackfillStatus.RUNNING))
    old = tables.get(tables.runs, {"pk": f"BACKFILL#{paused.id}", "sk": "LIST#status"})
    store.save(paused.model_copy(update={"status": BackfillStatus.PAUSED}))
    tables.put_all(tables.runs, [old])
    assert store.running() == []
    assert store.list(status=BackfillStatus.RUNNING).items == []


def test_no_list_scans_the_table(dynamo_stores, tables, make, monkeypatch):
    store = dynamo_stores.backfills
    store.create(make(status=BackfillStatus.RUNNING))
    monkeypatch.setattr(tables.client, "scan", None)
    assert len(store.list().items) == len(store.running()) == len(store.list(status=BackfillStatus.RUNNING).items) == 1


def test_one_that_loses_its_key_all_the_time_says_so(dynamo_stores, tables, make, monkeypatch):
    real = tables.get
    store = dynamo_stores.backfills
    store.create(make(idempotency_key="k"))
    monkeypatch.setattr(tables, "get", lambda *place: None if place[1]["sk"] == "BACKFILL" else real(*place))
    with pytest.raises(StorageError, match="others were faster"):
        store.create(make(idempotency_key="k"))
