"""Effects on DynamoDB: intended, done, withdrawn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr

from datapump.clock import isoformat
from datapump.executions import Effect
from datapump.stores.dynamodb.layout import key as key_of
from datapump.stores.dynamodb.values import dumps, pack_one, unpack
from datapump.stores.dynamodb.writes import delete, update

if TYPE_CHECKING:
    from datapump.clock import Clock
    from datapump.stores.dynamodb.layout import Key
    from datapump.stores.dynamodb.tables import Tables


class DynamoEffects:
    """The part of the run store that remembers remote writes."""

    _tables: Tables
    _clock: Clock

    def get_effect(self, key: str) -> Effect | None:
        """The effect of that key."""
        item = self._tables.get(self._tables.runs, _key(key))
        if item is None:
            return None
        outcome = json.loads(unpack(item["outcome"])) if "outcome" in item else None
        return Effect(key=key, intended=item["intended"], done=item["done"], outcome=outcome)

    def intend(self, key: str) -> Effect:
        """Store an intention."""
        now = self._clock.now()
        changes = {"intended": isoformat(now), "done": False, "expires": self._tables.expires(now)}
        condition = Attr("done").not_exists() | Attr("done").eq(False)  # noqa: FBT003 - a value to compare with
        self._tables.write(update(self._tables.runs, _key(key), changes, condition))
        return Effect(key=key, intended=now)

    def complete(self, key: str, outcome: dict[str, Any]) -> None:
        """Store an outcome."""
        changes = {"done": True, "outcome": pack_one(dumps(outcome), f"the outcome of {key}")}
        self._tables.write(update(self._tables.runs, _key(key), changes, Attr("pk").exists()))

    def withdraw(self, key: str) -> None:
        """Remove an intention."""
        condition = Attr("done").eq(False)  # noqa: FBT003 - a value to compare with
        self._tables.write(delete(self._tables.runs, _key(key), condition))


def _key(key: str) -> Key:
    return key_of(f"EFFECT#{key}", "EFFECT")
