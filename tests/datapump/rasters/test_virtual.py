"""Virtual rasters over cloud-optimized GeoTIFFs."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine

from datapump.errors import DataError, NotFoundError
from datapump.objects import Objects
from datapump.rasters.virtual import virtual_raster
from tests.support.tifs import write_small


class Counting(Objects):
    """Objects that count the bytes that are read through a reader."""

    def __init__(self, root):
        super().__init__(root)
        self.bytes = 0

    def reader(self, uri, buffer):
        return CountedFile(super().reader(uri, buffer), self)


class CountedFile:
    """A file that tells what was read of it."""

    def __init__(self, file, objects):
        self._file = file
        self._objects = objects
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def read(self, size=-1):
        found = self._file.read(size)
        self._objects.bytes += len(found)
        return found


@pytest.fixture
def objects(tmp_path):
    return Counting(tmp_path)


def put(objects, name, values, west=10, north=10, **changes):
    write_small(objects.root / "s3" / "lake" / name, values, west, north, 0.001, **changes)
    return f"s3://lake/{name}"


def opened(objects, tmp_path, content):
    path = tmp_path / "opened.vrt"
    path.write_bytes(content.replace(b"/vsis3", str(objects.root / "s3").encode()))
    return rasterio.open(path)


def test_the_second_lies_above_the_first_by_its_own_place(objects, tmp_path):
    first = put(objects, "first.tif", np.full((6, 8), 1, np.uint16))
    second = put(objects, "second.tif", np.array([[2, 0], [0, 2]], np.uint16), west=10.003, north=9.998)
    with opened(objects, tmp_path, virtual_raster([first, second], objects)) as file:
        assert (file.width, file.height, file.nodata, file.dtypes) == (8, 6, 0, ("uint16",))
        assert file.transform.almost_equals(Affine(0.001, 0, 10, 0, -0.001, 10))
        assert file.crs.to_epsg() == 4326
        values = file.read(1)
    expected = np.full((6, 8), 1)
    expected[2, 3] = expected[3, 4] = 2
    assert values.tolist() == expected.tolist()


def test_it_names_the_files_as_gdal_finds_them_and_has_nearest_overviews(objects):
    text = virtual_raster([put(objects, "first.tif", np.ones((4, 4), np.uint8))], objects).decode()
    assert ">/vsis3/lake/first.tif<" in text
    assert '<OverviewList resampling="nearest">2 4 8 16 32 64 128 256 512 1024 2048</OverviewList>' in text


def test_only_headers_are_read(objects):
    random = np.random.default_rng(1)
    uri = put(objects, "large.tif", random.integers(1, 60_000, (4000, 4000), np.uint16))
    size = (objects.root / "s3" / "lake" / "large.tif").stat().st_size
    virtual_raster([uri], objects)
    assert size > 30_000_000
    assert 0 < objects.bytes < 40_000


def test_a_missing_file_is_named(objects):
    with pytest.raises(NotFoundError, match=r"s3://lake/none\.tif does not exist"):
        virtual_raster(["s3://lake/none.tif"], objects)


def test_what_is_no_raster_is_named(objects):
    objects.put("s3://lake/text.tif", b"no raster")
    with pytest.raises(DataError, match=r"s3://lake/text\.tif is not a raster"):
        virtual_raster(["s3://lake/text.tif"], objects)


def test_another_projection_is_refused(objects):
    uri = put(objects, "metres.tif", np.ones((4, 4), np.uint8), crs="EPSG:3857")
    with pytest.raises(DataError, match="expected whole numbers or floats in EPSG:4326"):
        virtual_raster([uri], objects)
