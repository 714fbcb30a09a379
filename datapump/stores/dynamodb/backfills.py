"""Backfills on DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Attr, Key

from datapump.backfills import Backfill, BackfillStatus
from datapump.errors import NotFoundError, StorageError
from datapump.stores import Page
from datapump.stores.dynamodb.layout import key
from datapump.stores.dynamodb.values import pack_one, unpack
from datapump.stores.dynamodb.writes import put

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from boto3.dynamodb.conditions import ConditionBase

    from datapump.clock import Clock
    from datapump.stores.dynamodb.layout import Item
    from datapump.stores.dynamodb.layout import Key as Place
    from datapump.stores.dynamodb.tables import Tables
    from datapump.stores.dynamodb.writes import Write

ATTEMPTS = 20
BACKFILL = "BACKFILL"
FIRST, LAST = " ", "~"


class DynamoBackfillStore:
    """Backfills in the run table: an item each, one that lists it by its status, one for its idempotency key.

    All are written in one transaction, on the condition that the backfill is still of the revision that was read. One
    that is over is deleted when its executions are: what is planned, runs or is paused stays.
    """

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    def create(self, backfill: Backfill) -> tuple[Backfill, bool]:
        """Store a new backfill, or find the one that this caller's idempotency key made."""
        for _ in range(ATTEMPTS):
            known: ConditionBase = Attr("pk").not_exists()
            if backfill.idempotency_key is not None:
                used = self._tables.get(self._tables.runs, _used_key(backfill.caller, backfill.idempotency_key))
                earlier = None if used is None else self._find(str(used["backfill_id"]))
                if earlier is not None and earlier.key_stands(backfill.created):
                    return earlier, False
                if used is not None:
                    # The key has expired, or what it stood for has been deleted.
                    known = Attr("backfill_id").eq(used["backfill_id"])
            if self._tables.write_together(self._writes(backfill, Attr("pk").not_exists(), known)):
                return backfill, True
        raise StorageError(f"backfill {backfill.id} could not be stored: others were faster all the time")

    def get(self, backfill_id: str) -> Backfill:
        """One backfill."""
        found = self._find(backfill_id)
        if found is None:
            raise NotFoundError(f"there is no backfill {backfill_id!r}")
        return found

    def save(self, backfill: Backfill) -> bool:
        """Replace the document of that revision."""
        after = backfill.model_copy(update={"revision": backfill.revision + 1})
        return self._tables.write_together(self._writes(after, Attr("revision").eq(backfill.revision)))

    def list(
        self, *, status: BackfillStatus | None = None, after: str | None = None, limit: int = 50
    ) -> Page[Backfill]:
        """Backfills, newest first; `after` is the id that the page before ended with."""
        place = Key("list").eq(_list_name(status)) & Key("listed").lt(after or LAST)
        ids = [str(entry["listed"]) for entry in self._tables.listed(place, limit=limit + 1, forward=False)]
        items = sorted(self._read(ids[:limit], status), key=lambda backfill: backfill.id, reverse=True)
        return Page(items, ids[limit - 1] if len(ids) > limit else None)

    def running(self) -> Sequence[Backfill]:
        """Those that are running; one that has just begun to is found a moment later."""
        place = Key("list").eq(_list_name(BackfillStatus.RUNNING)) & Key("listed").gt(FIRST)
        ids = [str(entry["listed"]) for entry in self._tables.listed(place, limit=None)]
        return sorted(self._read(ids, BackfillStatus.RUNNING), key=lambda backfill: backfill.id)

    def _read(self, ids: Iterable[str], status: BackfillStatus | None) -> Sequence[Backfill]:
        """These backfills as they are now; lists are a moment behind."""
        found = map(_loaded, self._tables.get_all(self._tables.runs, map(_key, ids)))
        return [backfill for backfill in found if status in {None, backfill.status}]

    def _find(self, backfill_id: str) -> Backfill | None:
        item = self._tables.get(self._tables.runs, _key(backfill_id))
        return None if item is None else _loaded(item)

    def _writes(
        self, backfill: Backfill, condition: ConditionBase, key_condition: ConditionBase | None = None
    ) -> Sequence[Write]:
        """What a backfill is made of; only its own item needs a condition once it is there."""
        expires = {"expires": self._tables.expires(self._clock.now())} if backfill.over else {}
        document = pack_one(backfill.model_dump_json(), f"backfill {backfill.id}")
        own = {
            **_key(backfill.id),
            "list": _list_name(None),
            "listed": backfill.id,
            "revision": backfill.revision,
            "document": document,
        }
        by_status = {
            **key(f"{BACKFILL}#{backfill.id}", "LIST#status"),
            "list": _list_name(backfill.status),
            "listed": backfill.id,
        }
        writes = [
            put(self._tables.runs, {**own, **expires}, condition),
            put(self._tables.runs, {**by_status, **expires}),
        ]
        if backfill.idempotency_key is not None:
            used = {**_used_key(backfill.caller, backfill.idempotency_key), "backfill_id": backfill.id, **expires}
            writes.append(put(self._tables.runs, used, key_condition))
        return writes


def _key(backfill_id: str) -> Place:
    return key(f"{BACKFILL}#{backfill_id}", BACKFILL)


def _used_key(caller: str, idempotency_key: str) -> Place:
    return key(f"IDEMPOTENCY#{caller}#{idempotency_key}", BACKFILL)


def _list_name(status: BackfillStatus | None) -> str:
    return "backfills" if status is None else f"backfills?status={status}"


def _loaded(item: Item) -> Backfill:
    return Backfill.model_validate_json(unpack(item["document"]))
