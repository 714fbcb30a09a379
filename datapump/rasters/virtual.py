"""Virtual rasters over cloud-optimized GeoTIFFs, written from the headers of those alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO
from xml.etree import ElementTree as ET

import rasterio
from rasterio.crs import CRS
from rasterio.errors import RasterioError

from datapump.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from affine import Affine

    from datapump.objects import Objects

# Headers lie at the beginning of such files, in few pieces.
BUFFER = 16 * 1024
OVERVIEWS = tuple(2**power for power in range(1, 12))
_NO_DATA = "0"
# GDAL looks for further files beside a raster; there is only this one.
_ONLY = "header.tif"
_TYPES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "int32": "Int32",
    "float32": "Float32", "float64": "Float64",
}  # fmt: skip
_PREFIXES = {"s3://": "/vsis3/", "gs://": "/vsigs/"}


@dataclass(frozen=True)
class Header:
    """What a file's header tells: the place, size and type of its pixels."""

    uri: str
    transform: Affine
    width: int
    height: int
    dtype: str
    block: tuple[int, int]


def virtual_raster(uris: Sequence[str], objects: Objects) -> bytes:
    """A VRT file over some COGs, the later ones above the earlier.

    Its extent and type are the first one's; each lies where its own geotransform says.

    Args:
        uris: The COGs, WGS 84, one band, one size of pixels.
        objects: Where they are; only their headers are fetched.

    Raises:
        NotFoundError: One of them is missing.
        DataError: One of them is no raster, or none that fits the first.
    """
    if not uris:
        raise DataError("a virtual raster needs at least one file")
    headers = [_header(uri, objects) for uri in uris]
    first = headers[0]
    root = ET.Element("VRTDataset", rasterXSize=str(first.width), rasterYSize=str(first.height))
    ET.SubElement(root, "SRS", dataAxisToSRSAxisMapping="2,1").text = CRS.from_epsg(4326).to_wkt()
    ET.SubElement(root, "GeoTransform").text = ", ".join(repr(float(one)) for one in first.transform.to_gdal())
    band = ET.SubElement(root, "VRTRasterBand", dataType=_TYPES[first.dtype], band="1")
    ET.SubElement(band, "NoDataValue").text = _NO_DATA
    for header in headers:
        _add_source(band, header, first)
    ET.SubElement(root, "OverviewList", resampling="nearest").text = " ".join(map(str, OVERVIEWS))
    ET.indent(root)
    return ET.tostring(root) + b"\n"


def _add_source(band: ET.Element, header: Header, first: Header) -> None:
    source = ET.SubElement(band, "ComplexSource")
    ET.SubElement(source, "SourceFilename", relativeToVRT="0").text = _virtual_path(header.uri)
    ET.SubElement(source, "SourceBand").text = "1"
    ET.SubElement(
        source,
        "SourceProperties",
        RasterXSize=str(header.width),
        RasterYSize=str(header.height),
        DataType=_TYPES[header.dtype],
        BlockXSize=str(header.block[1]),
        BlockYSize=str(header.block[0]),
    )
    column, row = ~first.transform @ (header.transform.c, header.transform.f)
    for name, (x, y) in {"SrcRect": (0, 0), "DstRect": (round(column), round(row))}.items():
        place = {"xOff": x, "yOff": y, "xSize": header.width, "ySize": header.height}
        ET.SubElement(source, name, {key: str(value) for key, value in place.items()})
    ET.SubElement(source, "NODATA").text = _NO_DATA


def _virtual_path(uri: str) -> str:
    for prefix, virtual in _PREFIXES.items():
        if uri.startswith(prefix):
            return virtual + uri.removeprefix(prefix)
    raise DataError(f"{uri} is not in a bucket")


def _header(uri: str, objects: Objects) -> Header:
    objects.reader(uri, BUFFER).close()

    def opener(path: str, _mode: str = "rb", **_: object) -> BinaryIO:
        if path != _ONLY:
            raise FileNotFoundError(path)
        return objects.reader(uri, BUFFER)

    try:
        with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), rasterio.open(_ONLY, opener=opener) as file:
            header = Header(uri, file.transform, file.width, file.height, file.dtypes[0], file.block_shapes[0])
            code = file.crs.to_epsg() if file.crs else None
    except RasterioError as error:
        raise DataError(f"{uri} is not a raster that can be read: {error.__cause__ or error}") from error
    if code != 4326 or header.dtype not in _TYPES:  # noqa: PLR2004 - the code of WGS 84
        raise DataError(f"{uri}: expected whole numbers or floats in EPSG:4326, found {header.dtype} in {code}")
    return header
