"""Places of fires: those that lie in features, no more than a map can show, the same however they come."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datapump.engines.local.fires import Fires
from datapump.engines.local.places import Sample
from datapump.places import MOST_BYTES, MOST_PLACES, Places
from tests.datapump.engines.local import worlds
from tests.datapump.engines.local.worlds import run


def fires(count, day=20_000):
    numbers = np.arange(count)
    return Fires(numbers / 1_000, numbers / 2_000, np.full(count, day), np.zeros(count, dtype=np.int64))


def sampled(parts, most=MOST_PLACES):
    sample = Sample(most)
    for part in parts:
        sample.add(part, np.ones(len(part), dtype=bool))
    return sample.places()


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds.worlds())
def test_every_fire_in_a_feature_is_kept_and_no_other(tmp_path_factory, world):
    folder = tmp_path_factory.mktemp("world")
    world.write(folder)
    summary = run(folder, world.feature_type)
    found = Places.model_validate_json((folder / "out" / "places.geojson").read_text())
    drawn = Counter((day.properties.date, *place) for day in found.features for place in day.geometry.coordinates)
    hit = Counter(
        (str(day), round(float(longitude), 5), round(float(latitude), 5))
        for latitude, longitude, day, _ in world.fires
        if any(shape.intersects(shapely.Point(float(longitude), float(latitude))) for _, shape in world.features)
    )
    assert drawn == hit
    assert found.total == summary["fires"]["matched"]


@given(cuts=st.lists(st.integers(0, 300), max_size=4), most=st.integers(1, 400))
def test_a_sample_is_bounded_and_the_same_however_the_fires_come(cuts, most):
    everything = fires(300)
    edges = [0, *sorted(cuts), 300]
    parts = [
        Fires(*(getattr(everything, name)[a:b] for name in ("longitude", "latitude", "day", "confidence")))
        for a, b in pairwise(edges)
    ]
    found = sampled(parts, most)
    assert found == sampled([everything], most)
    assert found.total == 300
    assert sum(len(day.geometry.coordinates) for day in found.features) == min(most, 300)


def test_each_fire_is_as_likely_as_any_other_to_be_drawn():
    places = sampled([fires(50_000), fires(50_000, day=20_001)])
    newest, oldest = places.features
    assert (newest.properties.date, oldest.properties.date) == ("2024-10-05", "2024-10-04")
    shares = [len(day.geometry.coordinates) / MOST_PLACES for day in (newest, oldest)]
    assert all(0.45 < share < 0.55 for share in shares)
    far = [x for day in places.features for x, _ in day.geometry.coordinates if x > 25]
    assert 0.45 < len(far) / MOST_PLACES < 0.55


def test_the_largest_file_is_one_that_can_be_read_back():
    numbers = np.arange(MOST_PLACES)
    far = Fires(-179.99999 + numbers / 1e5, -89.99999 + numbers / 1e5, numbers, numbers)
    text = sampled([far]).model_dump_json()
    assert len(text) < MOST_BYTES
    assert json.loads(text)["total"] == MOST_PLACES
