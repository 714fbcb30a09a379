"""Every remote write is done once, whatever becomes of the process or of the answer in the middle of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from datapump.effects import UnsettledError, once
from datapump.errors import RemoteBusyError, RemoteRefusedError, RemoteUnavailableError
from datapump.stores.sqlite import Database, SqliteRunStore

KEY = "job/append/table/v1/0"


class Remote:
    """A remote system that performs a write and then answers it, or does not."""

    def __init__(self):
        self.writes = 0
        self.asked = 0
        self.lost = False
        self.refuses = None

    def do(self):
        if self.refuses:
            raise self.refuses
        self.writes += 1
        if self.lost:
            raise RemoteUnavailableError("no answer")
        return {"write": self.writes}

    def find(self):
        self.asked += 1
        return {"found": self.writes} if self.writes else None


@pytest.fixture
def ports(tmp_path, clock):
    database = Database(tmp_path / "runs.sqlite")
    settings = SimpleNamespace(effect_settle_s=5.0)
    yield SimpleNamespace(runs=SqliteRunStore(database, clock), clock=clock, settings=settings)
    database.close()


@pytest.fixture
def remote():
    return Remote()


def test_a_write_is_done_once_and_its_outcome_is_remembered(ports, remote):
    assert once(KEY, ports, remote.do, remote.find) == {"write": 1}
    assert once(KEY, ports, remote.do, remote.find) == {"write": 1}
    assert (remote.writes, remote.asked) == (1, 0)


def test_a_write_whose_answer_was_lost_is_found_and_not_repeated(ports, remote):
    remote.lost = True
    with pytest.raises(RemoteUnavailableError):
        once(KEY, ports, remote.do, remote.find)
    assert ports.runs.get_effect(KEY).done is False
    assert once(KEY, ports, remote.do, remote.find) == {"found": 1}
    assert once(KEY, ports, remote.do, remote.find) == {"found": 1}
    assert (remote.writes, remote.asked) == (1, 1)


def test_a_write_that_is_not_to_be_found_may_still_be_on_its_way(ports, remote, clock):
    ports.runs.intend(KEY)
    clock.advance(4.9)
    with pytest.raises(UnsettledError):
        once(KEY, ports, remote.do, remote.find)
    assert remote.writes == 0
    clock.advance(0.1)
    assert once(KEY, ports, remote.do, remote.find) == {"write": 1}


def test_the_time_to_settle_counts_from_the_last_try(ports, remote, clock):
    ports.runs.intend(KEY)
    clock.advance(10)
    found, remote.find = remote.find, lambda: None
    remote.lost = True
    with pytest.raises(RemoteUnavailableError):
        once(KEY, ports, remote.do, remote.find)
    clock.advance(4)
    with pytest.raises(UnsettledError):
        once(KEY, ports, remote.do, remote.find)
    assert once(KEY, ports, remote.do, found) == {"found": 1}


@pytest.mark.parametrize("answer", [RemoteRefusedError("no"), RemoteBusyError("not now")])
def test_an_answer_that_nothing_has_happened_withdraws_the_intention(ports, remote, answer):
    remote.refuses = answer
    with pytest.raises(type(answer)):
        once(KEY, ports, remote.do, remote.find)
    assert ports.runs.get_effect(KEY) is None
    remote.refuses = None
    assert once(KEY, ports, remote.do, remote.find) == {"write": 1}
    assert remote.asked == 0


def test_the_intention_is_kept_before_anything_is_written(ports, remote):
    class Dead(BaseException):
        pass

    def die():
        assert ports.runs.get_effect(KEY).done is False
        raise Dead

    with pytest.raises(Dead):
        once(KEY, ports, die, remote.find)
    assert ports.runs.get_effect(KEY).done is False


def test_a_write_without_an_outcome_of_its_own_is_still_remembered(ports, remote):
    assert once(KEY, ports, lambda: None, remote.find) == {}
    assert ports.runs.get_effect(KEY).done is True


def test_a_clock_that_is_set_back_delays_a_write_by_the_time_to_settle_alone(ports, remote, clock):
    remote.lost = True
    with pytest.raises(RemoteUnavailableError):
        once(KEY, ports, remote.do, lambda: None)
    remote.lost = False
    clock.advance(-7200)
    for _ in range(2):
        with pytest.raises(UnsettledError):
            once(KEY, ports, remote.do, lambda: None)
        clock.advance(3)
    assert once(KEY, ports, remote.do, lambda: None) == {"write": 2}
