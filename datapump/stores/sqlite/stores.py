"""All stores of an embedded deployment, put together on one database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.stores.sqlite.audit import SqliteAuditStore
from datapump.stores.sqlite.backfills import SqliteBackfillStore
from datapump.stores.sqlite.keys import SqliteKeyStore
from datapump.stores.sqlite.runs import SqliteRunStore
from datapump.stores.sqlite.sync_configs import SqliteSyncConfigStore
from datapump.stores.sqlite.targets import SqliteTargetStore

if TYPE_CHECKING:
    from datapump.clock import Clock
    from datapump.stores.sqlite.database import Database


class SqliteStores:
    """The stores, and the database that they are in."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.runs = SqliteRunStore(database, clock)
        self.sync_configs = SqliteSyncConfigStore(database, clock)
        self.keys = SqliteKeyStore(database)
        self.audit = SqliteAuditStore(database)
        self.targets = SqliteTargetStore(database, clock)
        self.backfills = SqliteBackfillStore(database)
