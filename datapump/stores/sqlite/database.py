"""One SQLite file (WAL): a connection per thread, migrations, transactions."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from datapump.errors import InternalError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MIGRATIONS = (
    """
    CREATE TABLE executions (
        id TEXT PRIMARY KEY,
        command TEXT NOT NULL,
        status TEXT NOT NULL,
        created TEXT NOT NULL,
        caller TEXT NOT NULL,
        idempotency_key TEXT,
        document TEXT NOT NULL,
        due TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        leased INTEGER NOT NULL DEFAULT 0
    );
    CREATE UNIQUE INDEX executions_by_key ON executions (caller, idempotency_key) WHERE idempotency_key IS NOT NULL;
    CREATE INDEX executions_by_status ON executions (status, id);
    CREATE TABLE jobs (
        execution_id TEXT NOT NULL REFERENCES executions (id),
        job_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        status TEXT NOT NULL,
        revision INTEGER NOT NULL,
        document TEXT NOT NULL,
        due TEXT NOT NULL,
        leased INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (execution_id, job_id)
    );
    CREATE INDEX jobs_due ON jobs (due) WHERE status IN ('starting', 'executing');
    CREATE INDEX jobs_by_id ON jobs (job_id);
    CREATE TABLE events (
        execution_id TEXT NOT NULL REFERENCES executions (id),
        seq INTEGER NOT NULL,
        at TEXT NOT NULL,
        job_id TEXT,
        kind TEXT NOT NULL,
        message TEXT NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (execution_id, seq)
    );
    CREATE TABLE effects (key TEXT PRIMARY KEY, intended TEXT NOT NULL, done INTEGER NOT NULL, outcome TEXT);
    CREATE TABLE leases (target TEXT PRIMARY KEY, execution_id TEXT NOT NULL, job_id TEXT NOT NULL);
    CREATE INDEX leases_by_execution ON leases (execution_id);
    CREATE TABLE sync_configs (
        id TEXT PRIMARY KEY,
        dataset TEXT NOT NULL,
        analysis TEXT NOT NULL,
        analysis_version TEXT NOT NULL,
        sync_type TEXT NOT NULL,
        sync INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        document TEXT NOT NULL
    );
    CREATE INDEX sync_configs_by_type ON sync_configs (sync_type, sync, id);
    CREATE TABLE api_keys (digest TEXT PRIMARY KEY, document TEXT NOT NULL);
    """,
    """
    CREATE INDEX executions_by_caller ON executions (caller, id);
    CREATE INDEX executions_by_command ON executions (command, id);
    CREATE TABLE execution_labels (
        label TEXT NOT NULL,
        execution_id TEXT NOT NULL REFERENCES executions (id),
        PRIMARY KEY (label, execution_id)
    ) WITHOUT ROWID;
    CREATE INDEX jobs_by_dataset ON jobs (
        coalesce(json_extract(document, '$.table.dataset'), json_extract(document, '$.dataset')), execution_id
    );
    CREATE INDEX jobs_by_sync_type ON jobs (json_extract(document, '$.sync_type'), execution_id);
    CREATE INDEX jobs_by_sync_config ON jobs (json_extract(document, '$.sync_config'), execution_id);
    CREATE TABLE sync_config_changes (
        config_id TEXT NOT NULL REFERENCES sync_configs (id),
        revision INTEGER NOT NULL,
        action TEXT NOT NULL,
        switched INTEGER NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (config_id, revision)
    );
    CREATE TABLE audit (seq INTEGER PRIMARY KEY AUTOINCREMENT, caller TEXT NOT NULL, document TEXT NOT NULL);
    CREATE INDEX audit_by_caller ON audit (caller, seq);
    """,
    """
    CREATE TABLE targets (
        target TEXT NOT NULL,
        execution_id TEXT NOT NULL,
        noted TEXT NOT NULL,
        PRIMARY KEY (target, execution_id)
    ) WITHOUT ROWID;
    CREATE INDEX targets_by_execution ON targets (execution_id);
    """,
    """
    CREATE TABLE backfills (
        id TEXT PRIMARY KEY,
        caller TEXT NOT NULL,
        idempotency_key TEXT,
        status TEXT NOT NULL,
        revision INTEGER NOT NULL,
        document TEXT NOT NULL
    );
    CREATE UNIQUE INDEX backfills_by_key ON backfills (caller, idempotency_key) WHERE idempotency_key IS NOT NULL;
    CREATE INDEX backfills_by_status ON backfills (status, id);
    """,
    """
    CREATE TABLE execution_lists (
        list TEXT NOT NULL,
        execution_id TEXT NOT NULL REFERENCES executions (id),
        PRIMARY KEY (list, execution_id)
    ) WITHOUT ROWID;
    INSERT INTO execution_lists SELECT 'label=' || label, execution_id FROM execution_labels;
    INSERT OR IGNORE INTO execution_lists
        SELECT 'dataset=' || coalesce(json_extract(document, '$.table.dataset'), json_extract(document, '$.dataset')),
            execution_id FROM jobs;
    INSERT OR IGNORE INTO execution_lists
        SELECT 'sync_type=' || json_extract(document, '$.sync_type'), execution_id FROM jobs
        WHERE json_extract(document, '$.sync_type') IS NOT NULL;
    INSERT OR IGNORE INTO execution_lists
        SELECT 'sync_type=' || value, executions.id
        FROM executions, json_each(executions.document, '$.command.parameters.types') WHERE command = 'sync';
    DROP TABLE execution_labels;
    DROP INDEX jobs_by_dataset;
    DROP INDEX jobs_by_sync_type;
    CREATE INDEX executions_by_created ON executions (created, id);
    CREATE INDEX sync_configs_by_dataset ON sync_configs (dataset, id);
    CREATE INDEX sync_configs_by_analysis ON sync_configs (analysis, id);
    CREATE INDEX sync_configs_by_version ON sync_configs (analysis_version, id);
    CREATE INDEX sync_configs_by_sync ON sync_configs (sync, id);
    """,
)

# A damaged file is a plain DatabaseError, a disk that refuses an OperationalError; the others are ours.
OUR_MISTAKES = (sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.InternalError, sqlite3.NotSupportedError)


class Database:
    """The file, opened by each thread for itself.

    Args:
        path: Where it is; made, with its tables, if it is not there.

    Raises:
        StorageError: It cannot be used, or a newer datapump wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._opened: dict[threading.Thread, sqlite3.Connection] = {}
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._migrate()
        except (OSError, StorageError) as error:
            reason = error.message if isinstance(error, StorageError) else error.strerror
            raise StorageError(f"the store {path} cannot be opened: {reason}") from error

    def close(self) -> None:
        """Close every thread's connection."""
        with self._lock:
            for connection in self._opened.values():
                connection.close()
            self._opened.clear()
        self._local = threading.local()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is alone in writing: committed whole on leaving, rolled back on an error.

        Raises:
            StorageError: The disk refused it; nothing has changed.
        """
        try:
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:  # whatever ends the block, no half of it stays
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.IntegrityError as error:
            raise InternalError(f"{self.path.name} refused a write that breaks its rules: {error}") from error
        except sqlite3.DatabaseError as error:
            if isinstance(error, OUR_MISTAKES):
                raise
            raise StorageError(f"{self.path.name} could not be written: {error}; nothing was changed") from error

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """What a query finds."""
        try:
            return list(self._connection().execute(sql, parameters))
        except sqlite3.DatabaseError as error:
            if isinstance(error, OUR_MISTAKES):
                raise
            raise StorageError(f"{self.path.name} could not be read: {error}") from error

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first that a query finds."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            # Closing happens in another thread than opening; each is used by one thread only.
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}")
            self._local.connection = connection
            with self._lock:
                self._close_left()
                self._opened[threading.current_thread()] = connection
        return connection

    def _close_left(self) -> None:
        """Close what threads have left open that are gone: those that answer requests come and go."""
        for thread in [thread for thread in self._opened if not thread.is_alive()]:
            self._opened.pop(thread).close()

    def _migrate(self) -> None:
        with self.write() as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version > len(MIGRATIONS):
                raise StorageError(f"{self.path} was written by a newer datapump: upgrade datapump to open it")
            for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
                for statement in script.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
