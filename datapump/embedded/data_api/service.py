"""The Data API's service: its store, its background work, its life from start to stop."""

from __future__ import annotations

import fcntl
import shutil
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from datapump.embedded.data_api import changes, rows
from datapump.embedded.data_api.context import WORK, Context, no_checkpoint
from datapump.embedded.data_api.database import Database
from datapump.embedded.data_api.loader import Loader
from datapump.embedded.data_api.worker import Worker
from datapump.errors import ConflictError, InternalError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from datapump.clock import Clock
    from datapump.embedded.data_api.changes import Change, LoggedRequest
    from datapump.embedded.data_api.query import Table
    from datapump.embedded.data_api.settings import DataApiSettings
    from datapump.objects import Objects


class Service:
    """One Data API on one folder.

    Args:
        settings: What it was told.
        objects: Where sources are read from and files are written to.
        clock: Time and ids.
        checkpoint: Is told each point that background work reaches; for tests.
    """

    def __init__(
        self,
        settings: DataApiSettings,
        objects: Objects,
        clock: Clock,
        checkpoint: Callable[[str, int], None] = no_checkpoint,
    ) -> None:
        self.settings = settings
        self.objects = objects
        self._clock = clock
        self._checkpoint = checkpoint
        self._life = threading.Lock()
        self._open = ExitStack()
        self._turns = threading.BoundedSemaphore(settings.queries_at_once)
        self._context: Context | None = None
        self._loader: Loader | None = None
        self._workers: list[Worker] = []

    def start(self) -> None:
        """Open the store, take up unfinished loads, and begin to work. Does nothing when it has started.

        Raises:
            ConflictError: Another process works on the folder.
            StorageError: The store is of a newer version.
        """
        with self._life:
            if self._context is not None:
                return
            self.open()
            loader = self.loader
            self._workers = [
                Worker("data-api-register", lambda: self._registered(loader)),
                Worker("data-api-load", loader.load_next),
            ]
            for worker in self._workers:
                worker.start()

    def open(self) -> None:
        """Open the store and clear away what a killed process left, without beginning to work."""
        self.settings.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as undo:
            lock_file = undo.enter_context((self.settings.folder / "lock").open("a"))
            try:
                fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConflictError(
                    f"{self.settings.folder} is in use by another process: one Data API at a time works on a folder"
                ) from None
            database = Database(self.settings.folder / "data_api.sqlite")
            undo.callback(database.close)
            context = Context(self.settings, self.objects, self._clock, database, self._checkpoint)
            loader = Loader(context)
            shutil.rmtree(self.settings.folder / WORK, ignore_errors=True)
            loader.sweep()
            self._open = undo.pop_all()
        self._context, self._loader = context, loader

    def stop(self) -> None:
        """End background work and close the store. A load under way is taken up at the next start."""
        with self._life:
            if self._context is None:
                return
            self.loader.interrupt()
            for worker in self._workers:
                worker.stop()
            self._workers = []
            self._context = None
            self._open.close()

    @property
    def context(self) -> Context:
        """What its parts share.

        Raises:
            InternalError: It has not started.
        """
        if self._context is None:
            raise InternalError("the Data API has not been started")
        return self._context

    @property
    def loader(self) -> Loader:
        """Its background work, step by step.

        Raises:
            InternalError: It has not started.
        """
        if self._loader is None:
            raise InternalError("the Data API has not been started")
        return self._loader

    def wake(self, *, littered: bool = False) -> None:
        """There is new background work, or files of something deleted to remove."""
        if littered:
            self.loader.litter()
        for worker in self._workers:
            worker.wake()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A view of the store in which nothing changes until the end of the block."""
        with self.context.database.read() as sql:
            yield sql

    @contextmanager
    def change(self) -> Iterator[Change]:
        """A transaction on the store."""
        with self.context.change() as change:
            yield change

    @contextmanager
    def query_turn(self) -> Iterator[bool]:
        """A turn to run a query; False if none came within the time limit of a query."""
        came = self._turns.acquire(timeout=self.settings.query_timeout_s)
        try:
            yield came
        finally:
            if came:
                self._turns.release()

    def table(self, dataset: str, version: str) -> Table | None:
        """A version's table; None before its first load."""
        with self.read() as sql:
            return rows.table(sql, self.settings.folder, dataset, version)

    def request_log(self) -> list[LoggedRequest]:
        """Every request that changed something, first to last. Tokens are not in it, only user ids."""
        with self.read() as sql:
            return changes.logged(sql)

    def _registered(self, loader: Loader) -> bool:
        done = loader.register_next()
        if done:
            self.wake()
        return done
