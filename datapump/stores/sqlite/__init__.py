"""The stores on one SQLite file: the embedded deployment's."""

from datapump.stores.sqlite.audit import SqliteAuditStore
from datapump.stores.sqlite.backfills import SqliteBackfillStore
from datapump.stores.sqlite.database import Database
from datapump.stores.sqlite.keys import SqliteKeyStore
from datapump.stores.sqlite.runs import SqliteRunStore
from datapump.stores.sqlite.stores import SqliteStores
from datapump.stores.sqlite.sync_configs import SqliteSyncConfigStore
from datapump.stores.sqlite.targets import SqliteTargetStore

__all__ = [
    "Database",
    "SqliteAuditStore",
    "SqliteBackfillStore",
    "SqliteKeyStore",
    "SqliteRunStore",
    "SqliteStores",
    "SqliteSyncConfigStore",
    "SqliteTargetStore",
]
