"""Areas on a plane: totals joined by ids, whole across the antimeridian, no wider than they are."""

from __future__ import annotations

import pytest

from datapump.charts.areas import plane, points, shapes


def area(west, south, east, north, **ids):
    ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return {"type": "Feature", "properties": ids, "geometry": {"type": "MultiPolygon", "coordinates": [[ring]]}}


def ring(shape):
    return shape["geometry"]["coordinates"][0][0]


def test_each_area_has_the_total_of_its_ids_or_nothing():
    areas = [
        area(0, 0, 1, 1, iso="BRA", adm1=1),
        area(1, 0, 2, 1, iso="BRA", adm1=2),
        area(2, 0, 3, 1, iso="P", adm1=1),
    ]
    totals = [{"iso": "BRA", "adm1": "2", "total": 7}, {"iso": "P", "adm1": 1, "total": None}]
    assert [one["total"] for one in shapes(areas, totals)] == [0, 7, 0]
    assert [one["total"] for one in shapes(areas, [])] == [0, 0, 0]


def test_a_region_far_from_the_equator_is_narrower_than_degrees_are():
    [shape] = shapes([area(10, 59, 12, 61, iso="NOR")], [])
    assert ring(shape)[1][0] - ring(shape)[0][0] == pytest.approx(1)


def test_neighbours_on_both_sides_of_the_antimeridian_stay_neighbours():
    left, right = shapes([area(179, -1, 180, 1, id=1), area(-180, -1, -179, 1, id=2)], [])
    assert ring(left)[1][0] == ring(right)[0][0] == 180
    assert ring(right)[1][0] == 181


def test_what_reaches_across_greenwich_stays_where_it_is():
    [one, other] = shapes([area(-2, -1, 2, 1, id=1), area(-180, -1, -179, 1, id=2)], [])
    assert (ring(one)[0][0], ring(other)[0][0]) == (-2, -180)


def test_fires_lie_where_their_areas_do():
    areas = [area(179, 59, 180, 61, id=1), area(-180, 59, -179, 61, id=2)]
    day = {"properties": {"date": "2026-01-16"}, "geometry": {"coordinates": [(179.5, 60), (-179.5, 60)]}}
    left, right = points([day], plane(areas))
    assert (left["x"], right["x"]) == (pytest.approx(179.5 / 2), pytest.approx(180.5 / 2))
    assert [left["y"], right["y"], left["date"]] == [60, 60, "2026-01-16"]


def test_no_areas_are_no_shapes():
    assert shapes([], []) == []
