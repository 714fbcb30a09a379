"""Effects on SQLite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from datapump.clock import isoformat
from datapump.executions import Effect

if TYPE_CHECKING:
    from datapump.clock import Clock
    from datapump.stores.sqlite.database import Database


class SqliteEffects:
    """The part of the run store that knows which remote writes were intended and done."""

    _database: Database
    _clock: Clock

    def get_effect(self, key: str) -> Effect | None:
        """The effect of that key."""
        row = self._database.row("SELECT * FROM effects WHERE key = ?", (key,))
        if row is None:
            return None
        outcome = json.loads(row["outcome"]) if row["outcome"] else None
        return Effect.model_validate({**dict(row), "outcome": outcome})

    def intend(self, key: str) -> Effect:
        """Store an intention."""
        now = self._clock.now()
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO effects (key, intended, done) VALUES (?, ?, 0)"
                " ON CONFLICT (key) DO UPDATE SET intended = excluded.intended WHERE done = 0",
                (key, isoformat(now)),
            )
        return Effect(key=key, intended=now)

    def complete(self, key: str, outcome: dict[str, Any]) -> None:
        """Store an outcome."""
        with self._database.write() as connection:
            connection.execute("UPDATE effects SET done = 1, outcome = ? WHERE key = ?", (json.dumps(outcome), key))

    def withdraw(self, key: str) -> None:
        """Remove an intention."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM effects WHERE key = ? AND done = 0", (key,))
