"""User areas cut by the cells of the extent: nothing of an area is lost, and a bad one costs only itself."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from datapump.areas import slices
from datapump.areas.slices import Slicer, check_geostore_id
from datapump.land import TILE_DEGREES, land_cells, tiles

TOLERANCE = 1e-6
QUICK, MANY = 300, 1000


def geojson(shape):
    return {"geojson": {"type": "Feature", "properties": None, "geometry": shapely.geometry.mapping(shape)}}


def ring(points):
    return {"geojson": {"type": "Polygon", "coordinates": [[list(point) for point in points]]}}


def sliced(areas, cells=None):
    """The slicer after it has cut areas (id -> attributes), and its rows by id."""
    out = io.StringIO()
    slicer = Slicer(cells or land_cells(), out)
    for identity, attributes in areas.items():
        slicer.add(identity, attributes)
    slicer.flush()
    rows = {}
    csv.field_size_limit(2**31 - 1)
    for row in csv.DictReader(io.StringIO(out.getvalue()), delimiter="\t"):
        rows.setdefault(row["geostore_id"], []).append(row)
    return slicer, rows


def repaired(shape):
    """As the pipeline describes it, one shape at a time."""
    closed = shape.buffer(0.0001, quad_segs=16).buffer(-0.0001, quad_segs=16)
    return closed if closed.is_valid else shapely.make_valid(closed)


def area_inside(shape):
    boxes = np.array([shapely.box(t.west, t.north - TILE_DEGREES, t.west + TILE_DEGREES, t.north) for t in tiles()])
    near = boxes[shapely.intersects(boxes, shapely.box(*shape.bounds))]
    return math.fsum(shapely.area(shapely.intersection(shape, near)))


def areas_of(rows):
    return shapely.area(shapely.from_wkb([row["geom"] for row in rows]))


def test_an_area_becomes_one_row_a_cell_with_the_cells_flags():
    slicer, rows = sliced(
        {"a": geojson(shapely.box(-65.5, -10.5, -64.5, -9.5)), "b": geojson(shapely.box(2, 60, 9, 61))}
    )
    assert (slicer.sliced, slicer.rejected, slicer.outside, slicer.rows) == (
        ["a", "b"],
        [],
        [],
        len(rows["a"] + rows["b"]),
    )
    assert len(rows["a"]) == 4
    assert {(row["tcl"], row["glad"]) for row in rows["a"]} == {("True", "True")}
    assert {(row["tcl"], row["glad"]) for row in rows["b"]} == {("True", "False")}
    pieces = shapely.from_wkb([row["geom"] for row in rows["a"]])
    assert shapely.union_all(pieces).bounds == pytest.approx((-65.5, -10.5, -64.5, -9.5))


def test_the_header_is_there_without_any_area():
    out = io.StringIO()
    Slicer(land_cells(), out).flush()
    assert out.getvalue() == "geostore_id\tgeom\ttcl\tglad\n"


def test_all_features_of_an_area_are_cut_together():
    two = {
        "type": "FeatureCollection",
        "features": [
            geojson(box)["geojson"] for box in (shapely.box(10, 0, 10.2, 0.2), shapely.box(10.1, 0.1, 10.3, 0.3))
        ],
    }
    _, rows = sliced({"a": {"geojson": two}})
    assert areas_of(rows["a"]).sum() == pytest.approx(0.07, rel=1e-3)


def test_what_lies_outside_the_extent_is_told():
    slicer, rows = sliced(
        {"sea": geojson(shapely.box(-150, -61, -149, -60.5)), "land": geojson(shapely.box(10, 1, 10.1, 1.1))}
    )
    assert (slicer.outside, slicer.sliced, list(rows)) == (["sea"], ["land"], ["land"])


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"geojson": None}, "it has no features"),
        ({}, "it has no features"),
        ({"geojson": {"type": "FeatureCollection", "features": []}}, "it has no features"),
        ({"geojson": {"type": "Feature", "geometry": None}}, "has no geometry"),
        ({"geojson": {"type": "Point", "coordinates": [1, 2]}}, "is a Point, neither"),
        ({"geojson": {"type": "GeometryCollection", "geometries": []}}, "is a GeometryCollection"),
        ({"geojson": {"type": "Polygon", "coordinates": []}}, "coordinates are empty"),
        ({"geojson": {"type": "Polygon", "coordinates": [[]]}}, "coordinates are empty"),
        ({"geojson": {"type": "MultiPolygon", "coordinates": [[], []]}}, "coordinates are empty"),
        ({"geojson": {"type": "Polygon", "coordinates": "no"}}, "coordinates are empty"),
        ({"geojson": {"type": "Polygon", "coordinates": [[1, 2, 3]]}}, "not numbers in pairs"),
        ({"geojson": {"type": "Polygon", "coordinates": [[[0, 0], [1], [1, 1]]]}}, "not numbers in pairs"),
        ({"geojson": {"type": "Polygon", "coordinates": [[["a", "b"], ["c", "d"]]]}}, "not numbers in pairs"),
        (ring([(10, 10), (math.nan, 11), (11, 10)]), "no finite number"),
        (ring([(10, 10), (None, 11), (11, 10)]), "no finite number"),
        (ring([(10, 10), (math.inf, 11), (11, 10)]), "no finite number"),
        (ring([(500_000, 9_000_000), (500_100, 9_000_000), (500_100, 9_000_100)]), "off the Earth"),
        (ring([(10, 10), (11, 11)]), "fewer than three points"),
        (ring([(10, 10), (11, 11), (12, 12)]), "no area"),
        (ring([(10, 10), (10, 10), (10, 10)]), "no area"),
        ({**geojson(shapely.box(10, 10, 11, 11)), "areaHa": 1e9}, "1e+09 hectares"),
        (geojson(shapely.box(-179, -80, 179, 80)), "hectares"),
    ],
)
def test_an_area_that_cannot_be_analysed_is_rejected_with_its_reason(attributes, reason):
    slicer, rows = sliced({"bad": attributes, "good": geojson(shapely.box(10, 1, 10.1, 1.1))})
    ((identity, told),) = slicer.rejected
    assert (identity, reason in told, list(rows)) == ("bad", True, ["good"]), told


def test_a_third_coordinate_and_an_open_ring_are_no_matter():
    points = [(10, 1, 5), (10.1, 1, 5), (10.1, 1.1, 5)]
    slicer, rows = sliced({"a": ring(points)})
    assert slicer.rejected == []
    assert not shapely.has_z(shapely.from_wkb(rows["a"][0]["geom"]))


def test_an_outline_that_crosses_itself_is_cut_and_what_it_lost_is_told():
    bow_tie = ring([(10, 1), (11, 2), (11, 1), (10, 2), (10, 1)])
    slicer, rows = sliced({"tie": bow_tie, "good": geojson(shapely.box(10, 1, 10.1, 1.1))})
    assert (slicer.shrunk, slicer.sliced) == (["tie"], ["tie", "good"])
    assert areas_of(rows["tie"]).sum() == pytest.approx(0.25, rel=1e-6)


def test_one_that_breaks_the_cutting_costs_only_itself(monkeypatch):
    whole = slices.cut_valid

    def cut(areas, cells):
        if any(shapely.intersects(area, shapely.Point(20, 1)) for area in areas):
            raise shapely.errors.GEOSException("TopologyException: side location conflict\nmore")
        return whole(areas, cells)

    monkeypatch.setattr(slices, "cut_valid", cut)
    areas = {str(x): geojson(shapely.box(x - 0.1, 0.9, x + 0.1, 1.1)) for x in (10, 20, 30)}
    slicer, rows = sliced(areas)
    assert slicer.rejected == [("20", "it cannot be cut: TopologyException: side location conflict")]
    assert sorted(rows) == ["10", "30"]


def test_the_file_is_the_same_however_many_are_cut_at_once(monkeypatch):
    areas = {f"{number}": geojson(shapely.Point(10 + number, 1).buffer(0.6)) for number in range(20)}
    first = sliced(areas)[1]
    monkeypatch.setattr(slices, "AREAS_AT_ONCE", 3)
    assert sliced(areas)[1] == first


@pytest.mark.parametrize(
    ("identity", "good"),
    [("a" * 32, True), ("A" * 32, True), ("g" * 32, False), ("a" * 31, False), ("a" * 33, False), ("", False)],
)
def test_a_geostores_id_is_32_hexadecimal_digits(identity, good):
    assert (check_geostore_id(identity) is None) == good


def star(random, x, y, points, radius, *, least=0.4):
    angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
    radii = radius * random.uniform(least, 1, points)
    return np.column_stack([x + radii * np.cos(angles), y + radii * np.sin(angles)])


def invented(random, kind):  # noqa: C901 - one branch a kind
    """A GeoJSON geometry, as wrong as its kind says."""
    x, y = random.uniform(-180, 180), random.uniform(-60, 80)
    outer = star(random, x, y, int(random.integers(3, 60)), 10 ** random.uniform(-4, 0.7))
    polygon = {"type": "Polygon", "coordinates": [outer.tolist()]}
    if kind == "holes":
        middle = outer.mean(axis=0)
        polygon["coordinates"] += [((outer - middle) * share + middle).tolist() for share in (0.2, 0.5)]
    elif kind == "crossing":
        random.shuffle(outer)
        polygon["coordinates"] = [outer.tolist()]
    elif kind == "sliver":
        polygon["coordinates"] = [(outer * [1, 10 ** random.uniform(-12, -3)] + [0, y]).tolist()]
    elif kind == "antimeridian":
        polygon["coordinates"] = [(outer - [x, 0] + [random.choice([-180, 180]), 0]).tolist()]
    elif kind == "point":
        return {"type": "Point", "coordinates": [x, y]}
    elif kind == "collection":
        return {"type": "GeometryCollection", "geometries": [polygon]}
    elif kind == "empty":
        polygon["coordinates"] = [[]] if random.random() < 0.5 else []
    elif kind == "nan":
        outer[random.integers(len(outer))] = math.nan
        polygon["coordinates"] = [outer.tolist()]
    elif kind == "many":
        parts = [star(random, x + random.uniform(-2, 2), y, 20, 1).tolist() for _ in range(5)]
        return {"type": "MultiPolygon", "coordinates": [[part] for part in parts]}
    elif kind == "huge":
        polygon["coordinates"] = [star(random, x, y, 100_000, 0.7, least=0.9999).tolist()]
    return polygon


KINDS = ("plain", "holes", "crossing", "sliver", "antimeridian", "point", "collection", "empty", "nan", "many")


@pytest.mark.parametrize("count", [QUICK, pytest.param(MANY, marks=pytest.mark.soak)])
def test_random_geometries_are_each_cut_whole_or_rejected(count):
    random = np.random.default_rng(20260204)
    made = {f"{number:032x}": invented(random, KINDS[number % len(KINDS)]) for number in range(count - 1)}
    made["huge"] = invented(random, "huge")
    slicer, rows = sliced({identity: {"geojson": geometry} for identity, geometry in made.items()})
    rejected = {rejection.id for rejection in slicer.rejected}
    assert sorted([*slicer.sliced, *slicer.outside, *rejected]) == sorted(made)
    assert all(rejection.reason for rejection in slicer.rejected)
    assert len(slicer.sliced) > count / 5
    for identity in (*slicer.sliced, *slicer.outside):
        expected = area_inside(repaired(shapely.geometry.shape(made[identity])))
        got = areas_of(rows[identity]).sum() if identity in rows else 0.0
        assert abs(got - expected) <= TOLERANCE * expected, (identity, got, expected)
    for identity in rejected:
        geometry = made[identity]
        if geometry["type"] == "Polygon" and geometry["coordinates"] and np.isfinite(geometry["coordinates"][0]).all():
            assert repaired(shapely.geometry.shape(geometry)).area < 1e-6, (identity, geometry)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.floats(-185, 185), st.floats(-91, 91)) | st.tuples(st.floats(9, 11), st.floats(9, 11)),
        min_size=3,
        max_size=12,
    )
)
def test_any_ring_of_numbers_is_cut_whole_or_rejected(points):
    slicer, rows = sliced({"a": ring(points)})
    if slicer.rejected:
        return
    expected = area_inside(repaired(shapely.Polygon(points)))
    got = areas_of(rows["a"]).sum() if rows else 0.0
    assert abs(got - expected) <= TOLERANCE * expected
