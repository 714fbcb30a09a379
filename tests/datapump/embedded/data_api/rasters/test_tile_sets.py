"""Raster versions and auxiliary tile sets, made from tiny sources on the real grids."""

import json

import numpy as np
import pytest
import rasterio

from tests.support.tifs import data, pixels, write_small, write_tiles_list

A = {(0, 0): [[1, 2]], (50_000, 70_000): [[3]]}
OPTIONS = {
    "source_type": "raster", "source_driver": "GeoTIFF", "pixel_meaning": "date_conf", "data_type": "uint16",
    "grid": "10/100000", "no_data": 0,
}  # fmt: skip
FOLDER = "s3://gfw-data-lake/alerts/v1/raster/epsg-4326/10/100000/date_conf/geotiff/"


def test_a_source_becomes_tiles_with_their_lists(rasters):
    rasters.source("a/10N_010E.tif", A)
    assert rasters.make(["s3://sources/a/"]) == "saved", rasters.reason()
    asset = rasters.default()
    assert asset["asset_uri"] == FOLDER + "{tile_id}.tif"
    assert data(rasters.path(asset)) == {(0, 0): 1, (0, 1): 2, (50_000, 70_000): 3}
    assert rasters.path(asset).stat().st_size < 2_000_000
    tiles = json.loads(rasters.path(asset).with_name("tiles.geojson").read_text())
    assert [feature["properties"]["name"] for feature in tiles["features"]] == [
        "/vsis3/" + FOLDER.removeprefix("s3://") + "10N_010E.tif"
    ]
    extent = json.loads(rasters.path(asset).with_name("extent.geojson").read_text())
    corners = {tuple(corner) for corner in extent["features"][0]["geometry"]["coordinates"][0]}
    assert corners == {(10, 0), (20, 0), (20, 10), (10, 10)}
    assert asset["metadata"]["bands"][0]["stats"] == {"min": 1.0, "max": 3.0, "mean": 2.0}
    assert "made 1 tiles; 3 pixels have data" in [
        line["message"] for line in rasters.api.data("/dataset/alerts/v1/change_log")
    ]


def test_the_profile_of_a_tile(rasters):
    rasters.source("a/10N_010E.tif", A)
    rasters.make(["s3://sources/a/"], data_type="int16", no_data=-1)
    with rasterio.open(rasters.path(rasters.default())) as file:
        assert (file.width, file.height, file.dtypes, file.nodata) == (100_000, 100_000, ("int16",), -1)
        assert (file.crs.to_epsg(), tuple(file.transform)[:6]) == (4326, (0.0001, 0, 10, 0, -0.0001, 10))


def test_sources_are_bands_of_the_formula_in_their_order(rasters):
    first = rasters.source("a/10N_010E.tif", {(0, 0): [[5, 5, 0]]})
    second = rasters.source("b/10N_010E.tif", {(0, 0): [[7, 0, 9]]})
    calc = "np.where(A.filled(0) > 0, 100 * A.filled(0), 0) + B.filled(0)"
    assert rasters.make([first, second], calc=calc, union_bands=True) == "saved", rasters.reason()
    assert data(rasters.path(rasters.default())) == {(0, 0): 507, (0, 1): 500, (0, 2): 9}


def test_several_bands_of_one_file_are_bands_too(rasters):
    uri = rasters.source("a/10N_010E.tif", {(0, 0): [[[1, 2]], [[10, 20]]]})
    assert rasters.make([uri], calc="A + B") == "saved", rasters.reason()
    assert data(rasters.path(rasters.default())) == {(0, 0): 11, (0, 1): 22}


@pytest.mark.parametrize(("union", "names"), [(False, ["10N_010E"]), (True, ["00N_010E", "10N_010E", "10N_020E"])])
def test_tiles_are_those_of_all_sources_or_of_any(rasters, union, names):
    rasters.source("a/10N_010E.tif", A)
    rasters.source("a/10N_020E.tif", A, name="10N_020E")
    rasters.source("b/10N_010E.tif", A)
    rasters.source("b/00N_010E.tif", A, name="00N_010E")
    sources = ["s3://sources/a", "s3://sources/b/*"]
    assert rasters.make(sources, calc="A.filled(0) + B.filled(0)", union_bands=union) == "saved"
    folder = rasters.path(rasters.default()).parent
    assert sorted(path.stem for path in folder.glob("*.tif")) == names


def test_a_tile_without_data_is_not_written(rasters):
    rasters.source("a/10N_010E.tif", A)
    rasters.source("a/10N_020E.tif", {(5, 5): [[1000]]}, name="10N_020E")
    assert rasters.make(["s3://sources/a/"], calc="np.where(A < 100, A, 0)") == "saved"
    assert [path.stem for path in rasters.path(rasters.default()).parent.glob("*.tif")] == ["10N_010E"]


