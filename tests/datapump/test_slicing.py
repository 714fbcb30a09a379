import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from datapump.land import land_cells
from datapump.slicing import TOLERANCE_DEGREES, cut, polygonal, slice_features

AMAZON = (-70.0, -12.0)  # inland: every cell around is listed


def areas(*shapes):
    return np.array(shapes, dtype=np.object_)


@st.composite
def blobs(draw):
    """Star-shaped polygons of up to 12 degrees across: wider than a tile."""
    x, y = (draw(st.floats(-6, 6)) + middle for middle in AMAZON)
    radii = draw(st.lists(st.floats(0.05, 6), min_size=3, max_size=12))
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    return shapely.Polygon(zip(x + radii * np.cos(angles), y + radii * np.sin(angles), strict=True))


def cell_by_cell(shape, cells):
    """The plain way: each cell intersected with the whole shape."""
    found = {}
    for at in np.flatnonzero(shapely.intersects(cells.boxes, shape)):
        area = shapely.intersection(shape, cells.boxes[at]).area
        if area > 0:
            found[int(at)] = area
    return found


@settings(max_examples=25, deadline=None)
@given(blobs())
def test_cutting_gives_what_intersecting_every_cell_gives(shape):
    cells = land_cells()
    slices = cut(areas(shape), cells)
    expected = cell_by_cell(shapely.make_valid(shape), cells)
    got = dict(zip(slices.cell.tolist(), shapely.area(slices.geometry).tolist(), strict=True))
    assert set(got) == {cell for cell in expected if cell in got or expected[cell] > 1e-12}
    assert np.allclose([got[cell] for cell in got], [expected[cell] for cell in got], atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(blobs())
def test_slices_stay_within_the_tolerance_of_their_area_and_cell(shape):
    cells = land_cells()
    slices = slice_features(areas(shape), cells)
    near = shapely.buffer(shape, 3 * TOLERANCE_DEGREES)
    box = shapely.buffer(cells.boxes[slices.cell], 3 * TOLERANCE_DEGREES)
    assert shapely.covers(near, slices.geometry).all()
    assert shapely.covers(box, slices.geometry).all()
    assert shapely.is_valid(slices.geometry).all()
    assert set(shapely.get_type_id(slices.geometry)) <= {3, 6}


def test_slices_are_sorted_by_area_then_cell():
    one, other = (shapely.box(x, -11.5, x + 3, -8.5) for x in (-65.5, -62.5))
    slices = slice_features(areas(one, other), land_cells())
    assert slices.feature.tolist() == sorted(slices.feature.tolist())
    assert len(np.unique(np.stack([slices.feature, slices.cell]), axis=1).T) == len(slices.cell) == 32


def test_what_has_no_ground_on_listed_tiles_gives_no_slice():
    nothing = areas(
        None,
        shapely.Polygon(),
        shapely.Point(AMAZON),
        shapely.LineString([(-70, -12), (-60, -10)]),
        shapely.box(-150, -61, -149, -60),
    )
    assert len(slice_features(nothing, land_cells()).feature) == 0


def test_an_invalid_area_is_made_valid():
    bow_tie = shapely.Polygon([(-65, -10), (-64, -9), (-64, -10), (-65, -9)])
    slices = slice_features(areas(bow_tie), land_cells())
    assert shapely.is_valid(slices.geometry).all()
    assert np.isclose(shapely.area(slices.geometry).sum(), 0.5, atol=1e-3)


def test_touching_a_cell_is_not_a_slice():
    slices = slice_features(areas(shapely.box(-65, -10, -64, -9)), land_cells())
    assert len(slices.cell) == 1
    assert slices.whole.tolist() == [True]
    assert shapely.equals(slices.geometry[0], shapely.box(-65, -10, -64, -9))


def test_the_polygons_of_a_collection_are_kept():
    square = shapely.box(0, 0, 1, 1)
    far = shapely.box(5, 5, 6, 6)
    mixed = shapely.GeometryCollection([square, shapely.Point(3, 3), shapely.MultiPolygon([far])])
    lines = shapely.GeometryCollection([shapely.LineString([(0, 0), (1, 1)])])
    kept = polygonal(areas(mixed, lines, square, None))
    assert shapely.equals(kept[0], shapely.MultiPolygon([square, far]))
    assert kept[1] is None
    assert kept[2] is square
    assert kept[3] is None


def test_a_corner_of_cells_inside_an_area_is_in_its_slices():
    shape = shapely.Polygon([(19.3, 5.2), (20.7, 5.4), (20.6, 6.8), (19.4, 6.6)])
    slices = slice_features(np.array([shape], dtype=object), land_cells())
    assert len(slices.geometry) == 4
    assert shapely.intersects(slices.geometry, shapely.Point(20, 6)).all()
