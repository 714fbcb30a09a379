"""The item of an execution: read, stored, replaced on condition that nobody else has replaced it since."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from boto3.dynamodb.conditions import Attr, Key

from datapump.errors import InvalidInputError, NotFoundError
from datapump.executions import Execution
from datapump.stores.dynamodb import lists
from datapump.stores.dynamodb.layout import execution_key, execution_pk, key
from datapump.stores.dynamodb.values import LARGEST_BINARY, dumps, pack, pack_one, unpack
from datapump.stores.dynamodb.writes import put, update

if TYPE_CHECKING:
    from collections.abc import Iterable

    from datapump.clock import Clock
    from datapump.stores.dynamodb.layout import Item
    from datapump.stores.dynamodb.tables import Tables
    from datapump.stores.dynamodb.writes import Write

MOST_PARTS = 10
MOST_CACHED = 64


class Held(NamedTuple):
    """An execution as it was read.

    Attributes:
        version: Counts the changes of its item.
        dispatch: The attempt to dispatch whose jobs are its jobs; None before.
    """

    execution: Execution
    version: int
    dispatch: str | None


class ExecutionItems:
    """The executions of a run table."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock
        # Large commands, which never change.
        self._commands: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, execution_id: str) -> Held:
        """An execution.

        Raises:
            NotFoundError: There is none of that id.
        """
        item = self._tables.get(self._tables.runs, execution_key(execution_id))
        if item is None:
            raise NotFoundError(f"there is no execution {execution_id!r}")
        return self._held(item)

    def find(self, execution_id: str) -> Held | None:
        """An execution, None if there is none of that id."""
        try:
            return self.get(execution_id)
        except NotFoundError:
            return None

    def find_all(self, execution_ids: Iterable[str]) -> dict[str, Held]:
        """The executions that there are, by their ids."""
        items = self._tables.get_all(self._tables.runs, [execution_key(one) for one in execution_ids])
        held = [self._held(item) for item in items]
        return {one.execution.id: one for one in held}

    def dispatches(self, execution_ids: Iterable[str]) -> dict[str, str | None]:
        """Which attempt to dispatch counts, by the ids of the executions that there are."""
        keys = [execution_key(one) for one in execution_ids]
        items = self._tables.get_all(self._tables.runs, keys, "pk", "dispatch")
        return {str(item["pk"]).partition("#")[2]: item.get("dispatch") for item in items}

    def created(self, execution: Execution) -> list[Write]:
        """The writes that store a new execution and put it into its lists."""
        runs, expires = self._tables.runs, self._tables.expires(self._clock.now())
        pk, command = execution_pk(execution.id), pack(dumps(execution.command))
        item = {**execution_key(execution.id), **self._state(execution), "version": 1, "expires": expires}
        parts = []
        if len(command) <= LARGEST_BINARY:
            item["command"] = command
        else:
            parts = [command[start : start + LARGEST_BINARY] for start in range(0, len(command), LARGEST_BINARY)]
            item["parts"] = len(parts)
        if len(parts) > MOST_PARTS:
            raise InvalidInputError(f"the command is too large to be stored: {len(command)} bytes compressed")
        position = lists.position(execution.id, execution.created)
        entries = [(f"LIST#{name}", name) for name in lists.names_of(execution)]
        entries.append(("LIST#status", lists.name("status", execution.status)))
        return [
            put(runs, item, Attr("pk").not_exists()),
            *(
                put(runs, {**key(pk, f"COMMAND#{number:04d}"), "part": part, "expires": expires})
                for number, part in enumerate(parts)
            ),
            *(
                put(runs, {**key(pk, sk), "list": name, "listed": position, "expires": expires})
                for sk, name in dict(entries).items()
            ),
        ]

    def replaced(self, held: Held, dispatch: str | None = None) -> list[Write]:
        """The writes that store a changed execution, if it is still of the version that was read."""
        execution, runs = held.execution, self._tables.runs
        expires = self._tables.expires(self._clock.now())
        changes = {**self._state(execution), "version": held.version + 1, "expires": expires}
        if dispatch is not None:
            changes["dispatch"] = dispatch
        listed = {
            **key(execution_pk(execution.id), "LIST#status"),
            "list": lists.name("status", execution.status),
            "listed": lists.position(execution.id, execution.created),
            "expires": expires,
        }
        # The first write is the one with the condition.
        return [
            update(runs, execution_key(execution.id), changes, Attr("version").eq(held.version)),
            put(runs, listed),
        ]

    def _state(self, execution: Execution) -> dict[str, Any]:
        document = execution.model_dump_json(exclude={"command"})
        return {"status": execution.status.value, "document": pack_one(document, f"execution {execution.id}")}

    def _held(self, item: Item) -> Held:
        execution_id = str(item["pk"]).partition("#")[2]
        command = self._command(execution_id) if "parts" in item else json.loads(unpack(item["command"]))
        document = json.loads(unpack(item["document"]))
        execution = Execution.model_validate({**document, "command": command})
        return Held(execution, int(item["version"]), item.get("dispatch"))

    def _command(self, execution_id: str) -> Any:  # noqa: ANN401 - any JSON value
        with self._lock:
            known = self._commands.get(execution_id)
        if known is None:
            condition = Key("pk").eq(execution_pk(execution_id)) & Key("sk").begins_with("COMMAND#")
            parts = [item["part"] for item in self._tables.query(self._tables.runs, condition)]
            known = json.loads(unpack(b"".join(parts)))
            with self._lock:
                self._commands[execution_id] = known
                while len(self._commands) > MOST_CACHED:
                    self._commands.popitem(last=False)
        return known
