"""Outlines of features: small, whole, in the right place, and never in the way of the tables."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from datapump.engines.local import outlines as module
from datapump.engines.local.features import Features
from datapump.engines.local.ids import ID_COLUMNS, Ids
from datapump.engines.local.outlines import outlines, write_outlines
from datapump.engines.local.skipped import Skipped
from datapump.objects import Objects
from datapump.outlines import MOST_AREAS, MOST_BYTES, Areas

OUTPUT = "s3://bucket/results/run"


def features(rows, level):
    """Features of (id columns, polygon) rows."""
    columns = list(zip(*(one for one, _ in rows), strict=True))
    table = pa.table(dict(zip(ID_COLUMNS[level], map(list, columns), strict=True)))
    ids, codes = Ids.of(table, level)
    order = np.argsort(codes, kind="stable")
    shapes = np.array([shape for _, shape in rows], dtype=object)
    return Features(shapes[order], codes[order], ids, 0, Skipped(), {}, {})


def drawn(found, level):
    """Of each area its id columns' values, and its shape."""
    areas = Areas.model_validate_json(outlines(found, level)).features
    return {tuple(area.properties.values()): shapely.from_geojson(area.geometry.model_dump_json()) for area in areas}


def districts():
    """Two provinces of two districts each, of which one is cut into two pieces."""
    return features(
        [
            (("BRA", 1, 1), shapely.box(0, 0, 1, 1)),
            (("BRA", 1, 1), shapely.box(1, 0, 2, 1)),
            (("BRA", 1, 2), shapely.box(0, 1, 2, 2)),
            (("BRA", 2, 1), shapely.box(2, 0, 4, 2)),
            (("PER", 1, 1), shapely.box(-3, 0, -1, 2)),
        ],
        "adm2",
    )


def test_pieces_of_a_feature_and_features_of_an_area_above_are_one():
    found = districts()
    assert {name: shape.bounds for name, shape in drawn(found, "adm2").items()} == {
        ("BRA", 1, 1): (0, 0, 2, 1),
        ("BRA", 1, 2): (0, 1, 2, 2),
        ("BRA", 2, 1): (2, 0, 4, 2),
        ("PER", 1, 1): (-3, 0, -1, 2),
    }
    countries = drawn(found, "iso")
    assert countries["BRA",].area == pytest.approx(8, rel=0.01)
    assert shapely.get_num_geometries(countries["BRA",]) == 1
    assert set(drawn(found, "adm1")) == {("BRA", 1), ("BRA", 2), ("PER", 1)}


def test_what_is_too_small_to_be_seen_is_still_there_where_it_lies():
    found = features(
        [(("a",), shapely.box(10, 10, 10.0001, 10.0001)), (("b",), shapely.box(100, 0, 130, 30))], "geostore"
    )
    tiny = drawn(found, "geostore")["a",]
    assert tiny.is_valid
    assert tiny.centroid.distance(shapely.Point(10, 10)) < 0.1


def test_both_sides_of_the_antimeridian_are_drawn_as_finely_as_if_it_were_not_there():
    far = features(
        [(("a",), shapely.Point(179.5, -17).buffer(0.4)), (("b",), shapely.Point(-179.5, -17).buffer(0.4))], "geostore"
    )
    for name, shape in drawn(far, "geostore").items():
        assert shape.area == pytest.approx(np.pi * 0.16, rel=0.02), name
        assert -180 <= shape.bounds[0] <= shape.bounds[2] <= 180


def test_holes_stay_and_rings_go_round_as_geojson_wants_it():
    ring = shapely.Point(0, 0).buffer(2) - shapely.Point(0, 0).buffer(1)
    [shape] = drawn(features([(("a",), ring)], "geostore"), "geostore").values()
    [polygon] = shape.geoms
    assert len(polygon.interiors) == 1
    assert polygon.exterior.is_ccw
    assert not polygon.interiors[0].is_ccw


@pytest.mark.parametrize("count", [MOST_AREAS, MOST_AREAS + 1])
def test_more_areas_than_a_map_can_show_have_no_outlines(count):
    rows = [
        ((f"{number:05}",), shapely.box(number % 90, number // 90, number % 90 + 1, number // 90 + 1))
        for number in range(count)
    ]
    assert (outlines(features(rows, "geostore"), "geostore") is None) is (count > MOST_AREAS)


def test_detailed_areas_are_made_coarser_until_they_fit(monkeypatch):
    angles = np.linspace(0, 2 * np.pi, 3_000, endpoint=False)
    radius = 5 + np.sin(angles * 600)
    star = shapely.polygons(np.column_stack([radius * np.cos(angles), radius * np.sin(angles)]))
    found = features([(("a",), star)], "geostore")
    whole = outlines(found, "geostore")
    assert len(whole) < MOST_BYTES
    monkeypatch.setattr(module, "MOST_BYTES", len(whole) // 2)
    assert len(outlines(found, "geostore")) <= len(whole) // 2
    monkeypatch.setattr(module, "MOST_BYTES", 50)
    assert outlines(found, "geostore") is None


def test_files_lie_beside_the_tables_and_one_that_no_longer_fits_is_removed(tmp_path, monkeypatch):
    objects = Objects(tmp_path)
    write_outlines(districts(), ["iso", "adm1", "adm2", "adm2"], objects, OUTPUT)
    names = [info.uri for info in objects.listing(OUTPUT)]
    assert names == [f"{OUTPUT}/areas/{level}.geojson" for level in ("adm1", "adm2", "iso")]
    assert json.loads(objects.get(names[0]))["type"] == "FeatureCollection"
    monkeypatch.setattr(module, "MOST_AREAS", 2)
    write_outlines(districts(), ["iso", "adm1", "adm2"], objects, OUTPUT)
    assert [info.uri for info in objects.listing(OUTPUT)] == [f"{OUTPUT}/areas/iso.geojson"]


def test_what_geos_cannot_unite_leaves_out_the_map_and_nothing_else(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise shapely.errors.GEOSException("side location conflict")

    monkeypatch.setattr(shapely, "union_all", broken)
    write_outlines(districts(), ["iso"], Objects(tmp_path), OUTPUT)
    assert Objects(tmp_path).listing(OUTPUT) == []


PLACES = st.tuples(st.floats(-179, 179), st.floats(-89, 89), st.floats(1e-7, 1))


@settings(max_examples=30, deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=12))
def test_every_area_is_drawn_valid_and_about_where_it_is(places):
    rows = [((f"{number:03}",), shapely.Point(x, y).buffer(r)) for number, (x, y, r) in enumerate(places)]
    found = drawn(features(rows, "geostore"), "geostore")
    width = (
        max(
            max(x for x, _, _ in places) - min(x for x, _, _ in places),
            max(y for _, y, _ in places) - min(y for _, y, _ in places),
        )
        + 2
    )
    for (name,), shape in rows:
        assert not found[name,].is_empty
        assert shapely.hausdorff_distance(found[name,].envelope, shape.envelope) <= 8 * width / 1_500
