"""The callers' keys on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.keys import ApiKey

if TYPE_CHECKING:
    from datapump.stores.sqlite.database import Database


class SqliteKeyStore:
    """Keys, by their hashes, in one file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: ApiKey) -> None:
        """Store a key."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO api_keys (digest, document) VALUES (?, ?)"
                " ON CONFLICT (digest) DO UPDATE SET document = excluded.document",
                (key.digest, key.model_dump_json()),
            )

    def find(self, digest: str) -> ApiKey | None:
        """The key of that hash, if it is not revoked."""
        row = self._database.row("SELECT document FROM api_keys WHERE digest = ?", (digest,))
        key = None if row is None else ApiKey.model_validate_json(row["document"])
        return None if key is None or key.revoked is not None else key

    def list(self) -> list[ApiKey]:
        """Every key."""
        rows = self._database.rows("SELECT document FROM api_keys")
        return [ApiKey.model_validate_json(row["document"]) for row in rows]
