"""Every twin of the stores: a test that takes `stores`, or one of them, runs on each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from datapump.stores.dynamodb import (
    DynamoAuditStore,
    DynamoKeyStore,
    DynamoRunStore,
    DynamoSyncConfigStore,
    DynamoTargetStore,
)
from datapump.stores.dynamodb.backfills import DynamoBackfillStore
from datapump.stores.sqlite import (
    Database,
    SqliteAuditStore,
    SqliteBackfillStore,
    SqliteKeyStore,
    SqliteRunStore,
    SqliteSyncConfigStore,
    SqliteTargetStore,
)
from tests.support.dynamodb import dynamodb

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


@pytest.fixture
def sqlite_stores(tmp_path, clock):
    database = Database(tmp_path / "runs.sqlite")
    yield Stores(
        SqliteRunStore(database, clock),
        SqliteSyncConfigStore(database, clock),
        SqliteKeyStore(database),
        SqliteAuditStore(database),
        SqliteTargetStore(database, clock),
        SqliteBackfillStore(database),
    )
    database.close()


@pytest.fixture
def tables():
    with dynamodb() as tables:
        yield tables


@pytest.fixture
def dynamo_stores(tables, clock):
    return Stores(
        DynamoRunStore(tables, clock),
        DynamoSyncConfigStore(tables, clock),
        DynamoKeyStore(tables),
        DynamoAuditStore(tables, clock),
        DynamoTargetStore(tables, clock),
        DynamoBackfillStore(tables, clock),
    )


@pytest.fixture(params=["sqlite", "dynamo"])
def stores(request):
    return request.getfixturevalue(f"{request.param}_stores")
