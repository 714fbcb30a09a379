import csv
import hashlib

import numpy as np
import pytest
import shapely

from datapump.embedded.sample.region import draw_region


@pytest.fixture(scope="module")
def region():
    return draw_region()


def all_areas(region):
    return [item.polygon for item in (*region.divisions.adm2, *region.parks, *region.user_areas, *region.farms)]


def test_every_polygon_is_valid(region):
    assert all(polygon.is_valid for polygon in all_areas(region))


def test_no_outline_has_a_segment_shorter_than_two_hundredths_of_a_degree(region):
    for polygon in all_areas(region):
        for ring in shapely.get_rings(polygon):
            assert np.hypot(*np.diff(shapely.get_coordinates(ring), axis=0).T).min() >= 0.02


def test_the_region_lies_across_cells_and_across_two_tiles(region):
    west, south, east, north = region.divisions.country.bounds
    assert west < 20 < east
    cells = [
        shapely.box(x, y, x + 1, y + 1).intersects(region.divisions.country)
        for x in range(int(west), int(east) + 1)
        for y in range(int(south), int(north) + 1)
    ]
    assert sum(cells) >= 16


def test_parks_are_inside_the_country_or_partly_over_its_border(region):
    country = region.divisions.country
    assert all(park.polygon.intersects(country) for park in region.parks)
    over = [park.name for park in region.parks if not country.contains(park.polygon)]
    assert over == ["Asoru Game Reserve", "Hirewa Lake Sanctuary"]


def test_parks_hold_the_cases_that_are_easily_got_wrong(region):
    polygons = {park.name: park.polygon for park in region.parks}
    assert any("," in name for name in polygons)
    assert any(polygon.geom_type == "MultiPolygon" for polygon in polygons.values())
    assert polygons["Hirewa Lake Sanctuary"].interiors
    assert polygons["Galumba National Park"].contains(polygons["Galumba Gorge, Strict Reserve"])


def test_park_and_farm_numbers_are_integers_used_once(region):
    for numbers in ([park.site_id for park in region.parks], [farm.fid for farm in region.farms]):
        assert all(type(number) is int for number in numbers)
        assert len(set(numbers)) == len(numbers)


def test_a_user_areas_id_is_the_md5_of_its_geometry(region):
    for area in region.user_areas:
        assert area.geostore_id == hashlib.md5(shapely.to_wkb(area.polygon), usedforsecurity=False).hexdigest()
    assert len({area.geostore_id for area in region.user_areas}) == 5


def test_the_region_is_the_same_every_time(region):
    again = draw_region()
    assert again.divisions.adm2 == region.divisions.adm2
    assert (again.parks, again.user_areas, again.farms) == (region.parks, region.user_areas, region.farms)


def test_real_fires_are_many_in_it_and_spread_over_it(region, real_data):
    with (real_data / "MODIS_C6_1_Global_24h.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    fires = shapely.points([float(row["longitude"]) for row in rows], [float(row["latitude"]) for row in rows])

    def count(polygon) -> int:
        return int(np.count_nonzero(shapely.intersects(polygon, fires)))

    assert count(region.divisions.country) >= 300
    assert sum(count(area.polygon) > 0 for area in region.divisions.adm2) >= 10
    assert sum(count(park.polygon) > 0 for park in region.parks) >= 3
    assert sum(count(area.polygon) > 0 for area in region.user_areas) >= 3
    assert sum(count(farm.polygon) > 0 for farm in region.farms) >= 1


def test_it_lies_in_tiles_that_carry_both_flags(region, real_data):
    with (real_data / "tiles_10x10.tsv").open(newline="") as file:
        flags = {row["tile_id"]: (row["tcl"], row["glad"]) for row in csv.DictReader(file, delimiter="\t")}
    west, south, east, north = shapely.union_all(all_areas(region)).bounds
    assert west > 10
    assert east < 30
    assert south > 0
    assert north < 10
    assert flags["10N_010E"] == flags["10N_020E"] == ("true", "true")
