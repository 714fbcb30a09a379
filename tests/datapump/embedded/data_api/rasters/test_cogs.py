"""Cloud-optimized GeoTIFFs: read back by GDAL, which knows nothing of how they were written."""

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from tests.support.tifs import data, write_tiles_list

A = {(0, 0): [[1, 2], [3, 4]], (50_000, 70_000): [[30_000]]}


def make(rasters, **options):
    return rasters.asset("COG", {"source_asset_id": rasters.default()["asset_id"], "resampling": "mode", **options})


def test_a_cog_holds_the_pixels_of_all_tiles(rasters):
    rasters.source("a/10N_010E.tif", A)
    rasters.source("a/10N_020E.tif", {(99_999, 99_999): [[9]]}, name="10N_020E")
    assert rasters.make(["s3://sources/a/"]) == "saved", rasters.reason()
    asset = make(rasters, block_size=1024)
    assert asset["status"] == "saved", rasters.reason()
    assert asset["asset_uri"] == "s3://gfw-data-lake/alerts/v1/raster/epsg-4326/cog/default.tif"
    path = rasters.path(asset)
    assert data(path) == {
        (0, 0): 1, (0, 1): 2, (1, 0): 3, (1, 1): 4, (50_000, 70_000): 30_000, (99_999, 199_999): 9
    }  # fmt: skip
    with rasterio.open(path) as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert (file.width, file.height, file.nodata, file.crs.to_epsg()) == (200_000, 100_000, 0, 4326)
        assert file.block_shapes == [(1024, 1024)]
        assert file.overviews(1) == [2, 4, 8, 16, 32, 64, 128, 256]
        assert (file.transform.a, file.transform.c, file.transform.f) == (0.0001, 10, 10)


@pytest.mark.parametrize("resampling", ["mode", "average", "bilinear"])
def test_its_overviews_are_those_that_gdal_makes(rasters, tmp_path, resampling):
    random = np.random.default_rng(7)
    block = random.integers(1, 50_000, (700, 700)) * (random.random((700, 700)) < 0.6)
    rasters.source("a/10N_010E.tif", {(100, 100): block}, grid="1/4000", name="10N_010E")
    rasters.make(["s3://sources/a/"], grid="1/4000")
    path = rasters.path(make(rasters, block_size=256, resampling=resampling))
    plain = tmp_path / "plain.tif"
    with rasterio.open(path) as file:
        profile = {**file.profile, "driver": "GTiff"}
        with rasterio.open(plain, "w", **profile) as copy:
            copy.write(file.read())
    with rasterio.open(plain, "r+") as copy:
        copy.build_overviews([2, 4], rasterio.enums.Resampling[resampling])
    for level in (0, 1):
        with rasterio.open(path, OVERVIEW_LEVEL=level) as ours, rasterio.open(plain, OVERVIEW_LEVEL=level) as theirs:
            assert ours.shape == theirs.shape
            assert np.array_equal(ours.read(1), theirs.read(1))


def test_only_the_tiles_of_a_list(rasters):
    rasters.source("a/10N_010E.tif", A)
    rasters.source("a/10N_020E.tif", A, name="10N_020E")
    rasters.make(["s3://sources/a/"])
    folder = rasters.path(rasters.default()).parent
    write_tiles_list(folder / "overlap.geojson", ["/vsis3/somewhere/else/10N_020E.tif"])
    uri = rasters.default()["asset_uri"].replace("{tile_id}.tif", "overlap.geojson")
    asset = make(rasters, source_asset_id=uri, implementation="overlap")
    assert asset["status"] == "saved", rasters.reason()
    with rasterio.open(rasters.path(asset)) as file:
        assert file.bounds == (20, 0, 30, 10)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"source_asset_id": "11111111-1111-4111-8111-111111111111"}, "does not exist"),
        ({"source_asset_id": "s3://gfw-data-lake/none.geojson"}, "s3://gfw-data-lake/none.geojson does not exist"),
        ({"resampling": "q1"}, "q1"),
    ],
)
def test_a_bad_source_is_taken_and_fails_then(rasters, options, reason):
    rasters.source("a/10N_010E.tif", A)
    rasters.make(["s3://sources/a/"])
    assert make(rasters, **options)["status"] == "failed"
    assert reason in rasters.reason()
    assert rasters.api.data("/dataset/alerts/v1")["status"] == "saved"


def test_deleting_it_removes_the_file_and_lets_it_be_made_again(rasters):
    rasters.source("a/10N_010E.tif", A)
    rasters.make(["s3://sources/a/"])
    path = rasters.path(make(rasters))
    again = {"asset_type": "COG", "creation_options": {"source_asset_id": rasters.default()["asset_id"]}}
    assert rasters.api.post("/dataset/alerts/v1/assets", again).status_code == 400
    asset = rasters.api.data("/dataset/alerts/v1/assets")[1]
    assert rasters.api.delete(f"/asset/{asset['asset_id']}").status_code == 200
    assert make(rasters)["status"] == "saved"
    assert data(path)


def test_its_headers_come_before_its_pixels(rasters):
    rasters.source("a/10N_010E.tif", A)
    rasters.make(["s3://sources/a/"])
    path = rasters.path(make(rasters))
    with rasterio.open(path) as file:
        first = int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
        assert file.get_tag_item("BLOCK_OFFSET_1_1", "TIFF", bidx=1) is None
        assert file.read(1, window=Window(5, 5, 1, 1)).item() == 0
    with rasterio.open(path, OVERVIEW_LEVEL=0) as file:
        assert int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1)) < first
