"""Virtual rasters over cloud-optimized GeoTIFFs, written from the headers of those alone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from datapump.errors import DataError
from datapump.rasters.geotiff import read_header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.objects import Objects
    from datapump.rasters.geotiff import Header

OVERVIEWS = tuple(2**power for power in range(1, 12))
_NO_DATA = "0"
_TYPES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "int32": "Int32",
    "float32": "Float32", "float64": "Float64",
}  # fmt: skip
_PREFIXES = {"s3://": "/vsis3/", "gs://": "/vsigs/"}


# EPSG:4326 as GDAL writes it.
WGS_84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],'
    'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,'
    'AUTHORITY["EPSG","9122"]],AXIS["Latitude",NORTH],AXIS["Longitude",EAST],AUTHORITY["EPSG","4326"]]'
)


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
    headers = [_fitting(read_header(uri, objects)) for uri in uris]
    first = headers[0]
    root = ET.Element("VRTDataset", rasterXSize=str(first.width), rasterYSize=str(first.height))
    ET.SubElement(root, "SRS", dataAxisToSRSAxisMapping="2,1").text = WGS_84
    x, dx, y, dy = first.place
    ET.SubElement(root, "GeoTransform").text = ", ".join(repr(float(one)) for one in (x, dx, 0, y, 0, dy))
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
    column, row = (header.place.x - first.place.x) / first.place.dx, (header.place.y - first.place.y) / first.place.dy
    for name, (x, y) in {"SrcRect": (0, 0), "DstRect": (round(column), round(row))}.items():
        place = {"xOff": x, "yOff": y, "xSize": header.width, "ySize": header.height}
        ET.SubElement(source, name, {key: str(value) for key, value in place.items()})
    ET.SubElement(source, "NODATA").text = _NO_DATA


def _virtual_path(uri: str) -> str:
    for prefix, virtual in _PREFIXES.items():
        if uri.startswith(prefix):
            return virtual + uri.removeprefix(prefix)
    raise DataError(f"{uri} is not in a bucket")


def _fitting(header: Header) -> Header:
    """A header whose type of pixels a VRT has a name for."""
    if header.dtype not in _TYPES:
        raise DataError(f"{header.uri}: expected whole numbers or floats in EPSG:4326, found {header.dtype}")
    return header
