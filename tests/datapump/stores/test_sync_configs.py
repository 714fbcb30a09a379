"""The sync-config store's contract, on every twin that there is."""

from __future__ import annotations

import pytest

from datapump.analyses import SyncType
from datapump.errors import ConflictError, NotFoundError
from datapump.sync_configs import Author, Freshness, SyncConfig, SyncMetadata, config_id


@pytest.fixture
def store(stores):
    return stores.sync_configs


def config(dataset="gadm", **changes):
    known = {
        "id": config_id("viirs", "v1", dataset, "v4.1", "viirs"),
        "analysis": "viirs",
        "analysis_version": "v1",
        "dataset": dataset,
        "dataset_version": "v4.1",
        "sync_type": SyncType.VIIRS,
        "metadata": SyncMetadata(geotrellis_version="2.6.20", features_1x1="s3://b/f.tsv"),
    }
    return SyncConfig.model_validate(known | changes)


def test_the_id_is_the_digest_that_existing_tables_hold():
    # hashlib.blake2b(b"viirs_v1_gadm_v4.1_viirs", digest_size=10), worked out with coreutils' b2sum -l 80.
    assert config_id("viirs", "v1", "gadm", "v4.1", "viirs") == "d694cfab28c74b404491"


def test_what_is_put_is_found(store):
    stored = store.put(config())
    assert store.get(stored.id) == stored
    with pytest.raises(NotFoundError):
        store.get("nope")


def test_putting_again_leaves_the_operators_switch_off(store):
    identity = store.put(config()).id
    store.patch(identity, {"sync": False})
    store.move(identity, "v20260101")
    store.put(config(metadata=SyncMetadata(geotrellis_version="2.7.0", features_1x1="s3://b/f.tsv")))
    after = store.get(identity)
    assert (after.sync, after.sync_version, after.metadata.geotrellis_version) == (False, "v20260101", "2.7.0")


def test_putting_the_same_again_changes_nothing(store):
    first = store.put(config())
    assert store.put(config()) == first


def test_moving_a_deleted_config_makes_no_row(store):
    assert store.move("0123456789abcdef0123", "v1") is False
    assert store.list().items == []


def test_alerts_until_only_moves_forward(store):
    identity = store.put(config()).id
    store.move(identity, "v2", "2026-01-02 0300")
    store.move(identity, "v3", "2026-01-01 0300")
    after = store.get(identity)
    assert (after.sync_version, after.metadata.alerts_until) == ("v3", "2026-01-02 0300")


def test_patch_changes_the_switch_and_single_keys_of_the_metadata(store):
    first = store.put(config())
    patched = store.patch(first.id, {"sync": False, "metadata": {"note": "x", "geotrellis_version": None}})
    assert patched.revision == first.revision + 1
    assert patched.metadata.model_dump()["note"] == "x"
    assert patched.metadata.geotrellis_version == ""
    assert patched.metadata.features_1x1 == "s3://b/f.tsv"


def test_patch_of_another_revision_is_refused(store):
    first = store.put(config())
    store.patch(first.id, {"sync": False}, revision=first.revision)
    with pytest.raises(ConflictError):
        store.patch(first.id, {"sync": True}, revision=first.revision)
    with pytest.raises(NotFoundError):
        store.patch("nope", {"sync": True})


def test_lists_filter_and_page(store):
    for dataset in ("gadm", "wdpa_protected_areas", "geostore", "sample_farms"):
        store.put(config(dataset))
    off = store.list(dataset="geostore").items[0]
    store.patch(off.id, {"sync": False})
    page = store.list(limit=3)
    rest = store.list(limit=3, after=page.next)
    assert sorted(item.dataset for item in page.items + rest.items) == sorted(
        ["gadm", "wdpa_protected_areas", "geostore", "sample_farms"]
    )
    assert rest.next is None
    assert [item.dataset for item in store.list(sync=False).items] == ["geostore"]
    assert len(store.list(sync_type="viirs", sync=True, analysis_version="v1").items) == 3
    assert store.list(sync_type="modis").items == []


def test_recording_freshness_counts_no_revision_and_survives_other_changes(store, clock):
    first = store.put(config())
    found = Freshness(source_newest="v2", published="v1", decided="a job for v2", at=clock.now())
    clock.advance(60)
    assert store.record_freshness(first.id, found) is True
    after = store.get(first.id)
    assert (after.metadata.freshness, after.revision, after.updated) == (found, first.revision, first.updated)
    store.put(config())
    store.move(first.id, "v20260101")
    store.patch(first.id, {"sync": False}, revision=first.revision + 1, author=Author(caller="ada"))
    assert store.get(first.id).metadata.freshness == found
    assert [change.pointer for change in store.history(first.id).items[0].changes] == ["/sync"]


def test_recording_the_freshness_of_a_deleted_config_makes_no_row(store, clock):
    assert store.record_freshness("0123456789abcdef0123", Freshness(decided="x", at=clock.now())) is False
    assert store.list().items == []


def test_the_sources_that_a_config_was_brought_to_never_go_back(store):
    identity = store.put(config()).id
    store.move(identity, "v20260102", sources={"umd_glad_landsat_alerts": "v20260101"})
    store.move(identity, "v20260101", sources={"umd_glad_landsat_alerts": "v20251231"})
    store.move(identity, "v20260103")
    after = store.get(identity)
    assert (after.sync_version, after.metadata.sources) == ("v20260103", {"umd_glad_landsat_alerts": "v20260101"})
