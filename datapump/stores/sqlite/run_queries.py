"""Questions about runs on SQLite: lists, counts, and how executions belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.clock import isoformat
from datapump.errors import ConflictError, NotFoundError
from datapump.executions import Execution, NewEvent
from datapump.stores import Page

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from datapump.clock import Clock
    from datapump.executions import ExecutionStatus
    from datapump.stores.sqlite.database import Database


class SqliteRunQueries:
    """The part of the run store that looks across executions."""

    _database: Database
    _clock: Clock

    def list_executions(
        self,
        *,
        status: ExecutionStatus | None = None,
        command: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[Execution]:
        """Executions, newest first; `after` is the id that the page before ended with."""
        conditions = {
            "status = ?": status,
            "command = ?": command,
            "created >= ?": since and isoformat(since),
            "created < ?": until and isoformat(until),
            "id < ?": after,
        }
        chosen = {condition: value for condition, value in conditions.items() if value is not None}
        where = " AND ".join(chosen) or "1"
        rows = self._database.rows(
            f"SELECT document FROM executions WHERE {where} ORDER BY id DESC LIMIT ?",  # noqa: S608 - constants
            (*chosen.values(), limit + 1),
        )
        items = [Execution.model_validate_json(row["document"]) for row in rows[:limit]]
        return Page(items, items[-1].id if len(rows) > limit else None)

    def find_by_key(self, caller: str, idempotency_key: str) -> Execution | None:
        """The execution that a caller's idempotency key made, None if there is none."""
        row = self._database.row(
            "SELECT document FROM executions WHERE caller = ? AND idempotency_key = ?", (caller, idempotency_key)
        )
        return None if row is None else Execution.model_validate_json(row["document"])

    def newest_execution_of(self, job_id: str) -> str | None:
        """The newest execution that holds a job of that id, None if there is none."""
        row = self._database.row("SELECT max(execution_id) AS newest FROM jobs WHERE job_id = ?", (job_id,))
        return None if row is None or row["newest"] is None else str(row["newest"])


def link_retry(connection: sqlite3.Connection, retry: Execution) -> NewEvent:
    """Enter a retry into the execution that it retries; the event that tells of it there.

    Raises:
        NotFoundError: There is no such execution.
        ConflictError: It has not ended, or a retry of it has not.
    """
    original = _find(connection, str(retry.retry_of))
    if original is None:
        raise NotFoundError(f"there is no execution {retry.retry_of!r}")
    if not original.ended:
        raise ConflictError(f"execution {original.id} is {original.status}: only one that has ended can be retried")
    earlier = None if original.retried_by is None else _find(connection, original.retried_by)
    if earlier is not None and not earlier.ended:
        raise ConflictError(f"execution {original.id} is being retried already, by execution {earlier.id}")
    original.retried_by = retry.id
    connection.execute("UPDATE executions SET document = ? WHERE id = ?", (original.model_dump_json(), original.id))
    message = f"{retry.caller} retried it, as execution {retry.id}"
    return NewEvent(kind="retried", message=message, data={"execution": retry.id})


def _find(connection: sqlite3.Connection, execution_id: str) -> Execution | None:
    row = connection.execute("SELECT document FROM executions WHERE id = ?", (execution_id,)).fetchone()
    return None if row is None else Execution.model_validate_json(row["document"])