def test_a_list_of_tiles_is_a_source(rasters):
    rasters.source("a/10N_010E.tif", A)
    rasters.source("a/10N_020E.tif", A, name="10N_020E")
    write_tiles_list(rasters.buckets / "s3" / "lists" / "tiles.geojson", ["/vsis3/sources/a/10N_010E.tif"])
    assert rasters.make(["s3://lists/tiles.geojson"]) == "saved", rasters.reason()
    assert [path.stem for path in rasters.path(rasters.default()).parent.glob("*.tif")] == ["10N_010E"]


def test_google_buckets_are_sources(rasters):
    rasters.source("a/10N_010E.tif", A)
    (rasters.buckets / "gs").mkdir()
    (rasters.buckets / "s3" / "sources").rename(rasters.buckets / "gs" / "sources")
    assert rasters.make(["gs://sources/a/10N*"]) == "saved", rasters.reason()


@pytest.mark.parametrize(
    ("crs", "corner", "size", "unify"),
    [("EPSG:4326", (12.0, 8.0), 0.0004, False), ("EPSG:3857", (1335833.0, 893463.0), 44.0, False)],
)
def test_sources_on_other_grids_are_resampled(rasters, crs, corner, size, unify):
    path = rasters.buckets / "s3" / "sources" / "a" / "other.tif"
    write_small(path, np.full((10, 10), 7, np.uint16), *corner, size, crs=crs)
    assert rasters.make(["s3://sources/a/"], unify_projection=unify) == "saved", rasters.reason()
    found = data(rasters.path(rasters.default()))
    assert set(found.values()) == {7}
    assert len(found) == pytest.approx(1600, rel=0.1)
    rows, columns = zip(*found, strict=True)
    assert min(rows) == pytest.approx(20_000, abs=3)
    assert min(columns) == pytest.approx(20_000, abs=3)


def test_sources_of_several_projections_need_to_be_asked_for(rasters):
    folder = rasters.buckets / "s3" / "sources" / "a"
    write_small(folder / "one.tif", np.full((4, 4), 7, np.uint16), 12, 8, 0.0001)
    write_small(folder / "two.tif", np.full((4, 4), 9, np.uint16), 1400000, 800000, 10, crs="EPSG:3857")
    assert rasters.make(["s3://sources/a/"]) == "failed"
    assert "different coordinate systems" in rasters.reason()
    assert rasters.make(["s3://sources/a/"], "v2", unify_projection=True) == "saved", rasters.reason("v2")
    assert set(data(rasters.path(rasters.default("v2"))).values()) == {7, 9}


def test_a_formula_that_makes_something_of_nothing_is_computed_everywhere(rasters):
    uri = rasters.source("a/10N_010E.tif", {(0, 0): [[1]]}, grid="1/4000")
    calc = "np.where(A.filled(0) > 0, 0, 1)"
    assert rasters.make([uri], calc=calc, grid="1/4000", data_type="uint8") == "saved", rasters.reason()
    path = rasters.path(rasters.default())
    with rasterio.open(path) as file:
        assert int(file.read(1).sum(dtype=np.int64)) == 16_000_000 - 1


def test_auxiliary_tile_sets_have_the_versions_own_pixels_first(rasters):
    uri = rasters.source("a/10N_010E.tif", {(0, 0): [[5, 0, 7]]})
    other = rasters.source("b/10N_010E.tif", {(0, 0): [[2, 3, 0]]})
    rasters.make([other], "v0", pixel_meaning="default")
    rasters.make([uri])
    one = rasters.default("v0")
    calc = "np.where(A.filled(0) > 0, A.filled(0), 10 * B.filled(0))"
    options = {"pixel_meaning": "default", "auxiliary_assets": [one["asset_id"]], "calc": calc, "union_bands": True}
    made = rasters.tile_set(options)
    assert made["status"] == "saved", rasters.reason()
    assert data(rasters.path(made)) == {(0, 0): 5, (0, 1): 30, (0, 2): 7}


def test_an_auxiliary_tile_set_may_have_another_grid(rasters):
    uri = rasters.source("a/10N_010E.tif", {(10, 10): [[40000]]}, grid="10/40000")
    rasters.make([uri], grid="10/40000")
    made = rasters.tile_set({"pixel_meaning": "resample10m", "calc": "np.where(A >= 30000, A - 10000, 0)"})
    assert made["status"] == "saved", rasters.reason()
    found = data(rasters.path(made))
    assert set(found.values()) == {30000}
    assert sorted({row for row, _ in found}) == sorted({column for _, column in found}) == [25, 26]
    assert rasters.path(rasters.default()).parent != rasters.path(made).parent


