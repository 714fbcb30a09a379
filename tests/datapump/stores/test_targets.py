"""What every store of targets does; each twin of the port runs all of this."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from datapump.executions import Execution, ExecutionStatus


@pytest.fixture
def runs(stores):
    return stores.runs


@pytest.fixture
def targets(stores):
    return stores.targets


def stored(runs, clock, name):
    command = {"command": "sync", "parameters": {"types": ["viirs"]}}
    runs.create_execution(Execution(id=name, command=command, fingerprint="f", caller="ada", created=clock.now()))
    return name


def test_an_open_execution_keeps_others_out_until_it_ends(runs, targets, clock):
    assert targets.note("e1", {"a", "b"}, alone=True) is None
    stored(runs, clock, "e1")
    assert targets.note("e2", {"b", "c"}, alone=True) == "e1"
    assert targets.note("e2", {"c"}, alone=True) is None
    clock.advance(3600)
    assert targets.note("e3", {"a"}, alone=True) == "e1"
    runs.finish("e1", ExecutionStatus.FAILED)
    assert targets.note("e3", {"a"}, alone=True) is None


def test_one_that_waits_for_its_turn_is_let_in_and_seen_by_the_next(runs, targets, clock):
    targets.note(stored(runs, clock, "e1"), {"a"}, alone=True)
    assert targets.note(stored(runs, clock, "e2"), {"a"}, alone=False) is None
    runs.finish("e1", ExecutionStatus.SUCCEEDED)
    assert targets.note("e3", {"a"}, alone=True) == "e2"


def test_what_was_refused_has_noted_nothing(runs, targets, clock):
    targets.note(stored(runs, clock, "e1"), {"a"}, alone=True)
    assert targets.note(stored(runs, clock, "e2"), {"a", "b"}, alone=True) == "e1"
    assert targets.note("e3", {"b"}, alone=True) is None


def test_noting_the_same_again_is_noting_it_once(targets):
    assert [targets.note("e1", {"a"}, alone=True) for _ in range(2)] == [None, None]


def test_what_was_never_stored_counts_for_a_minute_or_until_it_is_forgotten(targets, clock):
    targets.note("e1", {"a"}, alone=True)
    assert targets.note("e2", {"a"}, alone=True) == "e1"
    targets.forget("e1")
    assert targets.note("e2", {"a"}, alone=True) is None
    clock.advance(61)
    assert targets.note("e3", {"a"}, alone=True) is None


def test_of_many_at_once_one_is_let_in(targets):
    barrier = threading.Barrier(8)

    def note(number):
        barrier.wait(20)
        return targets.note(f"e{number}", {"a", f"own {number}"}, alone=True)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(note, range(8)))
    assert answers.count(None) == 1
    assert len(set(answers)) == 2


def test_more_targets_than_fit_a_transaction_are_noted_all_or_none(runs, targets, clock):
    many = {f"table {number:03d}" for number in range(250)}
    assert targets.note(stored(runs, clock, "e2"), many, alone=True) is None
    assert targets.note("e3", {"table 249"}, alone=True) == "e2"
    runs.finish("e2", ExecutionStatus.SUCCEEDED)
    targets.note(stored(runs, clock, "e4"), {"table 200"}, alone=False)
    assert targets.note("e5", many, alone=True) == "e4"
    assert targets.note("e6", {"table 000"}, alone=True) is None


def test_one_that_comes_in_while_many_are_noted_keeps_them_out(dynamo_stores, clock, monkeypatch):
    targets, tables = dynamo_stores.targets, dynamo_stores.targets._tables
    stored(dynamo_stores.runs, clock, "e1")
    write, done = tables.write_together, []

    def slow(writes):
        written = write(writes)
        if not done:
            done.append(True)
            targets.note("e1", {"table 249"}, alone=False)
        return written

    monkeypatch.setattr(tables, "write_together", slow)
    assert targets.note("e2", {f"table {number:03d}" for number in range(250)}, alone=True) == "e1"
    assert targets.note("e3", {"table 000"}, alone=True) is None
