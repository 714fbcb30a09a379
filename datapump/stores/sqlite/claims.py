"""What falls due, and who is at it: what the loop of one machine asks of the run store on SQLite."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from datapump.clock import isoformat

if TYPE_CHECKING:
    import sqlite3

    from datapump.clock import Clock
    from datapump.stores.sqlite.database import Database

OPEN_JOB = "EXISTS (SELECT 1 FROM jobs WHERE execution_id = executions.id AND status IN ('starting', 'executing'))"
DUE = f"""
    SELECT 'dispatch' AS phase, id AS execution_id, '' AS job_id, due, attempts FROM executions
        WHERE status = 'accepted' AND leased = 0
    UNION ALL
    SELECT 'postprocess', id, '', due, attempts FROM executions
        WHERE status = 'running' AND leased = 0 AND NOT {OPEN_JOB}
    UNION ALL
    SELECT 'tick', execution_id, job_id, due, 0 FROM jobs
        WHERE status IN ('starting', 'executing') AND leased = 0
    ORDER BY due LIMIT ?
"""  # noqa: S608 - built from constants


class Unit(NamedTuple):
    """A piece of work that falls due: a phase of an execution, or a tick of one of its jobs."""

    phase: str
    execution_id: str
    job_id: str
    due: str
    attempts: int


class SqliteClaims:
    """The part of the run store that hands out work."""

    _database: Database
    _clock: Clock

    def claim(self, limit: int) -> list[Unit]:
        """Take up to `limit` units of work that are due; nobody else gets them until they are given back."""
        now = isoformat(self._clock.now())
        with self._database.write() as connection:
            units = [Unit(*row) for row in connection.execute(DUE, (limit,)) if row["due"] <= now]
            for unit in units:
                _lease(connection, unit, leased=True)
        return units

    def give_back(self, unit: Unit, wait_s: float | None = None) -> None:
        """Let go of a unit; with `wait_s`, a phase that did not end is tried again after that many seconds."""
        with self._database.write() as connection:
            _lease(connection, unit, leased=False)
            if wait_s is not None and not unit.job_id:
                due = isoformat(self._clock.now() + timedelta(seconds=wait_s))
                connection.execute(
                    "UPDATE executions SET due = ?, attempts = attempts + 1 WHERE id = ?", (due, unit.execution_id)
                )
            elif wait_s is not None:
                due = isoformat(self._clock.now() + timedelta(seconds=wait_s))
                connection.execute(
                    "UPDATE jobs SET due = ? WHERE execution_id = ? AND job_id = ?",
                    (due, unit.execution_id, unit.job_id),
                )

    def give_back_all(self) -> None:
        """Let go of every unit: for a start, when whoever held them is gone."""
        with self._database.write() as connection:
            connection.execute("UPDATE executions SET leased = 0 WHERE leased = 1")
            connection.execute("UPDATE jobs SET leased = 0 WHERE leased = 1")

    def bring_forward(self) -> None:
        """Let all that is open fall due now: for a clock that was set back, by which it would wait for hours."""
        now = isoformat(self._clock.now())
        with self._database.write() as connection:
            connection.execute(
                "UPDATE executions SET due = ? WHERE status IN ('accepted', 'running') AND due > ?", (now, now)
            )
            connection.execute(
                "UPDATE jobs SET due = ? WHERE status IN ('starting', 'executing') AND due > ?", (now, now)
            )

    def next_due(self) -> str | None:
        """When the next unit falls due (UTC, ISO 8601), None if nothing is open."""
        row = self._database.row(DUE, (1,))
        return None if row is None else str(row["due"])


def _lease(connection: sqlite3.Connection, unit: Unit, *, leased: bool) -> None:
    if unit.job_id:
        connection.execute(
            "UPDATE jobs SET leased = ? WHERE execution_id = ? AND job_id = ?",
            (leased, unit.execution_id, unit.job_id),
        )
    else:
        connection.execute("UPDATE executions SET leased = ? WHERE id = ?", (leased, unit.execution_id))
