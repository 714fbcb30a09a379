"""The twins of the stores: SQLite's on a file, DynamoDB's in the tables of a mock."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from datapump.stores.dynamodb import (
    DynamoAuditStore,
    DynamoKeyStore,
    DynamoRunStore,
    DynamoSyncConfigStore,
    DynamoTargetStore,
)
from datapump.stores.dynamodb.backfills import DynamoBackfillStore
from datapump.stores.sqlite import Database, SqliteStores

if TYPE_CHECKING:
    from datapump.stores import AuditStore, KeyStore, RunStore, SyncConfigStore
    from datapump.stores.backfills import BackfillStore
    from datapump.stores.targets import TargetStore


class Stores(NamedTuple):
    """All the stores of a deployment."""

    runs: RunStore
    sync_configs: SyncConfigStore
    keys: KeyStore
    audit: AuditStore
    targets: TargetStore
    backfills: BackfillStore


@contextmanager
def on_sqlite(folder, clock):
    """Those of an embedded deployment."""
    with closing(Database(folder / "runs.sqlite")) as database:
        yield SqliteStores(database, clock)


def on_dynamodb(tables, clock):
    """Those of a production deployment."""
    return Stores(
        DynamoRunStore(tables, clock),
        DynamoSyncConfigStore(tables, clock),
        DynamoKeyStore(tables),
        DynamoAuditStore(tables, clock),
        DynamoTargetStore(tables, clock),
        DynamoBackfillStore(tables, clock),
    )
