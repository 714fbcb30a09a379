"""Which files hold the rows of a version's table: the part of the store that makes loads count."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from datapump.embedded.data_api.columns import Column
from datapump.embedded.data_api.query import Table

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from datapump.embedded.data_api.changes import Change
    from datapump.embedded.data_api.tables import Loaded
    from datapump.embedded.data_api.tasks import Task


def table(sql: sqlite3.Connection, folder: Path, dataset: str, version: str) -> Table | None:
    """A version's table; None before its first load."""
    key = (dataset, version)
    found = sql.execute("SELECT columns FROM tables WHERE dataset = ? AND version = ?", key).fetchone()
    if found is None:
        return None
    listed = sql.execute("SELECT path FROM parts WHERE dataset = ? AND version = ? ORDER BY task_id, path", key)
    return Table([Column(*column) for column in json.loads(found[0])], [folder / path for (path,) in listed])


def count(sql: sqlite3.Connection, dataset: str, version: str) -> int:
    """How many rows a version's table has."""
    query = "SELECT coalesce(sum(row_count), 0) FROM parts WHERE dataset = ? AND version = ?"
    return int(sql.execute(query, (dataset, version)).fetchone()[0])


def add(change: Change, task: Task, loaded: Loaded, path: str) -> None:
    """Make a task's part count.

    Args:
        change: The transaction that also moves the task on.
        task: The task that wrote the part.
        loaded: What it wrote.
        path: The part, relative to the Data API's folder.
    """
    change.sql.execute(
        "INSERT INTO tables (dataset, version, columns) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (task.dataset, task.version, json.dumps(loaded.columns)),
    )
    change.sql.execute(
        "INSERT INTO parts (path, dataset, version, task_id, row_count) VALUES (?, ?, ?, ?, ?)",
        (path, task.dataset, task.version, task.task_id, loaded.row_count),
    )


def paths(sql: sqlite3.Connection) -> frozenset[str]:
    """Every part that counts, relative to the Data API's folder."""
    return frozenset(path for (path,) in sql.execute("SELECT path FROM parts"))
