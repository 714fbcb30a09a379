"""The sync configs on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from datapump.errors import NotFoundError
from datapump.stores import Page
from datapump.stores.config_rules import moved, next_of, patched, refreshed
from datapump.stores.sqlite.config_history import SqliteConfigHistory, record, to_switch
from datapump.sync_configs import FILTERS, Action, SyncConfig

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from datapump.clock import Clock
    from datapump.stores.sqlite.database import Database
    from datapump.sync_configs import Author, Freshness, SyncConfigFilters


class SqliteSyncConfigStore(SqliteConfigHistory):
    """Sync configs in one file."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def get(self, config_id: str) -> SyncConfig:
        """One config."""
        row = self._database.row("SELECT document FROM sync_configs WHERE id = ?", (config_id,))
        if row is None:
            raise NotFoundError(f"there is no sync config {config_id!r}")
        return SyncConfig.model_validate_json(row["document"])

    def list(
        self, *, after: str | None = None, limit: int = 100, **filters: Unpack[SyncConfigFilters]
    ) -> Page[SyncConfig]:
        """Configs in the order of their ids; `after` is the id that the page before ended with."""
        conditions = {"id > ?": after} | {f"{name} = ?": filters.get(name) for name in FILTERS}
        chosen = {condition: value for condition, value in conditions.items() if value is not None}
        where = " AND ".join(chosen) or "1"
        rows = self._database.rows(
            f"SELECT document FROM sync_configs WHERE {where} ORDER BY id LIMIT ?",  # noqa: S608 - constants
            (*chosen.values(), limit + 1),
        )
        items = [SyncConfig.model_validate_json(row["document"]) for row in rows[:limit]]
        return Page(items, items[-1].id if len(rows) > limit else None)

    def put(self, config: SyncConfig) -> SyncConfig:
        """Create it, or refresh an existing one without touching its switch or what it was brought to."""
        with self._database.write() as connection:
            existing = _read(connection, config.id)
            if existing is None:
                stored = config.model_copy(update={"revision": 1, "updated": self._clock.now()})
            else:
                refresh = refreshed(existing, config, self._clock.now())
                if refresh is None:
                    return existing
                stored = refresh
            _write(connection, stored)
        return stored

    def move(
        self,
        config_id: str,
        sync_version: str,
        alerts_until: str | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> bool:
        """Record what a config was brought to, if the config is still there; no value goes back."""
        with self._database.write() as connection:
            config = _read(connection, config_id)
            if config is None:
                return False
            after = moved(config, self._clock.now(), sync_version, alerts_until, sources)
            if after is not None:
                _write(connection, after)
        return True

    def record_freshness(self, config_id: str, freshness: Freshness) -> bool:
        """Record what a sync found, without counting a revision."""
        with self._database.write() as connection:
            config = _read(connection, config_id)
            if config is None:
                return False
            metadata = config.metadata.model_copy(update={"freshness": freshness})
            _write(connection, config.model_copy(update={"metadata": metadata}))
        return True

    def patch(
        self, config_id: str, changes: dict[str, Any], *, revision: int | None = None, author: Author | None = None
    ) -> SyncConfig:
        """Change the switch and the metadata."""
        with self._database.write() as connection:
            config = _read(connection, config_id)
            if config is None:
                raise NotFoundError(f"there is no sync config {config_id!r}")
            after = patched(config, changes, revision, self._clock.now())
            if after is None:
                return config
            _write(connection, after)
            if author is not None:
                record(connection, config, after, author)
        return after

    def switch_type(self, sync_type: str, *, sync: bool, author: Author) -> Sequence[SyncConfig]:
        """Pause or resume the configs of a type, all at once."""
        action = Action.RESUMED if sync else Action.PAUSED
        switched = []
        with self._database.write() as connection:
            for config in to_switch(connection, sync_type, sync=sync):
                after = next_of(config, {"sync": sync}, self._clock.now())
                _write(connection, after)
                record(connection, config, after, author, action)
                switched.append(after)
        return switched


def _read(connection: sqlite3.Connection, config_id: str) -> SyncConfig | None:
    row = connection.execute("SELECT document FROM sync_configs WHERE id = ?", (config_id,)).fetchone()
    return None if row is None else SyncConfig.model_validate_json(row["document"])


def _write(connection: sqlite3.Connection, config: SyncConfig) -> None:
    connection.execute(
        "INSERT INTO sync_configs (id, dataset, analysis, analysis_version, sync_type, sync, revision, document)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET sync = excluded.sync, revision = excluded.revision,"
        " document = excluded.document",
        (
            config.id,
            config.dataset,
            config.analysis,
            config.analysis_version,
            config.sync_type,
            config.sync,
            config.revision,
            config.model_dump_json(),
        ),
    )
