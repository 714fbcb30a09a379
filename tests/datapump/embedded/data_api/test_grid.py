import csv
import json

import numpy as np
import pytest
import shapely

from datapump.embedded.data_api.grid import layout
from datapump.embedded.data_api.models.assets import Grid1x1
from tests.datapump.embedded.data_api.test_vectors import SQUARE, collection, feature

GRID = "1x1 grid"
GADM = {"gid_0": "BRA", "gid_1": "BRA.1_1", "gid_2": "BRA.1.1_1"}
WDPA = {"site_id": 5, "name": 'Park, "big"\tone', "iucn_cat": "II", "iso3": "BRA", "status": "Designated"}


def make(api, dataset, content, **options):
    uri = api.source(f"{dataset}.geojson", content)
    body = {"source_type": "vector", "source_driver": "GeoJSON", "source_uri": [uri]}
    assert api.version("v1", {**body, "create_dynamic_vector_tile_cache": False}, dataset) == "saved"
    return api.asset("v1", GRID, options, dataset)


def rows(api, asset):
    assert asset["status"] == "saved", api.reason("v1", asset["dataset"])
    path = api.buckets / asset["asset_uri"].replace("://", "/")
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines, delimiter="\t"))


@pytest.mark.parametrize(
    ("dataset", "properties", "options", "header"),
    [
        ("gadm", GADM, {}, "fid gid_0 gid_1 gid_2 tile_id tcl glad geom"),
        (
            "gadm",
            GADM,
            {"field_attributes": ["gid_0", "gid_1", "gid_2"], "include_tile_id": True},
            "fid gid_0 gid_1 gid_2 tile_id tcl glad geom",
        ),
        ("wdpa_protected_areas", WDPA, {}, "site_id name iucn_cat iso3 status tcl glad geom"),
        ("farms", {"fid": 3}, {}, "fid geom tcl glad"),
        ("farms", {"size": 3}, {}, "fid geom tcl glad"),
        (
            "farms",
            {"code": 3, "owner": "x"},
            {"field_attributes": ["code", "owner"], "include_tile_id": True},
            "code geom tile_id tcl glad owner",
        ),
        ("geostore_areas", {"geostore_id": "ab"}, {}, "geostore_id geom tcl glad"),
    ],
)
def test_columns_stand_where_analyses_read_them(api, dataset, properties, options, header):
    found = rows(api, make(api, dataset, collection(feature(SQUARE, **properties)), **options))
    assert found[0] == header.split()
    assert len(found) == 5
    assert {len(row) for row in found} == {len(found[0])}
    first = dict(zip(found[0], found[1], strict=True))
    assert {name: first[name] for name in properties if name in first} == {
        name: str(value) for name, value in properties.items() if name in first
    }
    assert (first["tcl"], first["glad"]) == ("t", "t")


def test_a_grid_holds_the_ground_of_its_features_once(api):
    shapes = [shapely.Point(-60 + 2 * at, -5).buffer(1.3) for at in range(3)]
    content = collection(*(feature(shape, fid=at) for at, shape in enumerate(shapes)))
    found = rows(api, make(api, "farms", content))
    geometry = shapely.from_wkb([row[1] for row in found[1:]])
    assert set(shapely.get_srid(geometry)) == {4326}
    owner = np.array([int(row[0]) for row in found[1:]])
    for at, shape in enumerate(shapes):
        assert np.isclose(shapely.area(geometry[owner == at]).sum(), shape.area, rtol=1e-3)


def test_flags_are_those_of_the_tile(api):
    shapes = {1: shapely.box(50.2, -9.8, 50.4, -9.6), 2: shapely.box(10.2, 50.2, 10.4, 50.4)}
    content = collection(*(feature(shape, fid=fid) for fid, shape in shapes.items()))
    found = rows(api, make(api, "farms", content, include_tile_id=True))
    assert [(row[0], *row[2:]) for row in found[1:]] == [("1", "00N_050E", "f", "t"), ("2", "60N_010E", "t", "f")]


