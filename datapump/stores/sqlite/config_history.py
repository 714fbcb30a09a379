"""Who changed which sync config, when and why, on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.errors import NotFoundError
from datapump.stores import Page
from datapump.stores.config_rules import change_of
from datapump.sync_configs import Action, ConfigChange, SyncConfig

if TYPE_CHECKING:
    import sqlite3

    from datapump.stores.sqlite.database import Database
    from datapump.sync_configs import Author

PAUSED = """
    SELECT document FROM sync_configs WHERE sync_type = ? AND sync = 0 AND 'paused' = (
        SELECT action FROM sync_config_changes WHERE config_id = sync_configs.id AND switched = 1
        ORDER BY revision DESC LIMIT 1
    ) ORDER BY id
"""
ENABLED = "SELECT document FROM sync_configs WHERE sync_type = ? AND sync = 1 ORDER BY id"


class SqliteConfigHistory:
    """The part of the sync-config store that remembers changes."""

    _database: Database

    def history(self, config_id: str, *, after: str | None = None, limit: int = 50) -> Page[ConfigChange]:
        """Changes of one config, newest first; `after` is the revision that the page before ended with."""
        if self._database.row("SELECT 1 FROM sync_configs WHERE id = ?", (config_id,)) is None:
            raise NotFoundError(f"there is no sync config {config_id!r}")
        rows = self._database.rows(
            "SELECT document FROM sync_config_changes WHERE config_id = ? AND (? IS NULL OR revision < ?)"
            " ORDER BY revision DESC LIMIT ?",
            (config_id, after, None if after is None else int(after), limit + 1),
        )
        items = [ConfigChange.model_validate_json(row["document"]) for row in rows[:limit]]
        return Page(items, str(items[-1].revision) if len(rows) > limit else None)


def record(
    connection: sqlite3.Connection,
    before: SyncConfig,
    after: SyncConfig,
    author: Author,
    action: Action = Action.CHANGED,
) -> None:
    """Keep what an author changed."""
    change = change_of(before, after, author, action)
    connection.execute(
        "INSERT INTO sync_config_changes (config_id, revision, action, switched, document) VALUES (?, ?, ?, ?, ?)",
        (after.id, after.revision, action, before.sync != after.sync, change.model_dump_json()),
    )


def to_switch(connection: sqlite3.Connection, sync_type: str, *, sync: bool) -> list[SyncConfig]:
    """The configs of a type that a pause switches off; or those that a pause was the last to switch off."""
    rows = connection.execute(PAUSED if sync else ENABLED, (sync_type,)).fetchall()
    return [SyncConfig.model_validate_json(row["document"]) for row in rows]