def test_solo_tiles_are_copied_as_they_are(rasters):
    rasters.source("a/10N_010E.tif", {(0, 0): [[5]]})
    for name in ("10N_010E", "10N_020E"):
        rasters.source(f"b/{name}.tif", {(0, 0): [[9]]}, name=name)
    sources = ["s3://sources/a/", "s3://sources/b/"]
    assert rasters.make(sources, calc="A.filled(0) + B.filled(0)", copy_solo_tiles=True) == "saved", rasters.reason()
    asset = rasters.default()
    assert data(rasters.path(asset)) == {(0, 0): 14}
    assert data(rasters.path(asset, "10N_020E")) == {(0, 0): 9}
    assert listed(rasters, asset, "tiles") == ["10N_010E", "10N_020E"]
    assert listed(rasters, asset, "overlap") == ["10N_010E"]
    assert listed(rasters, asset, "nonoverlap") == ["10N_020E"]


def test_solo_tiles_need_a_last_source_that_covers_the_others(rasters):
    for name in ("10N_010E", "10N_020E"):
        rasters.source(f"a/{name}.tif", {(0, 0): [[9]]}, name=name)
    rasters.source("b/10N_010E.tif", {(0, 0): [[5]]})
    sources = ["s3://sources/a/", "s3://sources/b/"]
    options = {"calc": "A.filled(0) + B.filled(0)", "copy_solo_tiles": True, "union_bands": True}
    assert rasters.make(sources, **options) == "failed"
    assert rasters.reason() == (
        "copy_solo_tiles: the last source lacks the tiles 10N_020E, which the others have"
    )  # fmt: skip


def listed(rasters, asset, name):
    document = json.loads(rasters.path(asset).with_name(f"{name}.geojson").read_text())
    return sorted(feature["properties"]["name"].rsplit("/", 1)[1][:-4] for feature in document["features"])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"calc": "A + B"}, "the formula reads band B, but there are only A"),
        ({"calc": "__import__('os')"}, "formula"),
        ({"calc": "A * 0"}, "no pixel of the tile set would have data"),
        ({"band_count": 2}, "the sources have 1 bands, band_count asks for 2"),
        ({"calc": "A * 100000"}, "uint16 cannot hold"),
        ({"no_data": "nan"}, "no_data nan cannot be a value of uint16"),
    ],
)
def test_what_cannot_be_made_fails_with_its_reason(rasters, options, reason):
    uri = rasters.source("a/10N_010E.tif", A)
    assert rasters.make([uri], **options) == "failed"
    assert reason in rasters.reason()
    assert rasters.api.assets("v1", "alerts") == [("Raster tile set", "failed")]
    assert not list((rasters.buckets / "s3" / "gfw-data-lake").rglob("*.tif"))


def test_a_broken_source_fails_the_version(rasters):
    rasters.api.source("a/one.tif", b"II*\0")
    assert rasters.make(["s3://sources/a/"]) == "failed"
    assert rasters.reason().startswith("one.tif is not a GeoTIFF that can be read")


def test_the_reason_names_no_folder_of_this_machine(rasters):
    rasters.api.source("a/one.tif", b"no raster")
    assert rasters.make(["s3://sources/a/"]) == "failed"
    assert rasters.reason().startswith("one.tif is not a GeoTIFF that can be read: 'one.tif' ")


def test_without_its_extent_a_version_stays_pending_for_ever(rasters):
    rasters.source("a/10N_010E.tif", A)
    rasters.api.steps.hold("loaded")
    body = {"creation_options": {**OPTIONS, "source_uri": ["s3://sources/a/"]}}
    assert rasters.api.put("/dataset/alerts/v1", body).status_code == 202
    rasters.api.steps.arrive("loaded")
    assert rasters.api.assets("v1", "alerts") == [("Raster tile set", "saved")]
    rasters.path(rasters.default()).with_name("extent.geojson").unlink()
    rasters.api.steps.open()
    rasters.api.steps.passed("finished")
    assert rasters.api.data("/dataset/alerts/v1")["status"] == "pending"
    assert rasters.api.assets("v1", "alerts") == [("Raster tile set", "saved")]
    assert rasters.reason().endswith("extent.geojson does not exist: the version stays pending")


def test_deleting_a_version_removes_its_tiles(rasters):
    uri = rasters.source("a/10N_010E.tif", A)
    rasters.make([uri])
    folder = rasters.path(rasters.default()).parent
    assert list(folder.iterdir())
    rasters.api.delete("/dataset/alerts/v1")
    assert rasters.make([uri], "v2") == "saved"
    assert not list(folder.iterdir())


def test_pixels_can_be_floats_and_bits(rasters):
    uri = rasters.source("a/10N_010E.tif", {(0, 0): [[5, 0]]}, grid="10/40000")
    rasters.make([uri], data_type="float32", calc="A / 2", no_data="nan", grid="10/40000")
    assert pixels(rasters.path(rasters.default()), 0, 0) == [[2.5]]
    made = rasters.tile_set({"data_type": "boolean", "grid": "10/40000", "pixel_meaning": "is", "calc": "A > 0"})
    with rasterio.open(rasters.path(made)) as file:
        assert file.tags(1, ns="IMAGE_STRUCTURE")["NBITS"] == "1"
    assert data(rasters.path(made)) == {(0, 0): 1}
