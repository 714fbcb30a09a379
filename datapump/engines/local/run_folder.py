"""The folder of one run: what was asked, how it goes, and whether its worker lives.

request.json   what to run; written before the folder gets its name
lock           held (flock) from before the worker exists until it is dead; in it, the worker's process id
status.json    the worker's own word, replaced whole
cancel         there if the run is to end
log            what the worker wrote to its standard output and error
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from datapump.buckets import Buckets
from datapump.engines import AnalysisRequest, RunState, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

DIED = (
    "the worker process ended without a result (killed, out of memory or machine restart, or no room for its "
    "status); see log, then start the run again"
)
CANCELLED = "the run was cancelled"
STARTING = "starting"


class Order(BaseModel):
    """What a worker is to do.

    Attributes:
        request: The analysis.
        objects_root: Folder that holds the buckets; None: they are real.
        buckets: How real buckets are reached.
        layers: Catalog file of configured layers.
        processes: How many processes compute windows of rasters.
        uris: Where the tiles of each configured layer are.
        journals: Where a run over rasters keeps what it has computed so far.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    request: AnalysisRequest
    objects_root: Path | None
    buckets: Buckets = Buckets()
    layers: Path | None
    uris: dict[str, str] | None = None
    processes: int = 1
    journals: Path | None = None


class RunFolder:
    """The files of one run.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "log"
        self._order = path / "request.json"
        self._lock = path / "lock"
        self._status = path / "status.json"
        self._cancel = path / "cancel"

    @property
    def exists(self) -> bool:
        """Whether the run was ever started."""
        return self._order.is_file()

    def create(self, order: Order) -> None:
        """Write what a new run's folder holds."""
        self.path.mkdir(parents=True)
        self._lock.touch()
        self._order.write_text(order.model_dump_json(indent=2), encoding="utf-8")

    def order(self) -> Order:
        """What the worker is to do."""
        return Order.model_validate_json(self._order.read_bytes())

    def status(self) -> RunStatus:
        """Where the run is: the worker's word, unless the worker is dead and left no last one."""
        alive = self.alive()
        # Read after the look at the lock: a worker that is dead by then has told all it will ever tell.
        told = self._told() or RunStatus(state=RunState.RUNNING, progress=0.0, message=STARTING)
        if told.state is RunState.RUNNING and not alive:
            told = self._ended_silently()
        return told.model_copy(update={"links": {"log": str(self.log)}})

    def tell(self, status: RunStatus) -> None:
        """Replace the worker's word."""
        temporary = self._status.with_suffix(".tmp")
        temporary.write_text(status.model_dump_json(), encoding="utf-8")
        temporary.replace(self._status)

    def alive(self) -> bool:
        """Whether the worker lives: whether somebody holds the lock."""
        try:
            lock = os.open(self._lock, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    @contextmanager
    def locked(self) -> Iterator[int]:
        """Take the lock, for a worker to inherit; yields the file descriptor.

        It is closed at the end, not unlocked: the lock is gone when the last process that has it is.
        """
        lock = os.open(self._lock, os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield lock
        finally:
            os.close(lock)

    def enter(self) -> bool:
        """Called by the worker first of all; returns whether the run is to go on.

        The process id is written before the look for `cancel`, and `cancel` before the id is read: so either the
        worker sees that it is cancelled, or whoever cancels sees whom to end.
        """
        self._lock.write_text(str(os.getpid()), encoding="ascii")
        return not self._cancel.exists()

    def cancel(self) -> None:
        """Mark the run as one that is to end."""
        self._cancel.touch()

    def end(self, number: signal.Signals) -> None:
        """Send a worker that was cancelled a signal, if it lives and has told its process id."""
        pid = self._pid()
        if pid is None or not self._cancel.exists():
            return
        try:
            worker = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            # The worker lives after its id was pinned: so the pinned process is the worker, no later one.
            if self.alive():
                signal.pidfd_send_signal(worker, number)
        except ProcessLookupError:
            return
        finally:
            os.close(worker)

    def wait(self, seconds: float) -> bool:
        """Wait until the worker is dead; returns whether it is."""
        ended = threading.Event()

        def watch() -> None:
            with self._lock.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH)
            ended.set()

        threading.Thread(target=watch, name=f"await {self.path.name}", daemon=True).start()
        return ended.wait(seconds)

    def _told(self) -> RunStatus | None:
        try:
            return RunStatus.model_validate_json(self._status.read_bytes())
        except (FileNotFoundError, ValidationError):
            # What a machine's crash left empty was never a last word.
            return None

    def _ended_silently(self) -> RunStatus:
        if self._cancel.exists():
            return RunStatus(state=RunState.CANCELLED, message=CANCELLED)
        return RunStatus(state=RunState.FAILED, message=DIED, retryable=True)

    def _pid(self) -> int | None:
        text = self._lock.read_text(encoding="ascii")
        return int(text) if text.isdecimal() else None