def test_what_has_no_polygon_on_land_is_counted(api):
    content = collection(
        feature(SQUARE, fid=1),
        feature(None, fid=2),
        feature(shapely.Point(-60, -5), fid=3),
        feature(shapely.box(-150, -60, -149, -59), fid=4),
    )
    asset = make(api, "farms", content)
    assert len(rows(api, asset)) == 5
    assert api.data(f"/asset/{asset['asset_id']}/change_log")[-1]["message"] == (
        "4 rows from 4 features; 1 have no geometry, 2 no polygon on the listed land tiles"
    )


@pytest.mark.parametrize(
    ("properties", "options", "reason"),
    [
        ({"fid": 1}, {"field_attributes": ["nope"]}, "has the column nope, which the table has not"),
        ({"tcl": 1}, {"field_attributes": ["tcl"]}, "would have the column tcl twice"),
    ],
)
def test_columns_that_cannot_be_fail_the_asset_and_not_the_version(api, properties, options, reason):
    asset = make(api, "farms", collection(feature(SQUARE, **properties)), **options)
    assert asset["status"] == "failed"
    assert reason in api.reason("v1", "farms")
    assert api.data("/dataset/farms/v1")["status"] == "saved"


def test_a_grid_of_nothing_fails(api):
    asset = make(api, "farms", collection(feature(shapely.Point(0, 0), fid=1)))
    assert asset["status"] == "failed"
    assert api.reason("v1", "farms") == "none of the 1 features has a polygon on the listed land tiles"


def test_a_grid_is_at_its_uri_and_goes_with_its_asset(api):
    asset = make(api, "farms", collection(feature(SQUARE, fid=1)))
    assert asset["asset_uri"] == "s3://gfw-data-lake/farms/v1/vector/epsg-4326/farms_v1_1x1.tsv"
    again = api.post("/dataset/farms/v1/assets", {"asset_type": GRID, "creation_options": {}})
    assert again.status_code == 400
    assert again.json()["message"].endswith(f"An asset with uri {asset['asset_uri']} already exists")
    path = api.buckets / asset["asset_uri"].replace("://", "/")
    assert path.exists()
    assert api.delete(f"/asset/{asset['asset_id']}").status_code == 200
    api.asset("v1", GRID, {"include_tile_id": True}, "farms")  # the loader sweeps first
    assert path.read_text().splitlines()[0] == "fid\tgeom\ttile_id\ttcl\tglad"
    api.delete("/dataset/farms/v1")
    assert api.table("v2", ["key\n1\n"], "farms") == "saved"
    assert not path.exists()


def test_a_grid_needs_a_table_with_geometries(api):
    api.table("v1", ["key\n1\n"])
    answer = api.post("/dataset/table/v1/assets", {"asset_type": GRID, "creation_options": {}})
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "Parent asset type Geo database table does not exist.",
    )


def test_the_creation_options_of_a_grid_are_kept(api):
    asset = make(api, "farms", collection(feature(SQUARE, fid=1)))
    options = api.data(f"/asset/{asset['asset_id']}/creation_options")
    assert options == {"field_attributes": None, "include_tile_id": False}
    wrong = {"asset_type": GRID, "creation_options": {"field_attributes": "fid"}}
    errors = api.post("/dataset/farms/v1/assets", wrong).json()["message"]
    assert {
        "loc": ["body", "creation_options", "field_attributes"],
        "msg": "value is not a valid list",
        "type": "type_error.list",
    } in errors


def test_gadm_fields_that_begin_otherwise_are_taken_as_asked():
    asked = Grid1x1(field_attributes=["gid", "gid_0"])
    assert layout("gadm", asked).order == ("gid", "gid_0", "tcl", "glad", "geom")
    assert json.loads(asked.model_dump_json())["include_tile_id"] is False
