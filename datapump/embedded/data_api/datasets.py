"""Datasets: named series of versions."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from datapump.embedded.data_api.errors import ApiError
from datapump.embedded.data_api.models.requests import DatasetMetadata

if TYPE_CHECKING:
    from datapump.embedded.data_api.changes import Change
    from datapump.embedded.data_api.models.requests import DatasetCreateIn


@dataclass(frozen=True)
class Dataset:
    """A dataset as it is stored; `owner` is the user id of who made it."""

    dataset: str
    owner: str
    is_downloadable: bool
    metadata: dict[str, Any] | None
    created_on: str
    updated_on: str


def create(change: Change, name: str, owner: str, body: DatasetCreateIn) -> Dataset:
    """Make a dataset.

    Raises:
        ApiError: There is one of this name.
    """
    told = body.metadata.model_dump(mode="json", exclude_none=True)
    metadata = _with_id(change, DatasetMetadata.model_validate(told)) if told else None
    dataset = Dataset(name, owner, body.is_downloadable, metadata, change.now, change.now)
    try:
        change.sql.execute(
            "INSERT INTO datasets (dataset, owner, is_downloadable, metadata, created_on, updated_on)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (name, owner, body.is_downloadable, metadata and json.dumps(metadata), change.now, change.now),
        )
    except sqlite3.IntegrityError:
        raise ApiError(400, f"Dataset with name {name} already exists") from None
    return dataset


def find(sql: sqlite3.Connection, name: str) -> Dataset | None:
    """The dataset, if there is one."""
    row = sql.execute("SELECT * FROM datasets WHERE dataset = ?", (name,)).fetchone()
    return None if row is None else _dataset(row)


def count(sql: sqlite3.Connection) -> int:
    """How many there are."""
    return int(sql.execute("SELECT count(*) FROM datasets").fetchone()[0])


def listing(sql: sqlite3.Connection, limit: int = -1, offset: int = 0) -> list[Dataset]:
    """Datasets sorted by name; a negative limit means all."""
    rows = sql.execute("SELECT * FROM datasets ORDER BY dataset LIMIT ? OFFSET ?", (limit, offset))
    return [_dataset(row) for row in rows]


def view(dataset: Dataset, versions: list[str] | None) -> dict[str, Any]:
    """What an answer tells of a dataset."""
    return {
        "created_on": dataset.created_on,
        "updated_on": dataset.updated_on,
        "dataset": dataset.dataset,
        "is_downloadable": dataset.is_downloadable,
        "metadata": dataset.metadata or {},
        "versions": versions,
    }


def _with_id(change: Change, metadata: DatasetMetadata) -> dict[str, Any]:
    told = metadata.model_dump(mode="json")
    return {"created_on": change.now, "updated_on": change.now, **told, "id": change.new_uuid()}


def _dataset(row: sqlite3.Row) -> Dataset:
    metadata = json.loads(row["metadata"]) if row["metadata"] else None
    return Dataset(
        row["dataset"], row["owner"], bool(row["is_downloadable"]), metadata, row["created_on"], row["updated_on"]
    )
