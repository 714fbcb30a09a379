"""What is read of headers is what GDAL tells of every block."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window

from datapump.embedded.data_api.rasters.offsets import block_offsets
from datapump.errors import DataError

TILED = {"tiled": True, "blockxsize": 16, "blockysize": 32}
PLACES = [(0, 0), (40, 60), (99, 0)]


def write(path, places=PLACES, bands=1, **options):
    profile = {"width": 70, "height": 100, "count": bands, "dtype": "uint8", "nodata": 0, "crs": "EPSG:4326"}
    profile |= {"transform": Affine(1, 0, 10, 0, -1, 50), "SPARSE_OK": True, **options}
    with rasterio.open(path, "w", driver="GTiff", **profile) as file:
        for row, column in places:
            for band in range(1, bands + 1):
                # Only some bands have data everywhere.
                if (row + band) % 2:
                    file.write(np.ones((1, 1), np.uint8), band, window=Window(column, row, 1, 1))
    return path


def told(path):
    with rasterio.open(path) as file:
        high, wide = file.block_shapes[0]
        apart = file.profile["interleave"] == "band"
        return [
            int(file.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=band) or 0)
            for band in range(1, (file.count if apart else 1) + 1)
            for row in range(-(-file.height // high))
            for column in range(-(-file.width // wide))
        ]


@pytest.mark.parametrize("endianness", ["LITTLE", "BIG"])
@pytest.mark.parametrize("big_tiff", ["YES", "NO"])
@pytest.mark.parametrize(
    "options",
    [
        TILED,
        {**TILED, "compress": "DEFLATE"},
        {**TILED, "places": []},
        {**TILED, "bands": 3, "interleave": "band"},
        {**TILED, "bands": 3, "interleave": "pixel"},
        {"tiled": True, "blockxsize": 80, "blockysize": 112},
        {"blockysize": 8},
        {"blockysize": 100, "compress": "DEFLATE"},
    ],
    ids=str,
)
def test_blocks_lie_where_gdal_finds_them(tmp_path, options, big_tiff, endianness):
    path = write(tmp_path / "a.tif", **{**options, "BIGTIFF": big_tiff, "ENDIANNESS": endianness})
    offsets = block_offsets(path).tolist()
    assert offsets == told(path)
    assert any(offsets) == (options.get("places") != [])


@pytest.mark.parametrize("size", [0, 1, 10, 100, 300])
def test_a_file_that_is_cut_off_is_told(tmp_path, size):
    path = write(tmp_path / "a.tif", **TILED)
    start = path.read_bytes()[:size]
    path.write_bytes(start)
    with pytest.raises(DataError, match=r"a\.tif is not a GeoTIFF that can be read"):
        block_offsets(path)


def test_something_else_is_told(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0" + b"\xff" * 100)
    with pytest.raises(DataError, match="its header is broken"):
        block_offsets(path)
