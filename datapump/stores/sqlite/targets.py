"""What open executions are going to write, on SQLite."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from datapump.clock import isoformat

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from datapump.clock import Clock
    from datapump.stores.sqlite.database import Database

GRACE = timedelta(minutes=1)
NAMED = "target IN (SELECT value FROM json_each(?))"
OVER = f"""
    DELETE FROM targets WHERE {NAMED} AND CASE
        WHEN EXISTS (SELECT 1 FROM executions WHERE id = execution_id)
        THEN EXISTS (SELECT 1 FROM executions WHERE id = execution_id AND status NOT IN ('accepted', 'running'))
        ELSE noted < ?
    END
"""  # noqa: S608 - built from constants
HOLDER = f"SELECT min(execution_id) AS holder FROM targets WHERE {NAMED} AND execution_id != ?"  # noqa: S608 - the same


class SqliteTargetStore:
    """Targets and who has noted them, in one file with the executions."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def note(self, execution_id: str, targets: AbstractSet[str], *, alone: bool) -> str | None:
        """Note targets, or tell who has noted one of them, in one transaction."""
        now = self._clock.now()
        names = json.dumps(sorted(targets))
        with self._database.write() as connection:
            connection.execute(OVER, (names, isoformat(now - GRACE)))
            holder = connection.execute(HOLDER, (names, execution_id)).fetchone()["holder"]
            if alone and holder is not None:
                return str(holder)
            connection.execute(
                "INSERT OR IGNORE INTO targets (target, execution_id, noted) SELECT value, ?, ? FROM json_each(?)",
                (execution_id, isoformat(now), names),
            )
        return None

    def forget(self, execution_id: str) -> None:
        """Remove an execution's notes."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM targets WHERE execution_id = ?", (execution_id,))
