"""The sync configs on DynamoDB."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Unpack

from boto3.dynamodb.conditions import Attr, Key

from datapump.errors import DataError, NotFoundError, StorageError
from datapump.stores import Page
from datapump.stores.config_pages import every_config
from datapump.stores.config_rules import moved, next_of, patched, refreshed
from datapump.stores.dynamodb.config_history import DynamoConfigHistory
from datapump.stores.dynamodb.config_rows import (
    changes_of,
    entries,
    from_row,
    list_name,
    to_row,
    unchanged,
)
from datapump.stores.dynamodb.indexing import index_rows, is_indexed
from datapump.stores.dynamodb.writes import put, update
from datapump.sync_configs import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from datapump.clock import Clock
    from datapump.stores.dynamodb.layout import Item
    from datapump.stores.dynamodb.tables import Tables
    from datapump.sync_configs import Author, Freshness, SyncConfig, SyncConfigFilters

logger = logging.getLogger(__name__)
ATTEMPTS = 20
FIRST = " "


class DynamoSyncConfigStore(DynamoConfigHistory):
    """Sync configs in the config table, and their lists and histories in the run table."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock
        self._indexed = False

    def get(self, config_id: str) -> SyncConfig:
        """One config.

        Raises:
            DataError: Its row is broken.
        """
        return from_row(self._row(config_id), self._tables.configs)

    def list(
        self, *, after: str | None = None, limit: int = 100, **filters: Unpack[SyncConfigFilters]
    ) -> Page[SyncConfig]:
        """Configs in the order of their ids; `after` is the id that the page before ended with."""
        asked = {
            name: value if isinstance(value, bool) else str(value)
            for name, value in filters.items()
            if value is not None
        }
        self._ensure_indexed()
        found: list[SyncConfig] = []
        more = True
        while more and len(found) < limit:
            wanted = limit - len(found)
            # One more tells whether there is a next page.
            ids = self._listed(list_name(asked), after, wanted + 1)
            more = len(ids) > wanted
            found += self._read(ids[:wanted], asked)
            after = ids[wanted - 1] if more else None
        return Page(found, after)

    def put(self, config: SyncConfig) -> SyncConfig:
        """Create it, or refresh an existing one without touching its switch or what it was brought to."""
        for _ in range(ATTEMPTS):
            row = self._tables.get(self._tables.configs, {"id": config.id})
            if row is not None and "analysis" in row:
                _, after = self._change(config.id, lambda existing: refreshed(existing, config, self._clock.now()))
                return after
            stored = config.model_copy(update={"revision": 1, "updated": self._clock.now()})
            # A row that lacks its analysis is broken, and replaced.
            new = put(self._tables.configs, to_row(stored), Attr("analysis").not_exists())
            if self._tables.write_together([new, *(put(self._tables.runs, entry) for entry in entries(stored))]):
                return stored
        raise StorageError(f"sync config {config.id} could not be stored: others were faster all the time")

    def move(
        self,
        config_id: str,
        sync_version: str,
        alerts_until: str | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> bool:
        """Record what a config was brought to, if the config is still there; no value goes back."""
        try:
            self._change(
                config_id, lambda config: moved(config, self._clock.now(), sync_version, alerts_until, sources)
            )
        except (NotFoundError, DataError) as error:
            logger.warning("sync version %s was not recorded: %s", sync_version, error.message)
            return False
        return True

    def record_freshness(self, config_id: str, freshness: Freshness) -> bool:
        """Record what a sync found, without counting a revision."""
        changes = {"freshness": freshness.model_dump(mode="json", exclude_none=True)}
        return self._tables.write(update(self._tables.configs, {"id": config_id}, changes, Attr("analysis").exists()))

    def patch(
        self, config_id: str, changes: dict[str, Any], *, revision: int | None = None, author: Author | None = None
    ) -> SyncConfig:
        """Change the switch and the metadata."""
        _, after = self._change(
            config_id, lambda config: patched(config, changes, revision, self._clock.now()), author=author
        )
        return after

    def switch_type(self, sync_type: str, *, sync: bool, author: Author) -> Sequence[SyncConfig]:
        """Pause or resume the configs of a type, one after the other; stopped in the middle, it may be repeated."""
        action = Action.RESUMED if sync else Action.PAUSED
        configs = tuple(every_config(self, sync_type=sync_type, sync=not sync))
        switched = []
        for config in self._paused(configs) if sync else configs:
            before, after = self._change(
                config.id,
                lambda found: None if found.sync is sync else next_of(found, {"sync": sync}, self._clock.now()),
                author=author,
                action=action,
            )
            if before != after:
                switched.append(after)
        return switched

    def _change(
        self,
        config_id: str,
        alter: Callable[[SyncConfig], SyncConfig | None],
        *,
        author: Author | None = None,
        action: Action = Action.CHANGED,
    ) -> tuple[SyncConfig, SyncConfig]:
        """Change a config as it is now; it before and after, the same where there was nothing to change."""
        for _ in range(ATTEMPTS):
            row = self._row(config_id)
            before = from_row(row, self._tables.configs)
            after = alter(before)
            if after is None:
                return before, before
            writes = [update(self._tables.configs, {"id": config_id}, changes_of(after), unchanged(row))]
            if before.sync != after.sync:
                writes += [put(self._tables.runs, entry) for entry in entries(after, of_switch=True)]
            if author is not None:
                writes += self._recorded(before, after, author, action)
            if self._tables.write_together(writes):
                return before, after
        raise StorageError(f"sync config {config_id} could not be changed: others change it all the time")

    def _row(self, config_id: str) -> Item:
        row = self._tables.get(self._tables.configs, {"id": config_id})
        if row is None:
            raise NotFoundError(f"there is no sync config {config_id!r}")
        return row

    def _listed(self, name: str, after: str | None, limit: int) -> Sequence[str]:
        condition = Key("list").eq(name) & Key("listed").gt(after or FIRST)
        return [str(entry["listed"]) for entry in self._tables.listed(condition, limit=limit)]

    def _read(self, ids: Sequence[str], filters: dict[str, Any]) -> Sequence[SyncConfig]:
        """The configs of these ids that the filters let through: lists may be a moment behind, rows may be broken."""
        rows = {row["id"]: row for row in self._tables.get_all(self._tables.configs, [{"id": one} for one in ids])}
        found = []
        for row in (rows[one] for one in ids if one in rows):
            try:
                config = from_row(row, self._tables.configs)
            except DataError as error:
                logger.warning("left out of a list: %s", error.message)
                continue
            if all(getattr(config, name) == value for name, value in filters.items()):
                found.append(config)
        return found

    def _ensure_indexed(self) -> None:
        """Before the first list: make sure that the rows that were there are in the lists."""
        if not self._indexed:
            if not is_indexed(self._tables):
                index_rows(self._tables)
            self._indexed = True
