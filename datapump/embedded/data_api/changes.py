"""What a transaction that changes something carries along, and the log of the requests that asked for it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from datapump.clock import Clock


@dataclass(frozen=True)
class Change:
    """One transaction.

    Attributes:
        sql: The connection, inside the transaction.
        now: The instant that everything in it happens at, as the service writes instants.
    """

    sql: sqlite3.Connection
    now: str
    clock: Clock

    def new_uuid(self) -> str:
        """A new id in the form of a UUID."""
        return str(uuid.UUID(self.clock.new_id()))


@dataclass(frozen=True)
class Asked:
    """A request that may change something.

    Attributes:
        path: Below the place where the Data API is mounted.
        caller: The user id of who asked.
    """

    method: str
    path: str
    body: dict[str, Any]
    caller: str


@dataclass(frozen=True)
class LoggedRequest:
    """A request that changed something, in the order of the changes."""

    at: str
    method: str
    path: str
    body: dict[str, Any]
    status: int
    caller: str


def timestamp(moment: datetime) -> str:
    """`2026-11-22T06:56:44.857569`: UTC, and as the service writes it without saying so."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")


def log(change: Change, asked: Asked, status: int) -> None:
    """Note a request in the transaction of its own change."""
    change.sql.execute(
        "INSERT INTO requests (at, method, path, body, status, caller) VALUES (?, ?, ?, ?, ?, ?)",
        (change.now, asked.method, asked.path, json.dumps(asked.body), status, asked.caller),
    )


def logged(sql: sqlite3.Connection) -> list[LoggedRequest]:
    """All requests that changed something, first to last."""
    rows = sql.execute("SELECT at, method, path, body, status, caller FROM requests ORDER BY request_id")
    return [LoggedRequest(at, method, path, json.loads(body), *rest) for at, method, path, body, *rest in rows]
