"""Versions: what was published of a dataset at one time."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from datapump.embedded.data_api.errors import ApiError
from datapump.embedded.data_api.models.requests import VersionMetadata

if TYPE_CHECKING:
    from datapump.embedded.data_api.changes import Change
    from datapump.embedded.data_api.models.requests import VersionCreateIn, VersionUpdateIn

_COLUMNS = "dataset, version, is_latest, is_downloadable, status, metadata, created_on, updated_on"


@dataclass(frozen=True)
class Version:
    """A version as it is stored; its status is `pending`, `saved` or `failed`."""

    dataset: str
    version: str
    is_latest: bool
    is_downloadable: bool
    status: str
    metadata: dict[str, Any] | None
    created_on: str
    updated_on: str


def create(change: Change, dataset: str, name: str, body: VersionCreateIn) -> Version:
    """Make a version that is yet to be loaded.

    Raises:
        ApiError: There is no such dataset, or there is such a version.
    """
    parent = change.sql.execute("SELECT is_downloadable FROM datasets WHERE dataset = ?", (dataset,)).fetchone()
    if parent is None:
        raise ApiError(400, f"Dataset with name {dataset} does not exist")
    downloadable = bool(parent[0]) if body.is_downloadable is None else body.is_downloadable
    metadata = None if body.metadata is None else _merged(change, None, body.metadata)
    version = Version(dataset, name, False, downloadable, "pending", metadata, change.now, change.now)  # noqa: FBT003 - a row
    try:
        change.sql.execute(
            f"INSERT INTO versions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constant names
            (
                dataset, name, False, downloadable, "pending", metadata and json.dumps(metadata),
                change.now, change.now,
            ),
        )  # fmt: skip
    except sqlite3.IntegrityError:
        raise ApiError(400, f"Version with name {dataset}.{name} already exists.") from None
    return version


def find(sql: sqlite3.Connection, dataset: str, name: str) -> Version | None:
    """The version, if there is one."""
    query = f"SELECT {_COLUMNS} FROM versions WHERE dataset = ? AND version = ?"  # noqa: S608 - constant names
    row = sql.execute(query, (dataset, name)).fetchone()
    return None if row is None else _version(row)


def get(sql: sqlite3.Connection, dataset: str, name: str) -> Version:
    """The version.

    Raises:
        ApiError: There is none.
    """
    version = find(sql, dataset, name)
    if version is None:
        raise ApiError(404, f"Version with name {dataset}.{name} does not exist")
    return version


def latest(sql: sqlite3.Connection, dataset: str) -> str | None:
    """The name of the version that is marked latest."""
    row = sql.execute("SELECT version FROM versions WHERE dataset = ? AND is_latest", (dataset,)).fetchone()
    return None if row is None else str(row[0])


def names(sql: sqlite3.Connection, dataset: str) -> list[str]:
    """A dataset's versions, in the order of their making."""
    rows = sql.execute("SELECT version FROM versions WHERE dataset = ? ORDER BY created_on, version", (dataset,))
    return [row[0] for row in rows]


def update(change: Change, before: Version, body: VersionUpdateIn) -> tuple[Version, bool]:
    """Change what is told about a version; one that becomes latest takes the mark from the others.

    Returns:
        The version afterwards, but with the `updated_on` of before, as the service answers; and whether
        anything was asked for at all.
    """
    told = body.metadata and body.metadata.model_dump(mode="json", exclude_none=True)
    after = replace(
        before,
        is_latest=before.is_latest if body.is_latest is None else body.is_latest,
        is_downloadable=before.is_downloadable if body.is_downloadable is None else body.is_downloadable,
    )
    if body.is_latest is not None or body.is_downloadable is not None:
        _update_row(change, after)
    if told and body.metadata is not None:
        metadata = _merged(change, before.metadata, body.metadata)
        change.sql.execute(
            "UPDATE versions SET metadata = ? WHERE dataset = ? AND version = ?",
            (json.dumps(metadata), before.dataset, before.version),
        )
        kept = {"updated_on": before.metadata["updated_on"]} if before.metadata else {}
        after = replace(after, metadata={**(metadata or {}), **kept})
    return after, bool(told) or body.is_latest is not None or body.is_downloadable is not None


def set_status(change: Change, dataset: str, name: str, status: str) -> None:
    """Move a version to another status."""
    change.sql.execute(
        "UPDATE versions SET status = ?, updated_on = ? WHERE dataset = ? AND version = ?",
        (status, change.now, dataset, name),
    )


def delete(change: Change, dataset: str, name: str) -> Version:
    """Remove a version with all that is stored of it but its files.

    Raises:
        ApiError: There is none, or it is latest while there are others.
    """
    version = get(change.sql, dataset, name)
    if version.is_latest and len(names(change.sql, dataset)) > 1:
        raise ApiError(
            409,
            "Deletion failed."
            "You can only delete a version tagged as `latest` if no other version of the same dataset exists."
            "Change `latest` version, or delete all other versions first.",
        )
    change.sql.execute("DELETE FROM versions WHERE dataset = ? AND version = ?", (dataset, name))
    return version


def view(version: Version, assets: list[tuple[str, str, str]]) -> dict[str, Any]:
    """What an answer tells of a version.

    Args:
        version: The version.
        assets: Type, URI and id of its saved assets, in the order of their making.
    """
    return {
        "created_on": version.created_on,
        "updated_on": version.updated_on,
        "dataset": version.dataset,
        "version": version.version,
        "is_latest": version.is_latest,
        "is_mutable": False,
        "metadata": version.metadata or {},
        "status": version.status,
        "assets": [list(asset) for asset in assets],
    }


def _update_row(change: Change, after: Version) -> None:
    if after.is_latest:
        change.sql.execute(
            "UPDATE versions SET is_latest = 0, updated_on = ? WHERE dataset = ? AND version <> ? AND is_latest",
            (change.now, after.dataset, after.version),
        )
    change.sql.execute(
        "UPDATE versions SET is_latest = ?, is_downloadable = ?, updated_on = ? WHERE dataset = ? AND version = ?",
        (after.is_latest, after.is_downloadable, change.now, after.dataset, after.version),
    )


def _merged(change: Change, stored: dict[str, Any] | None, body: VersionMetadata) -> dict[str, Any] | None:
    """The stored metadata with what a request tells anew; null tells nothing, so nothing can be cleared."""
    told = body.model_dump(mode="json", exclude_none=True)
    if not told:
        return stored
    blank = VersionMetadata().model_dump(mode="json")
    base = stored or {"created_on": change.now, "updated_on": change.now, **blank, "id": change.new_uuid()}
    days = {"start_date": None, "end_date": None, **(base["content_date_range"] or {})}
    told["content_date_range"] = {**days, **told.get("content_date_range", {})}
    return {**base, **told, "updated_on": change.now}


def _version(row: sqlite3.Row) -> Version:
    return Version(
        row["dataset"],
        row["version"],
        bool(row["is_latest"]),
        bool(row["is_downloadable"]),
        row["status"],
        json.loads(row["metadata"]) if row["metadata"] else None,
        row["created_on"],
        row["updated_on"],
    )
