"""The audit on DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Attr, Key

from datapump.audit import AuditRecord
from datapump.clock import isoformat
from datapump.stores import Page
from datapump.stores.dynamodb.layout import key
from datapump.stores.dynamodb.writes import put

if TYPE_CHECKING:
    from datapump.clock import Clock
    from datapump.stores.dynamodb.tables import Tables

AUDIT = "AUDIT"
LAST = "~"


class DynamoAuditStore:
    """Audit records in the run table; they are only ever added."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    def add(self, record: AuditRecord) -> None:
        """Store a record."""
        place = f"{isoformat(record.at)}#{self._clock.new_id()}"
        item = {**key(AUDIT, place), "list": _of(record.caller), "listed": place, "document": record.model_dump_json()}
        self._tables.write(put(self._tables.runs, item, Attr("pk").not_exists()))

    def list(self, *, caller: str | None = None, after: str | None = None, limit: int = 50) -> Page[AuditRecord]:
        """Records, newest first; `after` is the place that the page before ended with."""
        if caller is None:
            condition = Key("pk").eq(AUDIT) & Key("sk").lt(after or LAST)
            items = list(self._tables.query(self._tables.runs, condition, limit=limit + 1, forward=False))
        else:
            condition = Key("list").eq(_of(caller)) & Key("listed").lt(after or LAST)
            entries = self._tables.listed(condition, limit=limit + 1, forward=False)
            found = self._tables.get_all(self._tables.runs, [key(AUDIT, str(entry["sk"])) for entry in entries])
            items = sorted(found, key=lambda item: str(item["sk"]), reverse=True)
        records = [AuditRecord.model_validate_json(item["document"]) for item in items[:limit]]
        return Page(records, str(items[limit - 1]["sk"]) if len(items) > limit else None)


def _of(caller: str) -> str:
    return f"audit?caller={caller}"
