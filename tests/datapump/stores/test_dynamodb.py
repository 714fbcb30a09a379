"""What only DynamoDB does: throttling, large pages, expiry, a client made late."""

from __future__ import annotations

import random
import subprocess
import sys
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError

from datapump.errors import InternalError, NotFoundError, StorageError
from datapump.executions import ExecutionStatus, NewEvent
from datapump.settings import Settings
from datapump.stores.dynamodb import DynamoRunStore, DynamoSyncConfigStore, Tables
from datapump.stores.dynamodb.events import SETTLE_S
from tests.support.configs import config
from tests.support.dynamodb import backend_table
from tests.support.runs import begun, execution, job


class Requests:
    """Remembers requests and answers of a client; may answer in its place."""

    def __init__(self, tables, monkeypatch, operation, answer=lambda _, real, request: real(**request)):
        real = getattr(tables.client, operation)
        self.made = 0

        def call(**request):
            self.made += 1
            return answer(self.made, real, request)

        monkeypatch.setattr(tables.client, operation, call)


def refusal(code, operation="Query"):
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


def test_what_is_throttled_is_tried_again(tables, clock, monkeypatch):
    store = DynamoRunStore(tables, clock)
    identity = begun(store, clock)

    def throttle(number, real, request):
        if number <= 3:
            raise refusal("ProvisionedThroughputExceededException")
        return real(**request)

    requests = Requests(tables, monkeypatch, "query", throttle)
    assert len(store.list_jobs(identity)) == 1
    assert requests.made == 4
    assert len(tables._pause) >= 3


def test_what_stays_throttled_is_an_error_that_may_be_repeated(tables, clock, monkeypatch):
    store = DynamoRunStore(tables, clock)

    def throttle(number, real, request):
        raise refusal("ThrottlingException")

    Requests(tables, monkeypatch, "get_item", throttle)
    with pytest.raises(StorageError, match="throttled") as caught:
        store.get_execution("x")
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("code", "kind"), [("AccessDeniedException", StorageError), ("ValidationException", InternalError)]
)
def test_a_refusal_is_an_error_of_ours_with_its_reason(tables, clock, monkeypatch, code, kind):
    def refuse(number, real, request):
        raise refusal(code)

    Requests(tables, monkeypatch, "get_item", refuse)
    with pytest.raises(kind, match=code):
        DynamoRunStore(tables, clock).get_execution("x")


