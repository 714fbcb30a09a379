import re
from itertools import combinations

import numpy as np
import pytest
import shapely

from datapump.embedded.sample.divisions import ISO, draw_divisions
from datapump.embedded.sample.region import draw_region


@pytest.fixture(scope="module")
def divisions():
    return draw_region().divisions


def test_there_are_three_levels(divisions):
    assert len(divisions.adm1) == 4
    assert len(divisions.adm2) == 22
    assert {area.gid_0 for area in divisions.adm2} == {"XDP"}
    assert divisions.country.geom_type == "Polygon"


def test_the_country_code_is_one_that_iso_3166_leaves_to_its_users():
    assert re.fullmatch(r"X[A-Z]{2}", ISO)


def test_the_areas_tile_the_country_exactly(divisions):
    polygons = [area.polygon for area in divisions.adm2]
    assert sum(polygon.area for polygon in polygons) == pytest.approx(divisions.country.area, abs=1e-9)
    assert not divisions.country.interiors
    overlaps = [first.intersection(second).area for first, second in combinations(polygons, 2)]
    assert max(overlaps) == 0


def test_the_upper_levels_are_the_unions_of_the_lower(divisions):
    assert all(outline.geom_type == "Polygon" for outline in divisions.adm1.values())
    assert shapely.union_all(list(divisions.adm1.values())).equals(divisions.country)
    for gid, outline in divisions.adm1.items():
        members = [area.polygon for area in divisions.adm2 if area.gid_1 == gid]
        assert sum(polygon.area for polygon in members) == pytest.approx(outline.area, abs=1e-9)


def test_all_outlines_are_valid_and_drawn_with_coarse_segments(divisions):
    for area in divisions.adm2:
        corners = np.array(area.polygon.exterior.coords)
        assert area.polygon.is_valid
        assert area.polygon.exterior.is_ccw
        assert np.hypot(*np.diff(corners, axis=0).T).min() >= 0.02
        assert np.array_equal(corners, corners.round(4))
        # No sliver: a disc of a quarter of a degree across fits into each.
        assert not area.polygon.buffer(-0.125).is_empty


def test_ids_read_as_gadm_ids_do(divisions):
    """`XDP.1_1` is adm1 number 1; `XDP.1.5_1` is adm2 number 5 in it."""
    for area in divisions.adm2:
        first = re.fullmatch(r"XDP\.(\d+)_1", area.gid_1)
        second = re.fullmatch(r"XDP\.(\d+)\.(\d+)_1", area.gid_2)
        assert second[1] == first[1]
    assert len({area.gid_2 for area in divisions.adm2}) == 22


def test_ids_count_up_in_the_order_of_the_names(divisions):
    order = [(area.gid_1, int(area.gid_2.split(".")[2].removesuffix("_1"))) for area in divisions.adm2]
    assert order == sorted(order)
    assert [(area.name_1, area.name_2) for area in divisions.adm2] == sorted(
        (area.name_1, area.name_2) for area in divisions.adm2
    )


def test_another_seed_draws_another_country_that_tiles_as_well():
    drawn = [draw_divisions(np.random.default_rng(seed)) for seed in range(3)]
    assert len({divisions.country.wkb for divisions in drawn}) == 3
    for divisions in drawn:
        total = sum(area.polygon.area for area in divisions.adm2)
        assert total == pytest.approx(divisions.country.area, abs=1e-9)
