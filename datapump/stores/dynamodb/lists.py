"""Lists of executions: entries of the index `lists`, newest first, and what several lists have in common.

An execution is put into a list for every value that it can be found by. Several filters are answered by going through
their lists together, each of which is skipped forward to where the others stand.
"""

from __future__ import annotations

from collections import deque
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from boto3.dynamodb.conditions import Key

from datapump.clock import isoformat
from datapump.stores.run_rules import kinds_of, kinds_of_jobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from datapump.executions import Execution, ExecutionFilters
    from datapump.jobs.documents import AnyJob
    from datapump.stores.dynamodb.tables import Tables

ALL = "executions"
FIRST, LAST = " ", "~"


class Entry(NamedTuple):
    """An execution in a list.

    Attributes:
        position: Where: its time of making, then its id.
        dispatches: The attempts to dispatch that put it there; None: it was there from its making.
    """

    position: str
    dispatches: frozenset[str | None]

    @property
    def execution_id(self) -> str:
        """Which execution."""
        return self.position.partition("#")[2]


class Found(NamedTuple):
    """An execution that is in all the lists asked for, as far as the entries tell."""

    entries: list[Entry]

    @property
    def position(self) -> str:
        """Where it is in each."""
        return self.entries[0].position

    @property
    def execution_id(self) -> str:
        """Which execution."""
        return self.entries[0].execution_id

    @property
    def certain(self) -> bool:
        """Whether it needs no look at the execution."""
        return all(None in entry.dispatches for entry in self.entries)

    def holds(self, dispatch: str | None) -> bool:
        """Whether it is in all the lists, given which attempt to dispatch it was that counted."""
        return all(entry.dispatches & {None, dispatch} for entry in self.entries)


def position(execution_id: str, created: datetime) -> str:
    """Where an execution is in its lists: text order is time order."""
    return f"{isoformat(created)}#{execution_id}"


def name(kind: str, value: object) -> str:
    """The list of the executions with a value; its items' `sk` is `LIST#` and this."""
    return f"{ALL}?{kind}={value}"


def names_of(execution: Execution) -> list[str]:
    """The lists that an execution is in from its making, but for that of its status."""
    found = [name(*pair) for pair in kinds_of(execution)]
    return [ALL, name("command", execution.name), name("caller", execution.caller), *found]


def names_of_jobs(jobs: Iterable[AnyJob]) -> list[str]:
    """The lists that an execution is in by its jobs."""
    return [name(*pair) for pair in kinds_of_jobs(jobs)]


def walk(tables: Tables, filters: ExecutionFilters, after: str | None, size: int) -> Iterator[Found]:
    """Executions that all the filters let through, newest first, their entries read about `size` at a time."""
    since, until = filters.get("since"), filters.get("until")
    low = FIRST if since is None else isoformat(since)
    high = min(LAST if after is None else _before(after), LAST if until is None else isoformat(until))
    values = {kind: value for kind, value in filters.items() if kind not in {"since", "until"} and value is not None}
    streams = [Stream(tables, one, low, size) for one in [name(*pair) for pair in values.items()] or [ALL]]
    while True:
        entries = _common(streams, high)
        if entries is None:
            return
        yield Found(entries)
        high = _before(entries[0].position)


def _common(streams: list[Stream], high: str) -> list[Entry] | None:
    """The entries of the newest execution, not after `high`, that is in every list."""
    while True:
        entries = []
        for stream in streams:
            entry = stream.seek(high)
            if entry is None:
                return None
            high = entry.position
            entries.append(entry)
        if entries[0].position == high:
            return entries


class Stream:
    """One list, from newer to older; what lies between two looks at it is not read."""

    def __init__(self, tables: Tables, list_name: str, low: str, size: int) -> None:
        self._tables = tables
        self._name = list_name
        self._low = low
        self._size = size + 1
        self._entries: deque[Entry] = deque()
        self._ended = False

    def seek(self, high: str) -> Entry | None:
        """The newest entry that is not after `high`."""
        while True:
            while self._entries and self._entries[0].position > high:
                self._entries.popleft()
            if self._entries:
                return self._entries[0]
            if self._ended or high < self._low:
                return None
            self._fill(high)

    def _fill(self, high: str) -> None:
        condition = Key("list").eq(self._name) & Key("listed").between(self._low, high)
        items = list(self._tables.listed(condition, limit=self._size, forward=False))
        self._ended = len(items) < self._size
        groups = [
            Entry(position, frozenset(item.get("dispatch") for item in group))
            for position, group in groupby(items, key=lambda item: str(item["listed"]))
        ]
        if not self._ended and len(groups) > 1:
            # The last may have more items, which are on the next page.
            groups.pop()
        self._entries.extend(groups)


def _before(position: str) -> str:
    """What is after every earlier position and not after any other: the bounds of a query are inclusive."""
    return position[:-1] + chr(ord(position[-1]) - 1) + LAST
