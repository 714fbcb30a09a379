"""What open executions are going to write, on DynamoDB."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr

from datapump.clock import isoformat
from datapump.errors import StorageError
from datapump.executions import ENDED, ExecutionStatus
from datapump.stores.dynamodb.layout import execution_key, key
from datapump.stores.dynamodb.tables import WRITES_AT_ONCE
from datapump.stores.dynamodb.writes import put

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from datapump.clock import Clock
    from datapump.stores.dynamodb.layout import Item, Key
    from datapump.stores.dynamodb.tables import Tables

ATTEMPTS = 20
GRACE = timedelta(minutes=1)
TARGET, FORGOTTEN = "TARGET", "FORGOTTEN"


class DynamoTargetStore:
    """Targets and who has noted them, in the run table: an item a target.

    Each is replaced on the condition that nobody else has replaced it since it was read: of two that note the same
    target, the second reads again, and finds the first. More targets than one transaction takes are noted in several,
    always in the same order; then two may refuse each other, but never are both let in.
    """

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    def note(self, execution_id: str, targets: AbstractSet[str], *, alone: bool) -> str | None:
        """Note targets, or tell who has noted one of them."""
        names = sorted(targets)
        noted = False
        for _ in range(ATTEMPTS):
            items = self._items(names)
            over = self._over({one for item in items.values() for one in item["held"]} - {execution_id}, items)
            held: dict[str, dict[str, str]] = {
                name: {one: at for one, at in items[name]["held"].items() if one not in over} for name in names
            }
            others = {one for by_name in held.values() for one in by_name} - {execution_id}
            if alone and others:
                if noted:
                    self.forget(execution_id)
                return min(others)
            missing = [name for name in names if execution_id not in held[name]]
            for start in range(0, len(missing), WRITES_AT_ONCE):
                if not self._put(execution_id, missing[start : start + WRITES_AT_ONCE], held, items):
                    break
                noted = True
            else:
                return None
        if noted:
            self.forget(execution_id)
        raise StorageError(
            f"the targets of execution {execution_id} could not be noted: others change them all the time"
        )

    def forget(self, execution_id: str) -> None:
        """Remember that an execution is not going to be stored: what it has noted counts for nothing."""
        expires = self._tables.expires(self._clock.now())
        self._tables.write(put(self._tables.runs, {**_forgotten_key(execution_id), "expires": expires}))

    def _items(self, names: Sequence[str]) -> dict[str, Item]:
        """The items of these targets as they are now; one that is not there has version 0."""
        found: dict[str, Item] = {name: {"version": 0, "held": {}} for name in names}
        for item in self._tables.get_all(self._tables.runs, map(_target_key, names)):
            found[str(item["pk"]).partition("#")[2]] = item
        return found

    def _over(self, execution_ids: Iterable[str], items: Mapping[str, Item]) -> set[str]:
        """Those that have ended, are forgotten, or have not been stored within a minute."""
        wanted = sorted(execution_ids)
        keys = [place for one in wanted for place in (execution_key(one), _forgotten_key(one))]
        found = {
            (str(item["pk"]).partition("#")[2], item["sk"]): item.get("status")
            for item in self._tables.get_all(self._tables.runs, keys, "pk", "sk", "status")
        }
        return {one for one in wanted if self._is_over(one, found, items.values())}

    def _is_over(self, one: str, found: Mapping[tuple[str, str], Any], items: Iterable[Item]) -> bool:
        status = found.get((one, execution_key(one)["sk"]))
        if status is not None:
            return ExecutionStatus(status) in ENDED
        if (one, FORGOTTEN) in found:
            return True
        noted = max(str(item["held"][one]) for item in items if one in item["held"])
        return datetime.fromisoformat(noted) < self._clock.now() - GRACE

    def _put(
        self, execution_id: str, names: Sequence[str], held: Mapping[str, Mapping[str, str]], items: Mapping[str, Item]
    ) -> bool:
        """Note some targets together. False, changing nothing, if one of them has been changed since."""
        now = self._clock.now()
        changed = [
            put(
                self._tables.runs,
                {
                    **_target_key(name),
                    "version": int(items[name]["version"]) + 1,
                    "held": {**held[name], execution_id: isoformat(now)},
                    "expires": self._tables.expires(now),
                },
                Attr("version").eq(items[name]["version"]) if items[name]["version"] else Attr("pk").not_exists(),
            )
            for name in names
        ]
        return self._tables.write_together(changed)


def _target_key(target: str) -> Key:
    return key(f"TARGET#{target}", TARGET)


def _forgotten_key(execution_id: str) -> Key:
    return key(f"EXECUTION#{execution_id}", FORGOTTEN)
