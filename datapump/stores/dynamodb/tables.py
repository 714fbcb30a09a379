"""The two tables and every request to them: conditional, and paged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from datapump.errors import InternalError, StorageError
from datapump.stores.dynamodb.connection import ATTEMPTS, CancelledError, Connection
from datapump.stores.dynamodb.layout import LISTS, config_definition, run_definition
from datapump.stores.dynamodb.values import from_attributes, to_attributes
from datapump.stores.dynamodb.writes import Write, expression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from boto3.dynamodb.conditions import ConditionBase

    from datapump.settings import Settings
    from datapump.stores.dynamodb.layout import Item

READ_AT_ONCE = 100
WRITE_AT_ONCE = 25
WRITES_AT_ONCE = 100


def definitions(runs: str, configs: str) -> dict[str, dict[str, Any]]:
    """What creates the tables, by their names, as `create_table` takes it."""
    return {runs: run_definition(runs), configs: config_definition(configs)}


class Tables(Connection):
    """The run table and the config table of one deployment.

    Args:
        runs: Name of the run table.
        configs: Name of the sync-config table.
        region: Where they are; None: as the environment of the AWS SDK says.
        endpoint_url: Another address than AWS's own, for tests.
        retention_days: How long executions, their effects and their idempotency keys are kept.
        pause: Waits that many seconds.
    """

    def __init__(
        self,
        runs: str,
        configs: str,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        retention_days: int = 400,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(region, endpoint_url, pause)
        self.runs = runs
        self.configs = configs
        self.retention_days = retention_days

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The tables that the settings name."""
        return cls(
            settings.run_table,
            settings.config_table,
            region=settings.aws_region,
            endpoint_url=settings.aws_endpoint_url,
            retention_days=settings.retention_days,
        )

    def expires(self, now: datetime) -> int:
        """When what is stored now may be deleted, in seconds since 1970."""
        return int(now.timestamp()) + self.retention_days * 86400

    def get(self, table: str, key: Mapping[str, str]) -> Item | None:
        """An item as it is now, None if there is none."""
        request: dict[str, Any] = {"TableName": table, "Key": to_attributes(dict(key)), "ConsistentRead": True}
        found = self._ask(lambda: self.client.get_item(**request)).get("Item")
        return None if found is None else from_attributes(found)

    def get_all(self, table: str, keys: Iterable[Mapping[str, str]], *names: str) -> list[Item]:
        """The items of these keys that there are, in any order; with `names` only these attributes."""
        wanted = [to_attributes(dict(key)) for key in keys]
        found: list[Item] = []
        shown = {f"#n{number}": name for number, name in enumerate(names)}
        extra = {"ProjectionExpression": ", ".join(shown), "ExpressionAttributeNames": shown} if names else {}
        for start in range(0, len(wanted), READ_AT_ONCE):
            left: dict[str, Any] = {
                table: {"Keys": wanted[start : start + READ_AT_ONCE], "ConsistentRead": True, **extra}
            }
            for attempt in range(ATTEMPTS):
                request = left
                answer = self._ask(lambda request=request: self.client.batch_get_item(RequestItems=request))  # type: ignore[misc]
                found += [from_attributes(item) for item in answer["Responses"].get(table, [])]
                left = answer.get("UnprocessedKeys") or {}
                if not left:
                    break
                self._wait(attempt)
            else:
                raise StorageError(f"table {table} is throttled: not all items could be read")
        return found

    def query(
        self,
        table: str,
        condition: ConditionBase,
        *,
        limit: int | None = None,
        page: int | None = None,
        forward: bool = True,
        index: str = "",
    ) -> Iterator[Item]:
        """The items of a key condition, in order, at most `limit`; read as they are asked for, `page` at a time."""
        request: dict[str, Any] = {
            "TableName": table,
            "ScanIndexForward": forward,
            **expression(condition, of_key=True),
            **({"IndexName": index} if index else {"ConsistentRead": True}),
        }
        left = limit
        while left is None or left > 0:
            at_once = [size for size in (left, page) if size is not None]
            if at_once:
                request["Limit"] = min(at_once)
            answer = self._ask(lambda: self.client.query(**request))
            for item in answer["Items"]:
                yield from_attributes(item)
            left = None if left is None else left - len(answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def listed(self, condition: ConditionBase, *, limit: int | None, forward: bool = True) -> Iterator[Item]:
        """Entries of a list, in order, at most `limit`; None: all."""
        return self.query(self.runs, condition, limit=limit, forward=forward, index=LISTS)

    def scan(self, table: str) -> Iterator[Item]:
        """Every item of a table: for setting up, never for a list."""
        request: dict[str, Any] = {"TableName": table, "ConsistentRead": True}
        while True:
            answer = self._ask(lambda: self.client.scan(**request))
            for item in answer["Items"]:
                yield from_attributes(item)
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def count_up(self, table: str, key: Mapping[str, str], name: str, by: int) -> int | None:
        """Add to a number of an item that is there; the sum, None if there is no such item."""
        request: dict[str, Any] = {
            "TableName": table,
            "Key": to_attributes(dict(key)),
            "UpdateExpression": "ADD #n :by",
            "ConditionExpression": "attribute_exists(#n)",
            "ExpressionAttributeNames": {"#n": name},
            "ExpressionAttributeValues": to_attributes({":by": by}),
            "ReturnValues": "UPDATED_NEW",
        }
        try:
            answer = self._ask(lambda: self.client.update_item(**request))
        except CancelledError:
            return None
        return int(from_attributes(answer["Attributes"])[name])

    def write(self, write: Write) -> bool:
        """Make one write. False, changing nothing, if its condition does not hold."""
        operation = {"Put": "put_item", "Update": "update_item", "Delete": "delete_item"}[write.kind]
        try:
            self._ask(lambda: getattr(self.client, operation)(**write.request))
        except CancelledError:
            return False
        return True

    def write_together(self, writes: Sequence[Write]) -> bool:
        """Make up to 100 writes, all or none. False, changing nothing, if one of their conditions does not hold."""
        if len(writes) > WRITES_AT_ONCE:
            raise InternalError(f"{len(writes)} writes are too many for one transaction")
        items: list[Any] = [{write.kind: write.request} for write in writes]
        try:
            self._ask(lambda: self.client.transact_write_items(TransactItems=items))
        except CancelledError:
            return False
        return True

    def put_all(self, table: str, items: Iterable[Mapping[str, Any]]) -> None:
        """Store items, each by itself and on no condition; on an error some are stored."""
        self._batch(table, [{"PutRequest": {"Item": to_attributes(dict(item))}} for item in items])

    def delete_all(self, table: str, keys: Iterable[Mapping[str, str]]) -> None:
        """Remove items, each by itself and on no condition; on an error some are removed."""
        self._batch(table, [{"DeleteRequest": {"Key": to_attributes(dict(key))}} for key in keys])

    def trouble(self) -> str | None:
        """Why the run table cannot be used, None if it can."""
        try:
            self.get(self.runs, {"pk": "CONFIGS", "sk": "INDEXED"})
        except StorageError as error:
            return error.message
        return None

    def _batch(self, table: str, wanted: list[dict[str, Any]]) -> None:
        for start in range(0, len(wanted), WRITE_AT_ONCE):
            left: Any = {table: wanted[start : start + WRITE_AT_ONCE]}
            for attempt in range(ATTEMPTS):
                request = left
                answer = self._ask(lambda request=request: self.client.batch_write_item(RequestItems=request))  # type: ignore[misc]
                left = answer.get("UnprocessedItems") or {}
                if not left:
                    break
                self._wait(attempt)
            else:
                raise StorageError(f"table {table} is throttled: not all items could be written")
