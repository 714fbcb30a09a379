from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datapump.analyses import SyncType
from datapump.backfilling import Backfills
from datapump.backfills import LABEL, Backfill, BackfillPart, BackfillStatus, OnFailure, switched
from datapump.errors import ConflictError, StorageError
from datapump.executions import Execution, ExecutionStatus
from tests.support.clock import FakeClock
from tests.support.dynamodb import dynamodb
from tests.support.stores import on_dynamodb, on_sqlite

VERSIONS = [f"v2026110{day}" for day in range(1, 7)]


class Bench:
    """Backfills over real stores; what is started stays open until the test ends it."""

    def __init__(self, clock, stores):
        self.clock = clock
        self.runs = stores.runs
        self.store = stores.backfills
        self.started = []
        self.backfills = Backfills(
            self.store, self.runs, stores.sync_configs, stores.targets, clock, self.started.append, self.stop
        )

    def stop(self, execution_id, reason):
        self.runs.request_stop(execution_id, reason)
        self.runs.finish(execution_id, ExecutionStatus.STOPPED)

    def add(self, **changes):
        known = {
            "id": self.clock.new_id(),
            "caller": "ada",
            "fingerprint": "f",
            "types": [SyncType.VIIRS],
            "parts": [BackfillPart(sync_version=version) for version in VERSIONS],
            "status": BackfillStatus.RUNNING,
            "created": self.clock.now(),
        }
        return self.store.create(Backfill(**known | changes))[0].id

    def switch(self, name, status, reason="x"):
        assert self.store.save(switched(self.store.get(name), status, reason, self.clock.now()))

    def open(self):
        return [item for status in ("accepted", "running") for item in self.runs.list_executions(status=status).items]

    def end(self, execution, status=ExecutionStatus.SUCCEEDED):
        self.runs.finish(execution.id, status)

    def versions(self):
        return [item.command["parameters"]["sync_version"] for item in reversed(self.runs.list_executions().items)]


@pytest.fixture
def sqlite_bench(tmp_path, clock):
    with on_sqlite(tmp_path, clock) as stores:
        yield Bench(clock, stores)


@pytest.fixture
def dynamo_bench(clock):
    with dynamodb() as tables:
        yield Bench(clock, on_dynamodb(tables, clock))


@pytest.fixture(params=["sqlite", "dynamo"])
def bench(request):
    return request.getfixturevalue(f"{request.param}_bench")


@pytest.mark.parametrize("at_once", [1, 2, 4, 10])
def test_each_sync_is_started_once_in_order_and_never_more_than_allowed_at_once(bench, at_once):
    name = bench.add(at_once=at_once, labels={"team": "fires"})
    for _ in range(20):
        for _ in range(3):
            bench.backfills.carry()
        assert len(bench.open()) <= at_once
        if bench.open():
            bench.end(bench.open()[-1])
    backfill = bench.store.get(name)
    assert (backfill.status, bench.versions()) == (BackfillStatus.SUCCEEDED, VERSIONS)
    found = bench.runs.list_executions(label=f"{LABEL}:{name}").items
    assert [item.id for item in reversed(found)] == [part.execution_id for part in backfill.parts] == bench.started
    assert {item.caller for item in found} == {"ada"}
    assert found == bench.runs.list_executions(label="team:fires").items


def test_a_key_that_has_expired_makes_another_backfill_but_never_beside_an_open_one(bench, clock):
    first = bench.add(idempotency_key="k", key_until=clock.now() + timedelta(days=30))
    clock.advance(31 * 86400)
    assert bench.add(idempotency_key="k") == first
    bench.switch(first, BackfillStatus.STOPPED)
    second = bench.add(idempotency_key="k")
    assert second != first
    assert bench.add(idempotency_key="k") == second


def test_what_is_planned_or_paused_starts_nothing(bench):
    name = bench.add(status=BackfillStatus.PLANNED)
    bench.backfills.carry()
    assert bench.versions() == []
    bench.switch(name, BackfillStatus.RUNNING)
    bench.backfills.carry()
    bench.switch(name, BackfillStatus.PAUSED)
    bench.end(bench.open()[0])
    bench.backfills.carry()
    assert bench.versions() == VERSIONS[:1]
    assert bench.backfills.looked_at(bench.store.get(name)).parts[0].status == "succeeded"
    bench.switch(name, BackfillStatus.RUNNING)
    bench.backfills.carry()
    assert bench.versions() == VERSIONS[:2]


