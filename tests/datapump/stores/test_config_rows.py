"""The rows of a config table that today's production has filled: read, listed, written, told of where broken."""

from __future__ import annotations

import logging

import pytest

from datapump.errors import DataError
from datapump.stores.dynamodb import DynamoSyncConfigStore
from datapump.stores.dynamodb.indexing import index_rows
from datapump.sync_configs import Author, Freshness, SyncMetadata, config_id
from tests.support.configs import config

BROKEN = "00112233445566778899"


def row(dataset, *, analysis="viirs", sync_type="viirs", sync=True, **metadata):
    """A row as today's production writes it: no revision, no time, the switch a boolean, the metadata a map."""
    identity = config_id(analysis, "v20260101", dataset, "v4.1", sync_type)
    return {
        "id": {"S": identity},
        "analysis": {"S": analysis},
        "analysis_version": {"S": "v20260101"},
        "dataset": {"S": dataset},
        "dataset_version": {"S": "v4.1"},
        "sync_type": {"S": sync_type},
        "sync": {"BOOL": sync},
        "sync_version": {"S": "v20260615"},
        "metadata": {
            "M": {
                "geotrellis_version": {"S": "2.4.1"},
                "features_1x1": {"S": f"s3://gfw-pipelines/geotrellis/features/{dataset}.tsv"},
                **metadata,
            }
        },
    }


ROWS = [
    row("gadm"),
    row("geostore", version_overrides={"M": {"daily_alerts": {"S": "v20250101"}}}),
    row("wdpa_protected_areas", sync=False),
    row("geostore", analysis="glad", sync_type="rw_areas"),
    {
        "id": {"S": config_id("create_raster", "", "wur_radd_alerts", "", "wur_radd_alerts")},
        "analysis": {"S": "create_raster"},
        "analysis_version": {"S": ""},
        "dataset": {"S": "wur_radd_alerts"},
        "dataset_version": {"S": ""},
        "sync_type": {"S": "wur_radd_alerts"},
        "sync": {"BOOL": True},
        "sync_version": {"NULL": True},
        "metadata": {"M": {}},
    },
]


@pytest.fixture
def native(tables):
    """A config table as today's production has left it, with the row that moving a deleted config made."""
    for item in [*ROWS, {"id": {"S": BROKEN}, "sync_version": {"S": "v20260615"}}]:
        tables.client.put_item(TableName=tables.configs, Item=item)
    return tables


def raw(tables, identity):
    return tables.client.get_item(TableName=tables.configs, Key={"id": {"S": identity}})["Item"]


def test_rows_of_todays_production_are_listed_as_they_are(native, clock):
    store = DynamoSyncConfigStore(native, clock)
    everything = store.list().items
    assert [one.id for one in everything] == sorted(one["id"]["S"] for one in ROWS)
    geostore = store.list(dataset="geostore", sync_type="viirs").items
    assert [(one.revision, one.updated, one.sync_version) for one in geostore] == [(1, None, "v20260615")]
    assert geostore[0].metadata.version_overrides == {"daily_alerts": "v20250101"}
    assert [one.dataset for one in store.list(sync=False).items] == ["wdpa_protected_areas"]
    raster = store.list(analysis="create_raster").items[0]
    assert (raster.dataset_version, raster.sync_version) == ("", None)


def test_a_broken_row_is_told_of_and_breaks_nothing(native, clock, caplog):
    store = DynamoSyncConfigStore(native, clock)
    with caplog.at_level(logging.WARNING):
        assert len(store.list().items) == len(ROWS)
    assert [BROKEN in message and "lacks analysis" in message for message in caplog.messages] == [True]
    assert index_rows(native).configs == len(ROWS)
    assert BROKEN in index_rows(native).broken[0]
    with pytest.raises(DataError, match=BROKEN):
        store.get(BROKEN)
    assert store.move(BROKEN, "v20270101") is False
    assert raw(native, BROKEN)["sync_version"] == {"S": "v20260615"}


