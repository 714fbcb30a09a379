"""The areas, their geometries, and the e-mails that their owners would have got, in one SQLite file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from datapump.embedded.areas_api.folder import areas_in
from datapump.embedded.database import ServiceDatabase

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from datapump.clock import Clock
    from datapump.embedded.areas_api.folder import FolderArea

JSON = dict[str, Any]
MIGRATIONS = (
    """
    CREATE TABLE IF NOT EXISTS geostores (id TEXT PRIMARY KEY, current TEXT, attributes TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS areas (
        id TEXT PRIMARY KEY,
        source TEXT UNIQUE,
        geostore TEXT,
        status TEXT NOT NULL,
        user_id TEXT,
        created_at TEXT NOT NULL,
        attributes TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS areas_of_geostore ON areas (geostore);
    CREATE INDEX IF NOT EXISTS areas_of_status ON areas (status);
    CREATE TABLE IF NOT EXISTS emails (
        number INTEGER PRIMARY KEY, at TEXT NOT NULL, area TEXT NOT NULL, geostore TEXT NOT NULL, address TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS requests (
        number INTEGER PRIMARY KEY, at TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, body TEXT NOT NULL
    ) STRICT;
    """,
)


class Email(NamedTuple):
    """An e-mail that the service would have sent: this area's analysis is there."""

    at: str
    area: str
    geostore: str
    address: str


class Request(NamedTuple):
    """A request that changed something, or could have."""

    at: str
    method: str
    path: str
    body: str


class AreasStore:
    """One file; its methods may be called from several threads.

    Args:
        path: The file, made where there is none.
        clock: Time and ids.

    Raises:
        StorageError: The file cannot be used.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._database = ServiceDatabase(path, "the Areas API", MIGRATIONS)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def take_in(self, folder: Path, *, dry_run: bool = False) -> JSON:
        """Make areas of what is new or changed in a folder; counts as the sync of subscriptions answers them.

        Besides, what is wrong with files that cannot be read.
        """
        created: list[str] = []
        updated: list[str] = []
        unread: list[str] = []
        with self._database.write() as sql:
            for area in areas_in(folder, unread):
                known = sql.execute("SELECT id, geostore FROM areas WHERE source = ?", (area.source,)).fetchone()
                if known is not None and known["geostore"] == area.geostore:
                    continue
                (created if known is None else updated).append(
                    self._put(sql, area, None if known is None else known["id"], dry_run=dry_run)
                )
        return {
            "syncedAreas": len(updated),
            "createdAreas": len(created),
            "totalSubscriptions": len(created) + len(updated),
            "affectedAreaIds": updated + created,
            "unreadFiles": unread,
        }

    def add_geostore(self, identity: str, attributes: JSON, *, current: str | None = None) -> None:
        """Store a geometry; with `current`, under an id of old whose requests lead to that other one."""
        with self._database.write() as sql:
            sql.execute(
                "INSERT OR REPLACE INTO geostores (id, current, attributes) VALUES (?, ?, ?)",
                (identity, current, json.dumps(attributes)),
            )

    def add_area(self, geostore: str | None, *, status: str = "pending", **attributes: str) -> str:
        """Store an area of a geometry; returns its id."""
        with self._database.write() as sql:
            return self._insert(sql, None, geostore, status, attributes)

    def areas(self, *, status: str | None = None, user_id: str | None = None) -> list[JSON]:
        """Areas as the service answers them, in the order of their ids."""
        conditions = {"status = ?": status, "user_id = ?": user_id}
        chosen = {condition: value for condition, value in conditions.items() if value is not None}
        where = " AND ".join(chosen) or "1"
        with self._database.read() as sql:
            rows = sql.execute(f"SELECT * FROM areas WHERE {where} ORDER BY id", tuple(chosen.values()))  # noqa: S608 - constants
            return [_document(row) for row in rows]

    def update(self, geostores: Sequence[str], changes: JSON) -> list[JSON]:
        """Change every area of these geometries, and note an e-mail for each that is then saved and has an address."""
        now = self._now()
        found = []
        with self._database.write() as sql:
            for geostore in dict.fromkeys(geostores):
                for row in sql.execute("SELECT * FROM areas WHERE geostore = ?", (geostore,)).fetchall():
                    attributes = {**json.loads(row["attributes"]), **changes, "updatedAt": now}
                    status = str(attributes.pop("status", row["status"]))
                    sql.execute(
                        "UPDATE areas SET status = ?, attributes = ? WHERE id = ?",
                        (status, json.dumps(attributes), row["id"]),
                    )
                    if status == "saved" and attributes.get("email"):
                        sql.execute(
                            "INSERT INTO emails (at, area, geostore, address) VALUES (?, ?, ?, ?)",
                            (now, row["id"], geostore, attributes["email"]),
                        )
                    found.append(row["id"])
            rows = [sql.execute("SELECT * FROM areas WHERE id = ?", (identity,)).fetchone() for identity in found]
        return [_document(row) for row in rows]

    def geostores(self, ids: Sequence[str], most: int) -> tuple[list[tuple[str, JSON]], list[str]]:
        """The geometries of ids, at most so many; and the ids of all that there are."""
        found: dict[str, JSON] = {}
        with self._database.read() as sql:
            for asked in dict.fromkeys(identity.strip() for identity in ids):
                row = sql.execute("SELECT * FROM geostores WHERE id = ?", (asked,)).fetchone()
                if row is not None and row["current"] is not None:
                    row = sql.execute("SELECT * FROM geostores WHERE id = ?", (row["current"],)).fetchone()
                if row is not None:
                    found[row["id"]] = json.loads(row["attributes"]) if len(found) < most else {}
        return list(found.items())[:most], list(found)

    def log(self, method: str, path: str, body: str) -> None:
        """Remember a request."""
        with self._database.write() as sql:
            sql.execute(
                "INSERT INTO requests (at, method, path, body) VALUES (?, ?, ?, ?)", (self._now(), method, path, body)
            )

    def requests(self) -> list[Request]:
        """Every request that changed something, or could have, first to last."""
        with self._database.read() as sql:
            return [Request(*row) for row in sql.execute("SELECT at, method, path, body FROM requests ORDER BY number")]

    def emails(self) -> list[Email]:
        """Every e-mail that would have been sent, first to last."""
        with self._database.read() as sql:
            return [
                Email(*row) for row in sql.execute("SELECT at, area, geostore, address FROM emails ORDER BY number")
            ]

    def _put(self, sql: sqlite3.Connection, area: FolderArea, known: str | None, *, dry_run: bool) -> str:
        if dry_run:
            return known or ""
        sql.execute(
            "INSERT OR REPLACE INTO geostores (id, current, attributes) VALUES (?, NULL, ?)",
            (area.geostore, json.dumps(area.attributes)),
        )
        # An area whose geometry is analysed already needs no analysis.
        saved = sql.execute("SELECT 1 FROM areas WHERE geostore = ? AND status = 'saved'", (area.geostore,)).fetchone()
        status = "pending" if saved is None else "saved"
        if known is not None:
            sql.execute("UPDATE areas SET geostore = ?, status = ? WHERE id = ?", (area.geostore, status, known))
            return known
        told = {name: str(area.properties[name]) for name in ("name", "email", "userId") if area.properties.get(name)}
        return self._insert(sql, area.source, area.geostore, status, told)

    def _insert(
        self, sql: sqlite3.Connection, source: str | None, geostore: str | None, status: str, attributes: dict[str, str]
    ) -> str:
        now = self._now()
        identity = self._clock.new_id()[-24:]
        # What has no name goes by its place in the folder: whoever put it there must find it again.
        told = {"name": source or "", "env": "production", "public": False, **attributes, "updatedAt": now}
        user_id = attributes.get("userId")
        sql.execute(
            "INSERT INTO areas (id, source, geostore, status, user_id, created_at, attributes)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (identity, source, geostore, status, user_id, now, json.dumps(told)),
        )
        return identity

    def _now(self) -> str:
        return self._clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _document(row: sqlite3.Row) -> JSON:
    attributes = {**json.loads(row["attributes"]), "status": row["status"], "createdAt": row["created_at"]}
    if row["geostore"] is not None:
        attributes["geostore"] = row["geostore"]
    return {"type": "area", "id": row["id"], "attributes": attributes}
