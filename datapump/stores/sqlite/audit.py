"""The audit on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.audit import AuditRecord
from datapump.stores import Page

if TYPE_CHECKING:
    from datapump.stores.sqlite.database import Database


class SqliteAuditStore:
    """Audit records in one file; they are only ever added."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: AuditRecord) -> None:
        """Store a record."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO audit (caller, document) VALUES (?, ?)", (record.caller, record.model_dump_json())
            )

    def list(self, *, caller: str | None = None, after: str | None = None, limit: int = 50) -> Page[AuditRecord]:
        """Records, newest first; `after` is the number that the page before ended with."""
        chosen = {"caller = ?": caller, "seq < ?": None if after is None else int(after)}
        given = {condition: value for condition, value in chosen.items() if value is not None}
        rows = self._database.rows(
            f"SELECT seq, document FROM audit WHERE {' AND '.join(given) or '1'} ORDER BY seq DESC LIMIT ?",  # noqa: S608 - constants
            (*given.values(), limit + 1),
        )
        items = [AuditRecord.model_validate_json(row["document"]) for row in rows[:limit]]
        return Page(items, str(rows[limit - 1]["seq"]) if len(rows) > limit else None)
