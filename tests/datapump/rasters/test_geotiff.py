"""Headers of GeoTIFFs, against what GDAL reads of the same files."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datapump.errors import DataError
from datapump.objects import Objects
from datapump.rasters.geotiff import Header, Place, read_header

URI = "s3://lake/one.tif"
TRANSFORM = Affine(0.00025, 0, -71.5, 0, -0.00025, 8.25)


@pytest.fixture
def objects(tmp_path):
    (tmp_path / "s3" / "lake").mkdir(parents=True)
    return Objects(tmp_path)


def write(objects, *, dtype="uint16", transform=TRANSFORM, point=False, height=40, width=70, **options):
    path = objects.root / "s3" / "lake" / "one.tif"
    profile = {"driver": "GTiff", "count": 1, "crs": "EPSG:4326", "transform": transform}
    profile |= {"dtype": dtype, "height": height, "width": width, **options}
    with rasterio.open(path, "w", **profile) as file:
        if point:
            file.update_tags(AREA_OR_POINT="Point")
        file.write(np.ones((1, height, width), dtype))
    return path


def as_gdal_reads(path):
    with rasterio.open(path) as file:
        one = file.transform
        return Header(
            URI, Place(one.c, one.a, one.f, one.e), file.width, file.height, file.dtypes[0], file.block_shapes[0]
        )


def close(one, other):
    assert one.place == pytest.approx(other.place, rel=1e-12)
    assert (one.width, one.height, one.dtype, one.block) == (other.width, other.height, other.dtype, other.block)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_each_type_of_pixels_is_told(objects, dtype):
    path = write(objects, dtype=dtype)
    close(read_header(URI, objects), as_gdal_reads(path))


@pytest.mark.parametrize(
    "options",
    [
        {"tiled": True, "blockxsize": 32, "blockysize": 16},
        {"tiled": True, "blockxsize": 16, "blockysize": 16, "BIGTIFF": "YES"},
        {"ENDIANNESS": "BIG"},
        {"ENDIANNESS": "BIG", "BIGTIFF": "YES"},
        {"blockysize": 8, "compress": "deflate"},
        {"driver": "COG", "blocksize": 128, "height": 600, "width": 700},
        {"count": 1, "nodata": 0, "compress": "lzw", "predictor": 2},
    ],
    ids=str,
)
def test_each_way_of_storing_is_read(objects, options):
    path = write(objects, **options)
    close(read_header(URI, objects), as_gdal_reads(path))


def test_a_raster_of_points_begins_half_a_pixel_before_them(objects):
    path = write(objects, point=True)
    close(read_header(URI, objects), as_gdal_reads(path))


def test_a_turned_raster_is_refused(objects):
    write(objects, transform=Affine(0.001, 0.0005, 10, 0.0005, -0.001, 10))
    with pytest.raises(DataError, match="is not a raster that can be read"):
        read_header(URI, objects)


def test_a_raster_without_a_place_is_refused(objects):
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        write(objects, transform=None, crs=None)
    with pytest.raises(DataError):
        read_header(URI, objects)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(cut=st.integers(0, 600), place=st.integers(0, 500), value=st.integers(0, 255))
def test_a_broken_header_is_refused_whatever_is_broken(objects, cut, place, value):
    path = objects.root / "s3" / "lake" / "whole.tif"
    if not path.exists():
        write(objects, tiled=True, blockxsize=16, blockysize=16).rename(path)
    content = bytearray(path.read_bytes())
    content[place] = value
    for broken in (bytes(content), bytes(content[:cut])):
        objects.put(URI, broken)
        try:
            assert isinstance(read_header(URI, objects), Header)
        except DataError as error:
            assert URI in error.message  # noqa: PT017 - both outcomes are right
