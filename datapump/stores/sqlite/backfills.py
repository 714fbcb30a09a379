"""Backfills on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.backfills import Backfill
from datapump.errors import NotFoundError
from datapump.stores import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.backfills import BackfillStatus
    from datapump.stores.sqlite.database import Database


class SqliteBackfillStore:
    """Backfills in one file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, backfill: Backfill) -> tuple[Backfill, bool]:
        """Store a new backfill, or find the one that this caller's idempotency key made."""
        with self._database.write() as connection:
            earlier = connection.execute(
                "SELECT document FROM backfills WHERE caller = ? AND idempotency_key = ?",
                (backfill.caller, backfill.idempotency_key),
            ).fetchone()
            known = None if earlier is None else Backfill.model_validate_json(earlier["document"])
            if known is not None and known.key_stands(backfill.created):
                return known, False
            if known is not None:
                connection.execute("UPDATE backfills SET idempotency_key = NULL WHERE id = ?", (known.id,))
            connection.execute(
                "INSERT INTO backfills (id, caller, idempotency_key, status, revision, document)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    backfill.id,
                    backfill.caller,
                    backfill.idempotency_key,
                    backfill.status,
                    backfill.revision,
                    backfill.model_dump_json(),
                ),
            )
        return backfill, True

    def get(self, backfill_id: str) -> Backfill:
        """One backfill."""
        row = self._database.row("SELECT document FROM backfills WHERE id = ?", (backfill_id,))
        if row is None:
            raise NotFoundError(f"there is no backfill {backfill_id!r}")
        return Backfill.model_validate_json(row["document"])

    def save(self, backfill: Backfill) -> bool:
        """Replace the document of that revision."""
        after = backfill.model_copy(update={"revision": backfill.revision + 1})
        with self._database.write() as connection:
            changed = connection.execute(
                "UPDATE backfills SET status = ?, revision = ?, document = ? WHERE id = ? AND revision = ?",
                (after.status, after.revision, after.model_dump_json(), after.id, backfill.revision),
            ).rowcount
        return changed == 1

    def list(
        self, *, status: BackfillStatus | None = None, after: str | None = None, limit: int = 50
    ) -> Page[Backfill]:
        """Backfills, newest first; `after` is the id that the page before ended with."""
        chosen = {"status = ?": status, "id < ?": after}
        given = {condition: value for condition, value in chosen.items() if value is not None}
        rows = self._database.rows(
            f"SELECT document FROM backfills WHERE {' AND '.join(given) or '1'} ORDER BY id DESC LIMIT ?",  # noqa: S608 - constants
            (*given.values(), limit + 1),
        )
        items = [Backfill.model_validate_json(row["document"]) for row in rows[:limit]]
        return Page(items, items[-1].id if len(rows) > limit else None)

    def running(self) -> Sequence[Backfill]:
        """Those that are running."""
        rows = self._database.rows("SELECT document FROM backfills WHERE status = 'running' ORDER BY id")
        return [Backfill.model_validate_json(row["document"]) for row in rows]
