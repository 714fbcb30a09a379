"""One SQLite file of an embedded service: one connection that threads take turns with."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from datapump.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class ServiceDatabase:
    """One connection, used by one thread at a time; what `write` yields is one transaction.

    Args:
        path: The file; made if missing, brought up to date if older.
        owner: Whose file it is, for errors: "the Data API".
        migrations: One script for each step of the schema; a file's user_version says how many it has had.

    Raises:
        StorageError: The file cannot be used, or a newer program wrote it.
    """

    def __init__(self, path: Path, owner: str, migrations: Sequence[str]) -> None:
        self._owner = owner
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "busy_timeout = 5000"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._migrate(migrations)
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"{owner}'s store {path} cannot be used: {error}") from error

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A view in which nothing changes until the end of the block."""
        with self._lock:
            yield self._connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of the block's changes are on the disk when it ends, or none.

        Raises:
            StorageError: The disk refused it.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                raise StorageError(f"{self._owner}'s store refused a write: {error}") from error
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file; what was committed stays."""
        with self._lock:
            self._connection.close()

    def _migrate(self, migrations: Sequence[str]) -> None:
        done = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if done > len(migrations):
            raise StorageError(
                f"{self._owner}'s store is of version {done}, this program knows up to {len(migrations)}: update it"
            )
        for number, script in enumerate(migrations[done:], done + 1):
            self._connection.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")
