"""Pausing, resuming and the history of sync configs: the contract of every store of them."""

from __future__ import annotations

import itertools
import random

import pytest

from datapump.errors import NotFoundError
from datapump.sync_configs import Author, SyncMetadata
from tests.support.configs import config

ADA = Author(caller="ada", reason="the feed is broken")


@pytest.fixture
def store(stores):
    return stores.sync_configs


def test_resuming_switches_on_only_what_pausing_switched_off(store):
    on, off, other = (store.put(config(name)) for name in ("gadm", "geostore", "wdpa_protected_areas"))
    modis = store.put(config("gadm", analysis="modis", sync_type="modis"))
    store.patch(off.id, {"sync": False}, author=ADA)
    paused = store.switch_type("viirs", sync=False, author=ADA)
    assert sorted(one.id for one in paused) == sorted([on.id, other.id])
    assert not any(one.sync for one in paused)
    assert store.get(modis.id).sync
    store.patch(on.id, {"metadata": {"note": "meanwhile"}}, author=ADA)
    store.patch(other.id, {"sync": True}, author=ADA)
    store.patch(other.id, {"sync": False}, author=ADA)
    assert [one.id for one in store.switch_type("viirs", sync=True, author=ADA)] == [on.id]
    assert store.switch_type("viirs", sync=True, author=ADA) == []
    assert [store.get(one.id).sync for one in (on, off, other)] == [True, False, False]


def test_the_history_tells_who_changed_what_newest_first(store, clock):
    first = store.put(config("gadm"))
    clock.advance(5)
    store.patch(first.id, {"sync": False}, author=ADA)
    store.patch(first.id, {"metadata": {"note": {"weight": 0.5, "deep": [1, None, "x"]}}}, author=ADA)
    store.patch(first.id, {"metadata": {"note": 7}})
    store.switch_type("viirs", sync=False, author=ADA)
    store.patch(first.id, {"sync": True}, author=Author(caller="bob"))
    changes = store.history(first.id).items
    assert [(one.caller, one.action, one.revision) for one in changes] == [
        ("bob", "changed", 5),
        ("ada", "changed", 3),
        ("ada", "changed", 2),
    ]
    assert changes[1].changes[0].after == {"weight": 0.5, "deep": [1, None, "x"]}
    assert (changes[2].at, changes[2].reason) == (clock.now(), ADA.reason)
    page = store.history(first.id, limit=2)
    rest = store.history(first.id, limit=2, after=page.next)
    assert (page.items + rest.items, rest.next) == (changes, None)
    with pytest.raises(NotFoundError):
        store.history("nope")


def test_metadata_comes_back_as_it_was_written(store):
    metadata = SyncMetadata.model_validate(
        {
            "version_overrides": {"summary": "v2"},
            "alerts_until": "2026-01-15 0200",
            "sources": {"a": "v1"},
            "unfinished": {"execution_id": "e", "job_id": "j"},
            "ours": {"n": 1, "x": 0.1, "big": 12345678901234567890, "yes": True, "no": None, "list": [], "text": ""},
        }
    )
    stored = store.put(config("gadm").model_copy(update={"metadata": metadata}))
    assert store.get(stored.id).metadata.model_dump(exclude_none=True) == metadata.model_dump(exclude_none=True)


def test_any_filters_together_find_exactly_what_they_let_through(store):
    rng = random.Random(11)
    made = []
    kinds = [("viirs", "viirs"), ("modis", "modis"), ("glad", "glad"), ("glad", "rw_areas")]
    for dataset, version, (analysis, sync_type) in itertools.product(
        ("gadm", "geostore", "farms"), ("v1", "v2"), kinds
    ):
        one = store.put(config(dataset, analysis=analysis, version=version, sync_type=sync_type))
        made.append(store.patch(one.id, {"sync": False}) if rng.random() < 0.4 else one)
    made.sort(key=lambda one: one.id)
    values = {
        "dataset": ["gadm", "farms", "nothing"],
        "analysis": ["viirs", "glad"],
        "sync_type": ["glad", "rw_areas"],
        "sync": [True, False],
        "analysis_version": ["v1", "v2"],
    }
    for names in itertools.chain.from_iterable(itertools.combinations(values, count) for count in range(6)):
        filters = {name: rng.choice(values[name]) for name in names}
        expected = [one for one in made if all(getattr(one, name) == value for name, value in filters.items())]
        limit = rng.randint(1, 5)
        page = store.list(limit=limit, **filters)
        found = list(page.items)
        while page.next is not None:
            assert len(page.items) == limit
            page = store.list(limit=limit, after=page.next, **filters)
            found += page.items
        assert found == expected, filters
