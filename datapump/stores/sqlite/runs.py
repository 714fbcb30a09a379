"""The run store on SQLite."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from datapump.clock import isoformat
from datapump.errors import NotFoundError
from datapump.executions import Event, Execution, ExecutionStatus, JobFaults, NewEvent, StoredJob
from datapump.jobs.documents import JOB, JobStatus
from datapump.stores.run_rules import (
    accepted,
    begun,
    finished,
    forward,
    kinds_of,
    kinds_of_jobs,
    stop_requested,
    triggered,
)
from datapump.stores.sqlite.claims import SqliteClaims
from datapump.stores.sqlite.effects import SqliteEffects
from datapump.stores.sqlite.run_lists import store_lists
from datapump.stores.sqlite.run_queries import SqliteRunQueries, link_retry, made_by_key

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from datapump.clock import Clock
    from datapump.jobs.documents import AnyJob
    from datapump.stores.sqlite.database import Database


class SqliteRunStore(SqliteRunQueries, SqliteEffects, SqliteClaims):
    """Executions, jobs, events, effects and leases in one file; also says what falls due."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create_execution(self, execution: Execution) -> tuple[Execution, bool]:
        """Store a new execution, or find the one that this caller's idempotency key made."""
        with self._database.write() as connection:
            earlier = made_by_key(connection, execution)
            if earlier is not None:
                return earlier, False
            if execution.retry_of is not None:
                self._append(connection, execution.retry_of, link_retry(connection, execution))
            connection.execute(
                "INSERT INTO executions (id, command, status, created, caller, idempotency_key, document, due)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    execution.id,
                    execution.name,
                    execution.status,
                    isoformat(execution.created),
                    execution.caller,
                    execution.idempotency_key,
                    execution.model_dump_json(),
                    isoformat(execution.created),
                ),
            )
            store_lists(connection, execution.id, kinds_of(execution))
            if execution.triggered_by is not None:
                self._append(connection, execution.triggered_by, triggered(execution))
            self._append(connection, execution.id, accepted(execution))
        return execution, True

    def get_execution(self, execution_id: str) -> Execution:
        """One execution."""
        row = self._database.row("SELECT document FROM executions WHERE id = ?", (execution_id,))
        if row is None:
            raise NotFoundError(f"there is no execution {execution_id!r}")
        return Execution.model_validate_json(row["document"])

    def begin(self, execution_id: str, jobs: Sequence[AnyJob], notes: Sequence[str], errors: Sequence[str]) -> bool:
        """Store the jobs, move `accepted` to `running` and give back the leases of dispatching in one transaction."""
        now = self._clock.now()
        with self._database.write() as connection:
            execution = self._execution(connection, execution_id)
            events = begun(execution, now, jobs, notes, errors)
            if events is None:
                return False
            for position, job in enumerate(jobs):
                connection.execute(
                    "INSERT INTO jobs (execution_id, job_id, position, status, revision, document, due)"
                    " VALUES (?, ?, ?, ?, 1, ?, ?)",
                    (execution_id, job.id, position, job.status, job.model_dump_json(), isoformat(now)),
                )
            store_lists(connection, execution_id, kinds_of_jobs(jobs))
            self._replace(connection, execution, events)
            connection.execute("DELETE FROM leases WHERE execution_id = ? AND target LIKE 'feed %'", (execution_id,))
        return True

    def finish(
        self,
        execution_id: str,
        status: ExecutionStatus,
        errors: Sequence[str] = (),
        faults: JobFaults | None = None,
    ) -> bool:
        """Store the end of an execution."""
        with self._database.write() as connection:
            execution = self._execution(connection, execution_id)
            events = finished(execution, self._clock.now(), status, errors, faults)
            if events is None:
                return False
            self._replace(connection, execution, events)
            connection.execute("DELETE FROM leases WHERE execution_id = ?", (execution_id,))
        return True

    def request_stop(self, execution_id: str, reason: str) -> Execution:
        """Store the wish to stop; open jobs fall due at once."""
        with self._database.write() as connection:
            execution = self._execution(connection, execution_id)
            self._replace(connection, execution, stop_requested(execution, reason))
            connection.execute(
                "UPDATE jobs SET due = ? WHERE execution_id = ?", (isoformat(self._clock.now()), execution_id)
            )
        return execution

    def get_job(self, execution_id: str, job_id: str) -> StoredJob:
        """One job."""
        row = self._database.row("SELECT * FROM jobs WHERE execution_id = ? AND job_id = ?", (execution_id, job_id))
        if row is None:
            raise NotFoundError(f"there is no job {job_id!r} in execution {execution_id!r}")
        return _stored(row)

    def list_jobs(self, execution_id: str) -> list[StoredJob]:
        """An execution's jobs."""
        rows = self._database.rows("SELECT * FROM jobs WHERE execution_id = ? ORDER BY position", (execution_id,))
        return [_stored(row) for row in rows]

    def save_job(self, execution_id: str, job: AnyJob, revision: int, events: Sequence[NewEvent] = ()) -> bool:
        """Replace the document of that revision, with the events of the change, in one transaction."""
        due = self._clock.now() + timedelta(seconds=job.next_poll_s)
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT revision, status FROM jobs WHERE execution_id = ? AND job_id = ?", (execution_id, job.id)
            ).fetchone()
            if row is None or row["revision"] != revision or not forward(JobStatus(row["status"]), job.status):
                return False
            connection.execute(
                "UPDATE jobs SET status = ?, revision = revision + 1, document = ?, due = ?"
                " WHERE execution_id = ? AND job_id = ?",
                (job.status, job.model_dump_json(), isoformat(due), execution_id, job.id),
            )
            if job.ended:
                # The execution falls due with its last job.
                connection.execute(
                    "UPDATE executions SET due = ?, attempts = 0 WHERE id = ?",
                    (isoformat(self._clock.now()), execution_id),
                )
            for event in events:
                self._append(connection, execution_id, event)
        return True

    def add_event(self, execution_id: str, event: NewEvent) -> None:
        """Append an event."""
        with self._database.write() as connection:
            self._append(connection, execution_id, event)

    def list_events(self, execution_id: str, *, after: int = 0, limit: int = 100) -> list[Event]:
        """Events after number `after`."""
        rows = self._database.rows(
            "SELECT * FROM events WHERE execution_id = ? AND seq > ? ORDER BY seq LIMIT ?", (execution_id, after, limit)
        )
        return [Event.model_validate({**dict(row), "data": json.loads(row["data"])}) for row in rows]

    def acquire(self, target: str, execution_id: str, job_id: str) -> tuple[str, str] | None:
        """Take a target's lease, or tell who holds it."""
        held = self._database.row("SELECT execution_id, job_id FROM leases WHERE target = ?", (target,))
        if held is not None and tuple(held) == (execution_id, job_id):
            return None
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO leases (target, execution_id, job_id) VALUES (?, ?, ?)"
                " ON CONFLICT (target) DO UPDATE SET job_id = excluded.job_id"
                " WHERE execution_id = excluded.execution_id AND NOT EXISTS (SELECT 1 FROM jobs"
                " WHERE jobs.execution_id = leases.execution_id AND jobs.job_id = leases.job_id"
                " AND status IN ('starting', 'executing'))",
                (target, execution_id, job_id),
            )
            row = connection.execute("SELECT * FROM leases WHERE target = ?", (target,)).fetchone()
        holder = (str(row["execution_id"]), str(row["job_id"]))
        return None if holder == (execution_id, job_id) else holder

    def open_job(self, job_id: str) -> str | None:
        """The execution in which a job of that id is open, None if there is none."""
        row = self._database.row(
            "SELECT execution_id FROM jobs WHERE job_id = ? AND status IN ('starting', 'executing')", (job_id,)
        )
        return None if row is None else str(row["execution_id"])

    def _execution(self, connection: sqlite3.Connection, execution_id: str) -> Execution:
        row = connection.execute("SELECT document FROM executions WHERE id = ?", (execution_id,)).fetchone()
        if row is None:
            raise NotFoundError(f"there is no execution {execution_id!r}")
        return Execution.model_validate_json(row["document"])

    def _replace(self, connection: sqlite3.Connection, execution: Execution, events: Sequence[NewEvent]) -> None:
        connection.execute(
            "UPDATE executions SET status = ?, document = ?, attempts = 0, due = ? WHERE id = ?",
            (execution.status, execution.model_dump_json(), isoformat(self._clock.now()), execution.id),
        )
        for event in events:
            self._append(connection, execution.id, event)

    def _append(self, connection: sqlite3.Connection, execution_id: str, event: NewEvent) -> None:
        connection.execute(
            "INSERT INTO events (execution_id, seq, at, job_id, kind, message, data)"
            " SELECT ?, coalesce(max(seq), 0) + 1, ?, ?, ?, ?, ? FROM events WHERE execution_id = ?",
            (
                execution_id,
                isoformat(self._clock.now()),
                event.job_id,
                event.kind,
                event.message,
                json.dumps(event.data),
                execution_id,
            ),
        )


def _stored(row: sqlite3.Row) -> StoredJob:
    job = JOB.validate_json(row["document"])
    return StoredJob(execution_id=row["execution_id"], job=job, revision=row["revision"], due=row["due"])
