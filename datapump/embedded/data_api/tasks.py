"""Tasks: what is to be done for an asset in the background, and the change log of what was done.

A task's stage says how far it got, and moves in the transaction of what it did:

    queued      a version was asked for, its default asset does not exist yet
    registered  the asset exists and is to be made
    loaded      its rows are visible, the version is to be marked saved
    refused     it could not be made, the version is to be marked failed
    done, failed
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import sqlite3

    from datapump.embedded.data_api.changes import Change

Kind = Literal["create", "append", "asset"]
Stage = Literal["queued", "registered", "loaded", "refused", "done", "failed"]


@dataclass(frozen=True)
class Task:
    """One thing to do; `creation_options.source_uri` are the sources of this task alone."""

    task_id: int
    kind: Kind
    stage: Stage
    reason: str | None
    dataset: str
    version: str
    asset_id: str | None
    creation_options: dict[str, Any]
    created_on: str
    updated_on: str


@dataclass(frozen=True)
class Order:
    """A task to be added."""

    kind: Kind
    dataset: str
    version: str
    asset_id: str | None
    creation_options: dict[str, Any]


def add(change: Change, order: Order) -> int:
    """Add a task; returns its id. Without an asset it begins with the making of one."""
    stage: Stage = "queued" if order.asset_id is None else "registered"
    cursor = change.sql.execute(
        "INSERT INTO tasks (kind, stage, dataset, version, asset_id, creation_options, created_on, updated_on)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            order.kind, stage, order.dataset, order.version, order.asset_id, json.dumps(order.creation_options),
            change.now, change.now,
        ),
    )  # fmt: skip
    return int(cursor.lastrowid or 0)


def next_in(sql: sqlite3.Connection, *stages: Stage) -> Task | None:
    """The oldest task in one of these stages."""
    marks = ", ".join("?" * len(stages))
    query = f"SELECT * FROM tasks WHERE stage IN ({marks}) ORDER BY task_id LIMIT 1"  # noqa: S608 - question marks
    row = sql.execute(query, stages).fetchone()
    return None if row is None else _task(row)


def move(change: Change, task_id: int, stage: Stage, **values: object) -> bool:
    """Move a task to another stage; False if it is gone, because its version or asset was deleted meanwhile."""
    assignments = "".join(f", {name} = ?" for name in values)
    query = f"UPDATE tasks SET stage = ?, updated_on = ?{assignments} WHERE task_id = ?"  # noqa: S608 - our own names
    return change.sql.execute(query, (stage, change.now, *values.values(), task_id)).rowcount > 0


def others_open(sql: sqlite3.Connection, task: Task) -> bool:
    """Whether the asset has further tasks that are not at their end."""
    query = "SELECT count(*) FROM tasks WHERE asset_id = ? AND task_id <> ? AND stage NOT IN ('done', 'failed')"
    return bool(sql.execute(query, (task.asset_id, task.task_id)).fetchone()[0])


def of_asset(sql: sqlite3.Connection, asset_id: str) -> list[Task]:
    """The tasks of an asset, first to last."""
    rows = sql.execute("SELECT * FROM tasks WHERE asset_id = ? ORDER BY task_id", (asset_id,))
    return [_task(row) for row in rows]


def view(task: Task) -> dict[str, Any]:
    """What an answer tells of a task."""
    words: dict[str, str] = {"done": "success", "failed": "failed", "refused": "failed"}
    status = words.get(task.stage, "pending")
    entry = {"date_time": task.updated_on, "status": status, "message": task.reason or task.kind, "detail": None}
    return {
        "created_on": task.created_on,
        "updated_on": task.updated_on,
        "task_id": str(task.task_id),
        "asset_id": task.asset_id,
        "status": status,
        "change_log": [entry],
    }


def note(change: Change, task: Task, status: str, message: str) -> None:
    """Write a line into the change log of the task's asset and version."""
    change.sql.execute(
        "INSERT INTO change_log (dataset, version, asset_id, date_time, status, message) VALUES (?, ?, ?, ?, ?, ?)",
        (task.dataset, task.version, task.asset_id, change.now, status, message),
    )


def change_log(sql: sqlite3.Connection, **filters: str) -> list[dict[str, Any]]:
    """The lines about an asset or a version, first to last."""
    tests = " AND ".join(f"{name} = ?" for name in filters)
    query = f"SELECT date_time, status, message, detail FROM change_log WHERE {tests} ORDER BY entry_id"  # noqa: S608 - names come from our own calls
    return [dict(row) for row in sql.execute(query, tuple(filters.values()))]


def _task(row: sqlite3.Row) -> Task:
    values = dict(row)
    values["creation_options"] = json.loads(values["creation_options"])
    return Task(**values)