def test_a_row_that_breaks_later_leaves_the_lists(native, clock, caplog):
    store = DynamoSyncConfigStore(native, clock)
    assert len(store.list(sync_type="viirs").items) == 3
    identity = ROWS[0]["id"]["S"]
    native.client.delete_item(TableName=native.configs, Key={"id": {"S": identity}})
    assert len(store.list(sync_type="viirs").items) == 2
    native.client.put_item(TableName=native.configs, Item={**ROWS[0], "sync_type": {"S": "no such feed"}})
    with caplog.at_level(logging.WARNING):
        assert len(store.list(sync_type="viirs").items) == 2
    assert "sync_type" in caplog.messages[0]
    with pytest.raises(DataError, match="sync_type"):
        store.put(config("gadm", version="v20260101"))


def test_a_broken_row_is_mended_by_its_analysis(tables, clock):
    store = DynamoSyncConfigStore(tables, clock)
    wanted = config("gadm")
    tables.client.put_item(TableName=tables.configs, Item={"id": {"S": wanted.id}, "sync_version": {"S": "v1"}})
    assert store.put(wanted) == store.get(wanted.id)
    assert store.list(dataset="gadm").items == [store.get(wanted.id)]


def test_what_is_written_keeps_the_layout_that_others_know(native, clock):
    store = DynamoSyncConfigStore(native, clock)
    identity = ROWS[0]["id"]["S"]
    native.client.update_item(
        TableName=native.configs,
        Key={"id": {"S": identity}},
        UpdateExpression="SET #n = :v",
        ExpressionAttributeNames={"#n": "of_another_program"},
        ExpressionAttributeValues={":v": {"N": "7"}},
    )
    store.move(identity, "v20260701")
    store.patch(identity, {"sync": False, "metadata": {"geotrellis_version": "2.6.20"}}, author=Author(caller="ada"))
    after = raw(native, identity)
    expected = {
        **ROWS[0],
        "sync": {"BOOL": False},
        "sync_version": {"S": "v20260701"},
        "revision": {"N": "3"},
        "updated": {"S": "2026-02-01T02:00:00.000000Z"},
        "of_another_program": {"N": "7"},
    }
    expected["metadata"] = after["metadata"]
    assert after == expected
    assert after["metadata"]["M"]["geotrellis_version"] == {"S": "2.6.20"}
    assert after["metadata"]["M"]["features_1x1"] == ROWS[0]["metadata"]["M"]["features_1x1"]
    new = store.put(config("gadm", metadata=SyncMetadata(geotrellis_version="2.6.20")))
    written = raw(native, new.id)
    assert {name: next(iter(value)) for name, value in written.items()} == {
        **dict.fromkeys(("id", "analysis", "analysis_version", "dataset", "dataset_version", "sync_type"), "S"),
        "sync": "BOOL",
        "metadata": "M",
        "revision": "N",
        "updated": "S",
    }


def test_rows_that_another_program_adds_are_listed_after_the_next_indexing(native, clock):
    store = DynamoSyncConfigStore(native, clock)
    store.list()
    native.client.put_item(TableName=native.configs, Item=row("new_dataset"))
    assert index_rows(native).configs == len(ROWS) + 1
    assert [one.dataset for one in store.list(dataset="new_dataset").items] == ["new_dataset"]


def test_what_a_sync_found_is_no_part_of_the_metadata_in_the_row(native, clock):
    store = DynamoSyncConfigStore(native, clock)
    identity = ROWS[0]["id"]["S"]
    found = Freshness(decided="nothing new", at=clock.now())
    assert store.record_freshness(identity, found)
    assert store.get(identity).metadata.freshness == found
    assert raw(native, identity)["metadata"] == ROWS[0]["metadata"]
    assert not store.record_freshness(BROKEN, found)
    assert not store.record_freshness("nowhere", found)
