"""Every twin of the stores: a test that takes `stores`, or one of them, runs on each."""

from __future__ import annotations

import pytest

from tests.support.dynamodb import dynamodb
from tests.support.stores import on_dynamodb, on_sqlite


@pytest.fixture
def sqlite_stores(tmp_path, clock):
    with on_sqlite(tmp_path, clock) as stores:
        yield stores


@pytest.fixture
def tables():
    with dynamodb() as tables:
        yield tables


@pytest.fixture
def dynamo_stores(tables, clock):
    return on_dynamodb(tables, clock)


@pytest.fixture(params=["sqlite", "dynamo"])
def stores(request):
    return request.getfixturevalue(f"{request.param}_stores")
