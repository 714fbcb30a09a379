import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from datapump.embedded.data_api.points import point_hex

COORDINATES = st.floats(-180, 180)


@given(st.lists(st.tuples(COORDINATES, COORDINATES), max_size=20))
def test_points_are_printed_as_postgis_does(points):
    x, y = np.array(points, dtype=np.float64).reshape(-1, 2).T
    expected = [
        shapely.to_wkb(shapely.set_srid(shapely.Point(*point), 4326), hex=True, include_srid=True) for point in points
    ]
    assert [digits.decode() for digits in point_hex(x, y, 4326)] == expected
