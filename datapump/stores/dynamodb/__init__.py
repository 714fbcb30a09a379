"""The stores on two DynamoDB tables: the production deployment's.

`datapump.stores.dynamodb.tables` says how the tables are laid out, and makes the client when it is first needed:

    tables = Tables("datapump-runs", "datapump-sync-configs")
    runs = DynamoRunStore(tables, SystemClock())

That of backfills is in its module: what a backfill is made of would make every cold start longer.
"""

from datapump.stores.dynamodb.audit import DynamoAuditStore
from datapump.stores.dynamodb.keys import DynamoKeyStore
from datapump.stores.dynamodb.runs import DynamoRunStore
from datapump.stores.dynamodb.sync_configs import DynamoSyncConfigStore
from datapump.stores.dynamodb.tables import Tables, definitions
from datapump.stores.dynamodb.targets import DynamoTargetStore

__all__ = [
    "DynamoAuditStore",
    "DynamoKeyStore",
    "DynamoRunStore",
    "DynamoSyncConfigStore",
    "DynamoTargetStore",
    "Tables",
    "definitions",
]
