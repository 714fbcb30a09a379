"""Windows computed by several processes: in order, and every failure told."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
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


# A program of its own, since a test's process has threads that forbid or allow copies of it as it happens.
PROGRAM = """
import functools, json, os, sys, tempfile, threading
from datapump.engines.local.processes import Processes
from datapump.errors import DataError, DatapumpError

@functools.cache
def met(fifo, opened):
    file = os.open(fifo, opened)
    return os.read(file, 1) if opened == os.O_RDONLY else (file, os.write(file, b"here"))

class Echo:
    def __init__(self, fails=-1, kills=1 << 30):
        self.parent, self.fails, self.kills = os.getpid(), fails, kills
    def __call__(self, task):
        other = os.getpid() != self.parent
        met(sys.argv[2], os.O_RDWR if other else os.O_RDONLY)
        if task == self.fails:
            raise DataError("damaged")
        if task >= self.kills and other:
            os.kill(os.getpid(), 9)
        return task, other, COPIED

def tried(tasks, **how):
    found = []
    try:
        with Processes(3) as processes:
            found.extend(processes.results(Echo(**how), iter(tasks)))
    except DatapumpError as error:
        return error.message
    return [task for task, *_ in found], sorted({copied for _, other, copied in found if other})

COPIED = 0
if __name__ == "__main__":
    COPIED = 1
    os.mkfifo(sys.argv[2])
    if sys.argv[1] == "thread":
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    if sys.argv[1] == "bucket":
        import obstore.store
        obstore.put(obstore.store.LocalStore(tempfile.mkdtemp()), "a", b"b")
    print(json.dumps(tried(range(100))))
    if sys.argv[1] == "none":
        print(json.dumps(tried(range(100), fails=60)))
        print(json.dumps(tried(range(100_000), kills=0)))
        print(json.dumps(tried([])))
"""


def printed(folder, threads):
    (folder / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-W", "error", str(folder / "program.py"), threads, str(folder / "fifo")]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    assert not result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_copies_of_this_process_compute_windows_and_tell_failures(tmp_path):
    assert printed(tmp_path, "none") == [
        [list(range(100)), [1]],
        "damaged",
        "a process of the engine died: free memory, or set fewer processes",
        [[], []],
    ]


@pytest.mark.parametrize("threads", ["thread", "bucket"])
def test_a_process_whose_copies_would_miss_threads_starts_others_from_nothing(tmp_path, threads):
    assert printed(tmp_path, threads) == [[list(range(100)), [0]]]
