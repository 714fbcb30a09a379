"""The callers' keys on DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Key

from datapump.keys import ApiKey
from datapump.stores.dynamodb.layout import key as key_of
from datapump.stores.dynamodb.writes import put

if TYPE_CHECKING:
    from datapump.stores.dynamodb.tables import Tables

KEYS = "KEYS"


class DynamoKeyStore:
    """Keys, by their hashes, in the run table."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, key: ApiKey) -> None:
        """Store a key."""
        self._tables.write(put(self._tables.runs, {**key_of(KEYS, key.digest), "document": key.model_dump_json()}))

    def find(self, digest: str) -> ApiKey | None:
        """The key of that hash, if it is not revoked."""
        item = self._tables.get(self._tables.runs, key_of(KEYS, digest))
        found = None if item is None else ApiKey.model_validate_json(item["document"])
        return None if found is None or found.revoked is not None else found

    def list(self) -> list[ApiKey]:
        """Every key."""
        items = self._tables.query(self._tables.runs, Key("pk").eq(KEYS))
        return [ApiKey.model_validate_json(item["document"]) for item in items]