def test_a_sync_that_fails_pauses_the_backfill_and_a_retry_of_it_mends_it(bench):
    name = bench.add()
    bench.backfills.carry()
    failed = bench.open()[0]
    bench.end(failed, ExecutionStatus.FAILED)
    bench.backfills.carry()
    paused = bench.store.get(name)
    assert (paused.status, paused.reason) == ("paused", f"execution {failed.id} of {VERSIONS[0]} has failed")
    retry = Execution(
        id=bench.clock.new_id(),
        command=failed.command,
        fingerprint="r",
        caller="ada",
        created=bench.clock.now(),
        retry_of=failed.id,
    )
    bench.runs.create_execution(retry)
    bench.switch(name, BackfillStatus.RUNNING)
    bench.backfills.carry()
    assert len(bench.open()) == 1
    for _ in VERSIONS:
        bench.end(bench.open()[-1])
        bench.backfills.carry()
    assert bench.store.get(name).status == "succeeded"


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_sync_that_failed_before_the_backfill_knew_of_it_pauses_it_too(bench, monkeypatch, at_once):
    """Killed between storing an execution and the backfill: the execution is carried, and has failed by then."""
    name = bench.add(at_once=at_once)
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "save", raising(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            bench.backfills.carry()
    for execution in bench.open():
        bench.end(execution, ExecutionStatus.FAILED)
    for _ in range(3):
        bench.backfills.carry()
    backfill = bench.store.get(name)
    assert (backfill.status, bench.versions()) == (BackfillStatus.PAUSED, VERSIONS[:at_once])
    assert backfill.reason == f"execution {bench.started[0]} of {VERSIONS[0]} has failed"


def raising(error):
    def raise_it(*_):
        raise error

    return raise_it


def test_a_backfill_that_goes_on_after_a_failure_tells_of_it_at_its_end(bench):
    name = bench.add(on_failure=OnFailure.CONTINUE)
    for number in range(len(VERSIONS) + 1):
        bench.backfills.carry()
        for execution in bench.open():
            bench.end(execution, ExecutionStatus.FAILED if number == 2 else ExecutionStatus.SUCCEEDED)
    ended = bench.store.get(name)
    assert (ended.status, bench.versions()) == ("failed", VERSIONS)
    assert [part.status for part in ended.parts].count("failed") == 1


def test_stopping_ends_also_what_was_started_meanwhile(bench):
    name = bench.add(at_once=2)
    stale = bench.store.get(name)
    bench.switch(name, BackfillStatus.STOPPED, "wrong week")
    bench.backfills._move(stale)
    assert len(bench.versions()) == 2
    assert bench.open() == []
    assert {item.stop_reason for item in bench.runs.list_executions().items} == {"wrong week"}
    bench.backfills.carry()
    assert len(bench.versions()) == 2


@pytest.mark.parametrize("crash", ["create_execution", "save"])
def test_a_kill_between_two_writes_starts_nothing_twice(bench, monkeypatch, crash):
    name = bench.add()
    holder = bench.runs if crash == "create_execution" else bench.store
    real = getattr(holder, crash)

    def dies(*arguments):
        if crash == "create_execution":
            real(*arguments)
        raise StorageError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(holder, crash, dies)
        bench.backfills.carry()
    bench.backfills.carry()
    assert bench.versions() == VERSIONS[:1]
    assert bench.store.get(name).parts[0].execution_id == bench.open()[0].id


def test_two_who_carry_at_once_start_the_same(bench):
    name = bench.add(at_once=3)
    stale = bench.store.get(name)
    bench.backfills.carry()
    bench.backfills._move(stale)
    assert bench.versions() == VERSIONS[:3]


def test_one_backfill_that_fails_does_not_hold_up_the_others(bench, monkeypatch):
    bench.add()
    good = bench.add()
    real = bench.runs.create_execution

    def refuse(execution):
        if execution.command["labels"][LABEL] != good:
            raise StorageError("no room")
        return real(execution)

    monkeypatch.setattr(bench.runs, "create_execution", refuse)
    bench.backfills.carry()
    assert bench.store.get(good).parts[0].execution_id == bench.open()[0].id


@pytest.mark.parametrize(
    ("now", "wanted"),
    [("planned", "paused"), ("succeeded", "running"), ("failed", "paused"), ("stopped", "running")],
)
def test_what_cannot_be_is_a_conflict(bench, now, wanted):
    name = bench.add(status=BackfillStatus(now))
    with pytest.raises(ConflictError, match=f"is {now}: it cannot become {wanted}"):
        switched(bench.store.get(name), BackfillStatus(wanted), "x", bench.clock.now())


@given(st.lists(st.sampled_from(list(BackfillStatus)[1:3]), max_size=8))
def test_asking_twice_is_asking_once(wanted):
    clock = FakeClock()
    backfill = Backfill(
        id="b",
        caller="ada",
        fingerprint="f",
        types=[SyncType.VIIRS],
        parts=[],
        created=clock.now(),
        started=clock.now(),
    ).model_copy(update={"status": BackfillStatus.RUNNING})
    for status in wanted:
        backfill = switched(backfill, status, "x", clock.now())
        assert switched(backfill, status, "y", clock.now()) is backfill
