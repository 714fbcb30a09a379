"""Windows computed by several processes: in order, and every failure told."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import dataclass

import pytest

from datapump.engines.local.processes import Processes
from datapump.errors import DataError, StorageError


@dataclass(frozen=True)
class Echo:
    """Work whose result is its task, but for one task: that fails, or kills another process.

    Attributes:
        parent: The process that started the others.
        fails: The task that cannot be computed.
        kills: From which task on another process dies.
    """

    parent: int
    fails: int = -1
    kills: int = 1 << 30

    def __call__(self, task: int) -> int:
        if task == self.fails:
            raise DataError("damaged")
        if task >= self.kills and os.getpid() != self.parent:
            os.kill(os.getpid(), signal.SIGKILL)
        # Long enough for the others to come in.
        return task + 0 * sum(range(200_000))


def test_results_come_in_the_order_of_the_windows():
    with Processes(3) as processes:
        assert list(processes.results(Echo(os.getpid()), iter(range(150)))) == list(range(150))


def test_a_window_that_cannot_be_computed_is_told_after_the_results_of_those_before_it():
    found = []
    with Processes(2) as processes, pytest.raises(DataError, match="damaged"):
        found.extend(processes.results(Echo(os.getpid(), fails=60), iter(range(150))))
    assert not found or found == list(range(len(found)))
    assert len(found) <= 60


def test_a_process_that_dies_ends_the_run():
    with Processes(2) as processes, pytest.raises(StorageError, match="a process of the engine died"):
        list(processes.results(Echo(os.getpid(), kills=0), iter(range(100_000))))


def test_a_list_of_windows_that_breaks_off_is_no_shorter_list():
    def broken():
        yield from range(60)
        raise MemoryError

    with Processes(2) as processes, pytest.raises(MemoryError):
        list(processes.results(Echo(os.getpid()), broken()))


def test_processes_that_get_no_work_end():
    before = set(multiprocessing.active_children())
    with Processes(2):
        (other,) = set(multiprocessing.active_children()) - before
    assert other.exitcode == 0
