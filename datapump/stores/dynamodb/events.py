"""The events of an execution: numbered, and shown in order without leaving one out.

Many jobs tell of what happened at once. So numbers are given out by a counter that nobody waits for, and an event is
stored together with what it tells of. A number whose event is not there yet may still be on its way: readers stop
before it, until it is too late for it to come. What came to nothing leaves an empty event, which readers pass over.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Attr, Key

from datapump.clock import isoformat
from datapump.errors import InternalError
from datapump.executions import Event
from datapump.stores.dynamodb.layout import event_key, execution_pk, key
from datapump.stores.dynamodb.values import dumps, pack_one, unpack
from datapump.stores.dynamodb.writes import put

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.clock import Clock
    from datapump.executions import NewEvent
    from datapump.stores.dynamodb.layout import Item
    from datapump.stores.dynamodb.tables import Tables
    from datapump.stores.dynamodb.writes import Write

# Longer than a request with all its tries takes.
SETTLE_S = 60.0
COUNTED = "given"


class EventItems:
    """The events of a run table."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    def first(self, execution_id: str, event: NewEvent) -> list[Write]:
        """The writes that start the events of an execution that is being made."""
        counter = {**key(execution_pk(execution_id), "COUNTER"), COUNTED: 1, "expires": self._expires()}
        return [put(self._tables.runs, counter), self._put(execution_id, 1, event)]

    def add(self, execution_id: str, events: Sequence[NewEvent]) -> None:
        """Append events that tell of no change in the store."""
        for write in self.numbered(execution_id, events):
            self._tables.write(write)

    def commit(self, writes: Sequence[Write], numbered: Sequence[Write]) -> bool:
        """Make writes and the events that tell of them, all or none. False: a condition did not hold."""
        done = self._tables.write_together([*writes, *numbered])
        if not done:
            self._void(numbered)
        return done

    def numbered(self, execution_id: str, events: Sequence[NewEvent]) -> list[Write]:
        """The writes that append events, each of which has its number now.

        Raises:
            InternalError: There is no such execution.
        """
        if not events:
            return []
        counter = key(execution_pk(execution_id), "COUNTER")
        last = self._tables.count_up(self._tables.runs, counter, COUNTED, len(events))
        if last is None:
            raise InternalError(f"there is no execution {execution_id!r} to tell of what happened in")
        first = last - len(events) + 1
        return [self._put(execution_id, seq, event) for seq, event in enumerate(events, start=first)]

    def list(self, execution_id: str, after: int, limit: int) -> list[Event]:
        """Events after number `after`, none of them left out."""
        low, high = event_key(execution_id, after + 1), event_key(execution_id, 10**8 - 1)
        condition = Key("pk").eq(low["pk"]) & Key("sk").between(low["sk"], high["sk"])
        found: list[Event] = []
        expected = after + 1
        for item in self._tables.query(self._tables.runs, condition, page=limit + 1):
            seq = int(item["seq"])
            if len(found) == limit or (seq != expected and self._may_come(item)):
                break
            expected = seq + 1
            if "kind" in item:
                found.append(_event(item))
        return found

    def _may_come(self, later: Item) -> bool:
        """Whether an event that is missing before this one may still be on its way."""
        age = self._clock.now() - datetime.fromisoformat(later["at"])
        return age.total_seconds() < SETTLE_S

    def _void(self, numbered: Sequence[Write]) -> None:
        for write in numbered:
            kept = {name: write.request["Item"][name] for name in ("pk", "sk", "seq", "at", "expires")}
            request = {"TableName": self._tables.runs, "Item": kept}
            self._tables.write(type(write)("Put", request))

    def _put(self, execution_id: str, seq: int, event: NewEvent) -> Write:
        item = {
            **event_key(execution_id, seq),
            "seq": seq,
            "at": isoformat(self._clock.now()),
            "kind": event.kind,
            "message": event.message,
            "data": pack_one(dumps(event.data), f"an event of execution {execution_id}"),
            "expires": self._expires(),
        }
        if event.job_id is not None:
            item["job_id"] = event.job_id
        return put(self._tables.runs, item, Attr("kind").not_exists())

    def _expires(self) -> int:
        return self._tables.expires(self._clock.now())


def _event(item: Item) -> Event:
    return Event.model_validate({**item, "data": json.loads(unpack(item["data"]))})
