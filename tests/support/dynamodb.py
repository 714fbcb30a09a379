"""DynamoDB in this process: moto, with requests that are atomic and transactions that cost what they touch."""

from __future__ import annotations

import copy
import threading
from contextlib import contextmanager
from functools import lru_cache
from unittest.mock import patch

from moto import mock_aws
from moto.dynamodb import models
from moto.dynamodb.models import DynamoDBBackend, Table
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.responses import DynamoHandler

from datapump.stores.dynamodb import Tables, definitions

REGION = "us-east-1"


class Waits(list):
    """Remembers how long was to be waited, instead of waiting."""

    def __init__(self):
        super().__init__()
        self._event = threading.Event()

    def __call__(self, seconds):
        self.append(seconds)
        # Others go on meanwhile, as they would.
        self._event.wait(0.0005)


class _NoTableCopies:
    """In place of the module `copy`: moto copies the whole table for each write of a transaction."""

    @staticmethod
    def deepcopy(value):
        return value if isinstance(value, Table) else copy.deepcopy(value)


@contextmanager
def atomic_moto():
    """Let every request to moto's DynamoDB be made alone, as the real one does, and no transaction copy its tables.

    Threads would otherwise see, and undo, halves of each other's transactions.
    """
    lock = threading.RLock()
    call, transact = DynamoHandler.call_action, DynamoDBBackend.transact_write_items

    def call_alone(handler):
        with lock:
            return call(handler)

    def transact_items(backend, transact_items):
        before = [(*place, copy.deepcopy(_item(*place))) for place in _places(backend, transact_items)]
        try:
            transact(backend, transact_items)
        except Exception:
            for table, key, item in before:
                _restore(table, key, item)
            raise

    with (
        patch.object(DynamoHandler, "call_action", call_alone),
        patch.object(DynamoDBBackend, "transact_write_items", transact_items),
        patch.object(models, "copy", _NoTableCopies),
    ):
        yield


@contextmanager
def dynamodb(runs="runs", configs="sync-configs"):
    """Empty tables; all of AWS is in this process as long as they are."""
    with mock_aws(), atomic_moto():
        tables = Tables(runs, configs, region=REGION, pause=Waits())
        tables._client = _client()
        for definition in definitions(runs, configs).values():
            tables.client.create_table(**definition)
        yield tables


@lru_cache
def _client():
    """One for all tests: making it takes longer than most of them."""
    with mock_aws():
        return Tables("", "", region=REGION).client


def backend_table(tables, name):
    """Moto's own table, to look into."""
    account = models.dynamodb_backends["123456789012"]
    return account[tables.client.meta.region_name].get_table(name)


def _places(backend, transact_items):
    for item in transact_items:
        ((_, request),) = item.items()
        table = backend.get_table(request["TableName"])
        key = request.get("Key") or request["Item"]
        names = [name for name in (table.hash_key_attr, table.range_key_attr) if name]
        yield table, [DynamoType(key[name]) for name in names]


def _item(table, key):
    found = table.items.get(key[0])
    return found.get(key[1]) if found and len(key) > 1 else found


def _restore(table, key, item):
    place, last = (table.items[key[0]], key[1]) if len(key) > 1 else (table.items, key[0])
    if item is None:
        place.pop(last, None)
    else:
        place[last] = item