def test_items_that_a_batch_left_out_are_asked_for_again(tables, clock, monkeypatch):
    store = DynamoRunStore(tables, clock)
    made = [begun(store, clock) for _ in range(7)]

    def halve(number, real, request):
        ((table, wanted),) = request["RequestItems"].items()
        keys = wanted["Keys"]
        answer = real(RequestItems={table: {**wanted, "Keys": keys[: len(keys) // 2 + 1]}})
        left = keys[len(keys) // 2 + 1 :]
        return {**answer, "UnprocessedKeys": {table: {**wanted, "Keys": left}} if left else {}}

    requests = Requests(tables, monkeypatch, "batch_get_item", halve)
    assert [one.id for one in store.list_executions().items] == made[::-1]
    assert requests.made == 3


def test_items_that_a_batch_did_not_write_are_written_again(tables, clock, monkeypatch):
    store = DynamoRunStore(tables, clock)

    def one_only(number, real, request):
        ((table, wanted),) = request["RequestItems"].items()
        answer = real(RequestItems={table: wanted[:7]})
        return {**answer, "UnprocessedItems": {table: wanted[7:]} if wanted[7:] else {}}

    Requests(tables, monkeypatch, "batch_write_item", one_only)
    identity = begun(store, clock, *(job(f"j{number}") for number in range(20)))
    assert len(store.list_jobs(identity)) == 20


def test_a_conflict_with_another_transaction_is_no_failure(tables, clock, monkeypatch):
    store = DynamoRunStore(tables, clock)
    identity = begun(store, clock)

    def conflict(number, real, request):
        if number == 1:
            reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}]
            error = {"Error": {"Code": "TransactionCanceledException", "Message": "x"}, "CancellationReasons": reasons}
            raise ClientError(error, "TransactWriteItems")
        return real(**request)

    requests = Requests(tables, monkeypatch, "transact_write_items", conflict)
    assert store.finish(identity, ExecutionStatus.SUCCEEDED)
    assert requests.made == 2


def test_lists_that_are_larger_than_a_megabyte_are_read_to_their_end(tables, clock, monkeypatch):
    store = DynamoRunStore(tables, clock)
    jobs = [job(f"j{number}").model_copy(update={"message": "x" * 3500}) for number in range(400)]
    identity = begun(store, clock, *jobs)
    requests = Requests(tables, monkeypatch, "query")
    assert len(store.list_jobs(identity)) == 400
    assert requests.made > 1


def test_a_page_of_events_is_all_that_is_read(tables, clock, monkeypatch):
    store = DynamoRunStore(tables, clock)
    identity = begun(store, clock)
    for number in range(30):
        store.add_event(identity, NewEvent(kind="note", message=str(number)))
    read = []

    def remember(_, real, request):
        answer = real(**request)
        read.append(answer["ScannedCount"])
        return answer

    Requests(tables, monkeypatch, "query", remember)
    assert len(store.list_events(identity, after=3, limit=4)) == 4
    assert sum(read) == 5
    assert len(store.list_events(identity, limit=500)) == 33


def test_what_is_large_is_stored_compressed_and_what_is_too_large_refused(tables, clock):
    store = DynamoRunStore(tables, clock)
    long = job().model_copy(update={"notes": ["the same again"] * 20_000})
    identity = begun(store, clock, long)
    assert store.get_job(identity, "job-1").job == long
    noise = random.Random(1).randbytes(800_000).hex()
    with pytest.raises(InternalError, match="too large"):
        store.save_job(identity, long.model_copy(update={"message": noise}), 1)


def test_an_event_that_may_still_come_holds_its_readers_up_for_a_while(tables, clock):
    store = DynamoRunStore(tables, clock)
    identity = begun(store, clock)
    seen = len(store.list_events(identity))
    # Somebody has got a number and has not stored its event yet.
    (late,) = store._events.numbered(identity, [NewEvent(kind="note", message="late")])
    store.add_event(identity, NewEvent(kind="note", message="after"))
    assert store.list_events(identity, after=seen) == []
    tables.write(late)
    assert [event.message for event in store.list_events(identity, after=seen)] == ["late", "after"]
    # Somebody has died with a number: the next events are shown all the same, but later.
    store._events.numbered(identity, [NewEvent(kind="note", message="never")])
    store.add_event(identity, NewEvent(kind="note", message="last"))
    assert store.list_events(identity, after=seen + 2) == []
    clock.advance(SETTLE_S)
    assert [event.message for event in store.list_events(identity, after=seen + 2)] == ["last"]


def test_jobs_of_a_dispatch_that_died_are_nowhere_to_be_seen(tables, clock):
    store = DynamoRunStore(tables, clock)
    stored, _ = store.create_execution(execution(clock))
    store._jobs.stage(stored, "died", [job("dead")])
    assert store.list_jobs(stored.id) == []
    assert store.open_job("dead") is None
    assert store.list_executions(dataset="gadm").items == []
    assert store.count_executions(dataset="gadm") == 0
    with pytest.raises(NotFoundError):
        store.get_job(stored.id, "dead")
    store.begin(stored.id, [job("alive")], [], [])
    assert [one.job.id for one in store.list_jobs(stored.id)] == ["alive"]
    assert store.newest_execution_of("dead") is None
    assert store.count_executions(dataset="gadm") == 1


def test_everything_of_an_execution_expires_and_nothing_else_does(tables, clock):
    store = DynamoRunStore(tables, clock)
    identity = begun(store, clock, key="k")
    store.intend("effect")
    store.finish(identity, ExecutionStatus.SUCCEEDED)
    DynamoSyncConfigStore(tables, clock).put(config("gadm"))
    after = int(clock.now().timestamp()) + 400 * 86400
    for hash_items in backend_table(tables, tables.runs).items.values():
        for item in hash_items.values():
            attributes = item.to_regular_json()
            if attributes["pk"].startswith(("CONFIG", "LEASE")):
                assert "expires" not in attributes
            else:
                assert Decimal(attributes["expires"]) == after, attributes["pk"]


def test_a_key_whose_execution_has_expired_may_be_used_again(tables, clock):
    store = DynamoRunStore(tables, clock)
    first, _ = store.create_execution(execution(clock, key="k"))
    tables.client.delete_item(
        TableName=tables.runs, Key={"pk": {"S": f"EXECUTION#{first.id}"}, "sk": {"S": "EXECUTION"}}
    )
    assert store.find_by_key("ada", "k") is None
    second, new = store.create_execution(execution(clock, key="k"))
    assert new
    assert store.find_by_key("ada", "k") == second
    assert store.list_executions().items == [second]


def test_no_client_is_made_before_the_first_request(clock):
    tables = Tables.of(Settings(run_table="r", config_table="c", aws_region="eu-west-1", retention_days=30))
    DynamoRunStore(tables, clock), DynamoSyncConfigStore(tables, clock)
    assert tables._client is None
    assert (tables.runs, tables.configs, tables.retention_days) == ("r", "c", 30)
    assert tables.client.meta.region_name == "eu-west-1"


def test_importing_the_stores_makes_no_client_and_loads_no_model_of_a_service():
    check = (
        "import botocore.loaders as l\n"
        "def load(*a, **k): raise SystemExit('a service model was loaded')\n"
        "l.Loader.load_service_model = load\n"
        "import datapump.stores.dynamodb, datapump.stores.dynamodb.indexing\n"
    )
    subprocess.run([sys.executable, "-c", check], check=True)
