"""The processes of a run, which compute windows side by side."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import signal
import threading
import warnings
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from datapump.engines.local.windows import close_files
from datapump.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from datapump.engines.local.windows import Result, Task, WindowWork

# Windows in work and such that wait for earlier ones, by other process.
_LONGEST = 6
_PARENT_DIES = 1
_ARROW_MEMORY = "jemalloc_bg_thd\n"


class Processes:
    """This process, and others which start at once and wait for work.

    The others are copies of this one where that is safe, in no time; else they start from nothing and import all anew.

    Args:
        count: How many, this one included.
    """

    def __init__(self, count: int) -> None:
        self._others = count - 1
        if not self._others:
            return
        context = multiprocessing.get_context("fork" if alone() else "spawn")
        self._work: Any = context.Queue()
        # A process that died never takes its work out.
        self._work.cancel_join_thread()
        self._given = False
        arguments = (self._work, os.getpid())
        self._pool = ProcessPoolExecutor(self._others, context, initializer=_prepare, initargs=arguments)
        with warnings.catch_warnings():
            # Python 3.12 and later warn of any thread, numpy's too.
            warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
            self._starting = [self._pool.submit(os.getpid) for _ in range(self._others)]

    def __enter__(self) -> Self:
        """These processes."""
        return self

    def __exit__(self, *_error: object) -> None:
        """End the others, which begin nothing more, and close what was read."""
        try:
            if self._others:
                self._end_others()
        finally:
            close_files()

    def results(self, work: WindowWork, tasks: Iterator[Task]) -> Generator[Result]:
        """Compute windows; results come in the order of the tasks, whatever the number of processes.

        This process computes, too: while others start, and whenever it would have to wait for them.

        Raises:
            DataError: A raster file is damaged.
            StorageError: A process died.
        """
        if not self._others:
            yield from work.each(tasks)
            return
        self._give(work)
        line = _Line(tasks, self._pool, self._others)
        try:
            yield from line.results(work)
        except BrokenProcessPool as error:
            raise StorageError("a process of the engine died: free memory, or set fewer processes") from error

    def _end_others(self) -> None:
        if not self._given:
            self._give(None)
        self._work.close()
        # One that has not quite started yet still needs what this process gave it.
        started = {one.result() for one in self._starting if one.done() and not one.exception()}
        self._pool.shutdown(wait=len(started) < self._others, cancel_futures=True)

    def _give(self, work: WindowWork | None) -> None:
        self._given = True
        # Not left to the queue, which would do it while the work is already used here.
        content = pickle.dumps(work, protocol=5)
        for _ in range(self._others):
            self._work.put(content)


class _Line:
    """Windows in work, in the order in which their results are wanted.

    Args:
        tasks: The windows that nobody has taken yet.
        pool: The other processes.
        others: How many they are.
    """

    def __init__(self, tasks: Iterator[Task], pool: ProcessPoolExecutor, others: int) -> None:
        self._tasks = tasks
        self._pool = pool
        self._others = others
        self._busy = 0
        self._line: deque[Future[Result]] = deque()
        # Held by this process's own thread, or by the pool's, which brings results in.
        self._lock = threading.RLock()

    def results(self, work: WindowWork) -> Iterator[Result]:
        """The results of all windows."""
        self._hand_out()
        while True:
            with self._lock:
                first = self._line[0] if self._line else None
            if (first is None or not first.done()) and (own := self._taken()) is not None:
                task, future = own
                future.set_result(work(task))
            elif first is not None:
                yield first.result()
                with self._lock:
                    self._line.popleft()
                    self._hand_out()
            else:
                return

    def _hand_out(self) -> None:
        """Give a window to each other process that has none."""
        with self._lock:
            while self._busy < self._others and (task := self._next()) is not None:
                future = self._pool.submit(_compute, task)
                self._busy += 1
                self._line.append(future)
                future.add_done_callback(self._returned)

    def _returned(self, _future: Future[Result]) -> None:
        """A process has computed its window: give it the next one at once, whatever this process is about."""
        with self._lock:
            self._busy -= 1
            try:
                self._hand_out()
            except Exception as error:  # noqa: BLE001 - told where results are wanted; here nobody would hear it
                failed: Future[Result] = Future()
                failed.set_exception(error)
                self._line.append(failed)

    def _taken(self) -> tuple[Task, Future[Result]] | None:
        """A window for this process; None: there is none, or too many wait for earlier ones."""
        with self._lock:
            if (task := self._next()) is None:
                return None
            self._line.append(Future())
            return task, self._line[-1]

    def _next(self) -> Task | None:
        return next(self._tasks, None) if len(self._line) < _LONGEST * self._others else None


def alone() -> bool:
    """Whether a copy of this process (a fork) can do what this one can.

    The copy has the calling thread only: it would wait for ever for another one of Python's, or for those that read
    buckets. Those that numpy and pyarrow start when they are imported do not matter: the libraries see to copies.
    """
    if threading.active_count() > 1:
        return False
    try:
        own = Path("/proc/self/comm").read_text(encoding="utf-8")
        names = {path.read_text(encoding="utf-8") for path in Path("/proc/self/task").glob("*/comm")}
    except OSError:
        return False
    return names <= {own, _ARROW_MEMORY}


_work: WindowWork | None = None


def _prepare(given: Any, parent: int) -> None:  # noqa: ANN401 - a queue of a start method has no name
    """Called first in another process."""
    global _work  # noqa: PLW0603 - one per process, given once
    # A run that is cancelled or killed takes its processes with it.
    ctypes.CDLL(None, use_errno=True).prctl(_PARENT_DIES, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    util.Finalize(None, close_files, exitpriority=1)
    _work = pickle.loads(given.get())  # noqa: S301 - from the process that started this one


def _compute(task: Task) -> Result:
    if _work is None:
        raise RuntimeError("the process was not prepared")
    return _work(task)
