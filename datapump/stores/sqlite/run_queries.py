"""Questions about runs on SQLite: lists, counts, and how executions belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from datapump.executions import ConfigRun, ConfigRuns, Execution
from datapump.stores import Page
from datapump.stores.run_rules import retried
from datapump.stores.sqlite.run_lists import query

if TYPE_CHECKING:
    import sqlite3

    from datapump.clock import Clock
    from datapump.executions import ExecutionFilters, NewEvent
    from datapump.stores.sqlite.database import Database

CONFIG_RUN = """
    SELECT execution_id, job_id, jobs.status, created, json_extract(jobs.document, '$.end_time') AS ended,
        json_extract(jobs.document, '$.message') AS message
    FROM jobs JOIN executions ON executions.id = execution_id
    WHERE json_extract(jobs.document, '$.sync_config') = ? AND execution_id > ? AND {condition}
    ORDER BY execution_id {order} LIMIT 1
"""


class SqliteRunQueries:
    """The part of the run store that looks across executions."""

    _database: Database
    _clock: Clock

    def list_executions(
        self, *, after: str | None = None, limit: int = 50, **filters: Unpack[ExecutionFilters]
    ) -> Page[Execution]:
        """Executions, newest first; `after` is the id that the page before ended with."""
        found = query(self._database, filters, after)
        rows = self._database.rows(
            f"SELECT document {found.source} {found.newest_first} LIMIT ?",
            (*found.values, limit + 1),
        )
        items = [Execution.model_validate_json(row["document"]) for row in rows[:limit]]
        return Page(items, items[-1].id if len(rows) > limit else None)

    def count_executions(self, **filters: Unpack[ExecutionFilters]) -> int:
        """How many executions there are."""
        found = query(self._database, filters, None)
        row = self._database.row(f"SELECT count(*) AS n {found.source}", found.values)
        return 0 if row is None else int(row["n"])

    def find_by_key(self, caller: str, idempotency_key: str) -> Execution | None:
        """The execution that a caller's idempotency key made, None if there is none."""
        row = self._database.row(
            "SELECT document FROM executions WHERE caller = ? AND idempotency_key = ?", (caller, idempotency_key)
        )
        execution = None if row is None else Execution.model_validate_json(row["document"])
        return execution if execution is not None and execution.key_stands(self._clock.now()) else None

    def newest_execution_of(self, job_id: str) -> str | None:
        """The newest execution that holds a job of that id, None if there is none."""
        row = self._database.row("SELECT max(execution_id) AS newest FROM jobs WHERE job_id = ?", (job_id,))
        return None if row is None or row["newest"] is None else str(row["newest"])

    def config_runs(self, config_id: str) -> ConfigRuns:
        """The newest job of a config, its newest success, and the first that did not complete since."""
        last = self._config_run(config_id, "1", "DESC", "")
        success = self._config_run(config_id, "jobs.status = 'complete'", "DESC", "")
        since = "" if success is None else success.execution_id
        behind = self._config_run(config_id, "jobs.status != 'complete'", "ASC", since)
        return ConfigRuns(last=last, success=success, behind=behind)

    def _config_run(self, config_id: str, condition: str, order: str, since: str) -> ConfigRun | None:
        row = self._database.row(
            CONFIG_RUN.format(condition=condition, order=order),
            (config_id, since),
        )
        return None if row is None else ConfigRun.model_validate(dict(row))


def made_by_key(connection: sqlite3.Connection, wanted: Execution) -> Execution | None:
    """The execution that the idempotency key of a new one stands for; a key that has expired is free again."""
    row = connection.execute(
        "SELECT document FROM executions WHERE caller = ? AND idempotency_key = ?",
        (wanted.caller, wanted.idempotency_key),
    ).fetchone()
    earlier = None if row is None else Execution.model_validate_json(row["document"])
    if earlier is None or earlier.key_stands(wanted.created):
        return earlier
    connection.execute("UPDATE executions SET idempotency_key = NULL WHERE id = ?", (earlier.id,))
    return None


def link_retry(connection: sqlite3.Connection, retry: Execution) -> NewEvent:
    """Enter a retry into the execution that it retries; the event that tells of it there.

    Raises:
        NotFoundError: There is no such execution.
        ConflictError: It has not ended, or a retry of it has not.
    """
    original = _find(connection, str(retry.retry_of))
    earlier = None if original is None or original.retried_by is None else _find(connection, original.retried_by)
    event = retried(original, earlier, retry)
    if original is not None:
        connection.execute("UPDATE executions SET document = ? WHERE id = ?", (original.model_dump_json(), original.id))
    return event


def _find(connection: sqlite3.Connection, execution_id: str) -> Execution | None:
    row = connection.execute("SELECT document FROM executions WHERE id = ?", (execution_id,)).fetchone()
    return None if row is None else Execution.model_validate_json(row["document"])
