"""The grids of rasters: how large a pixel is, and which tile it lies in."""

from __future__ import annotations

import numpy as np
import pytest

from datapump.engines.local.grids import GRIDS, pixel_area


@pytest.mark.parametrize(
    ("latitude", "square_metres"),
    [
        (0, 769.3170049535535),
        (45, 547.6481292317709),
        (90, 0.0017010416666666667),
        (-45, 547.65048671875),
        (-90, 0.0017010416666666667),
    ],
)
def test_the_area_of_a_pixel_is_the_specified_one_to_the_last_bit(latitude, square_metres):
    assert pixel_area(np.array([float(latitude)]), 0.00025)[0] == square_metres


def test_the_area_of_a_published_pixel_is_met_to_the_last_bit():
    assert pixel_area(np.array([-16.000125]), 0.00025)[0] / 10_000 == 0.07402677953993056


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ((14, 1), "10N_010E"),
        ((14, 11), "20N_010E"),
        ((4, 1), "10N_000E"),
        ((-14, -1), "00N_020W"),
        ((-14, -11), "10S_020W"),
    ],
)
def test_a_tile_is_named_by_its_north_west_corner(place, name):
    grid = GRIDS["10/40000"]
    row, column = grid.y(np.array([place[1]]))[0], grid.x(np.array([place[0]]))[0]
    assert grid.tile_id(int(row), int(column)) == name
