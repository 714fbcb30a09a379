import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon

from datapump.embedded.sample.shapes import blob_ring, rectangle, wiggly_line

COORDINATE = st.floats(-80, 80)


@given(st.tuples(COORDINATE, COORDINATE), st.tuples(COORDINATE, COORDINATE), st.integers(0, 2**32 - 1))
def test_a_wiggly_line_keeps_its_ends_and_is_the_same_for_the_same_seed(start, end, seed):
    line = wiggly_line(np.array(start), np.array(end), np.random.default_rng(seed))
    again = wiggly_line(np.array(start), np.array(end), np.random.default_rng(seed))
    assert line.shape == (9, 2)
    assert np.array_equal(line, again)
    assert np.abs(line[0] - start).max() <= 0.5e-4 + 1e-12
    assert np.abs(line[-1] - end).max() <= 0.5e-4 + 1e-12


@settings(max_examples=50)
@given(st.floats(0.1, 0.6), st.integers(0, 2**32 - 1))
def test_a_blob_is_valid_counter_clockwise_and_about_as_large_as_asked(radius, seed):
    blob = Polygon(blob_ring((20.0, 7.0), radius, np.random.default_rng(seed)))
    assert blob.is_valid
    assert blob.exterior.is_ccw
    assert 0.5 < blob.area / (np.pi * radius**2) < 2


@pytest.mark.parametrize("turn", [0, 35, -20, 180])
def test_a_rectangle_keeps_its_size_and_centre_however_it_is_turned(turn):
    shape = rectangle((20.0, 7.0), (0.2, 0.1), turn)
    assert shape.area == pytest.approx(0.02, abs=1e-4)
    assert (shape.centroid.x, shape.centroid.y) == pytest.approx((20.0, 7.0), abs=1e-4)
    assert shape.exterior.is_ccw
