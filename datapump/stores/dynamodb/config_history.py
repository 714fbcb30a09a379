"""Who changed which sync config, when and why, on DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Key

from datapump.errors import NotFoundError
from datapump.stores import Page
from datapump.stores.config_rules import change_of
from datapump.stores.dynamodb.layout import config_pk, key
from datapump.stores.dynamodb.values import pack_one, unpack
from datapump.stores.dynamodb.writes import put
from datapump.sync_configs import Action, ConfigChange, SyncConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.stores.dynamodb.tables import Tables
    from datapump.stores.dynamodb.writes import Write
    from datapump.sync_configs import Author

FIRST, LAST = "CHANGE#", "CHANGE#~"


class DynamoConfigHistory:
    """The part of the sync-config store that remembers changes.

    They are in the run table: the config table stays as other programs know it.
    """

    _tables: Tables

    def history(self, config_id: str, *, after: str | None = None, limit: int = 50) -> Page[ConfigChange]:
        """Changes of one config, newest first; `after` is the revision that the page before ended with."""
        if self._tables.get(self._tables.configs, {"id": config_id}) is None:
            raise NotFoundError(f"there is no sync config {config_id!r}")
        high = LAST if after is None else _sk(int(after) - 1)
        condition = Key("pk").eq(config_pk(config_id)) & Key("sk").between(FIRST, high)
        rows = list(self._tables.query(self._tables.runs, condition, limit=limit + 1, forward=False))
        items = [ConfigChange.model_validate_json(unpack(row["document"])) for row in rows[:limit]]
        return Page(items, str(items[-1].revision) if len(rows) > limit else None)

    def _recorded(
        self, before: SyncConfig, after: SyncConfig, author: Author, action: Action = Action.CHANGED
    ) -> list[Write]:
        """The writes that keep what an author changed."""
        document = change_of(before, after, author, action).model_dump_json()
        what = f"change {after.revision} of sync config {after.id}"
        change = {**key(config_pk(after.id), _sk(after.revision)), "document": pack_one(document, what)}
        writes = [put(self._tables.runs, change)]
        if before.sync != after.sync:
            writes.append(put(self._tables.runs, {**_switch(after.id), "action": action.value}))
        return writes

    def _paused(self, configs: Sequence[SyncConfig]) -> list[SyncConfig]:
        """Those that a pause was the last to switch off."""
        switches = self._tables.get_all(self._tables.runs, [_switch(config.id) for config in configs])
        paused = {item["pk"] for item in switches if item["action"] == Action.PAUSED}
        return [config for config in configs if config_pk(config.id) in paused]


def _sk(revision: int) -> str:
    return f"{FIRST}{revision:08d}"


def _switch(config_id: str) -> dict[str, str]:
    return key(config_pk(config_id), "SWITCH")
