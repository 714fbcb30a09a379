"""Headers of GeoTIFFs, read by themselves: where their pixels lie, and how many of which type.

GDAL would read them too, but does not fit into the zip of the function that needs only this. TIFF 6.0 and BigTIFF;
keys as OGC 19-008 (GeoTIFF 1.1) has them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from datapump.errors import DataError

if TYPE_CHECKING:
    from typing import BinaryIO

    from datapump.objects import Objects

# Headers lie at the beginning of cloud-optimized files, in few pieces.
BUFFER = 16 * 1024
MOST_ENTRIES = 1000
MOST_VALUES = 10_000
WGS_84 = 4326
_FORMATS = {1: "B", 2: "c", 3: "H", 4: "I", 6: "b", 7: "c", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q"}
_KINDS = {1: "uint", 2: "int", 3: "float"}
_WIDTH, _HEIGHT, _BITS, _KIND = 256, 257, 258, 339
_ROWS, _TILE_WIDTH, _TILE_HEIGHT = 278, 322, 323
_SCALE, _TIE, _MATRIX, _KEYS = 33550, 33922, 34264, 34735
_WANTED = {_WIDTH, _HEIGHT, _BITS, _KIND, _ROWS, _TILE_WIDTH, _TILE_HEIGHT, _SCALE, _TIE, _MATRIX, _KEYS}
_MODEL, _RASTER, _GEOGRAPHIC = 1024, 1025, 2048
_IS_GEOGRAPHIC, _IS_POINT = 2, 2


class Place(NamedTuple):
    """A north-up grid: the outer corner of its first pixel, degrees, and the size of a pixel; `dy` is negative."""

    x: float
    dx: float
    y: float
    dy: float


@dataclass(frozen=True)
class Header:
    """What a file's header tells: the place, size and type of its pixels.

    Attributes:
        dtype: `uint16`, `float32`, ...
        block: Height and width of what is stored together.
    """

    uri: str
    place: Place
    width: int
    height: int
    dtype: str
    block: tuple[int, int]


def read_header(uri: str, objects: Objects) -> Header:
    """The header of a GeoTIFF, of which nothing else is fetched.

    Raises:
        NotFoundError: There is no such object.
        DataError: It is no GeoTIFF, not in EPSG:4326, or turned.
    """
    file = objects.reader(uri, BUFFER)
    try:
        tags = _tags(file)
        keys = _geo_keys(tags)
        if keys.get(_MODEL) != _IS_GEOGRAPHIC or keys.get(_GEOGRAPHIC) != WGS_84:
            raise DataError(f"{uri}: expected whole numbers or floats in EPSG:4326, found another projection")
        width, height = int(tags[_WIDTH][0]), int(tags[_HEIGHT][0])
        kind, bits = _KINDS[tags.get(_KIND, (1,))[0]], tags.get(_BITS, (1,))[0]
        tiled = _TILE_WIDTH in tags
        block = (tags[_TILE_HEIGHT][0], tags[_TILE_WIDTH][0]) if tiled else (tags.get(_ROWS, (height,))[0], width)
        place = _place(tags, is_point=keys.get(_RASTER) == _IS_POINT)
    except (KeyError, IndexError, ValueError, struct.error) as error:
        raise DataError(f"{uri} is not a raster that can be read: its header is none of a GeoTIFF") from error
    finally:
        file.close()
    return Header(uri, place, width, height, f"{kind}{bits}", (int(block[0]), int(block[1])))


def _tags(file: BinaryIO) -> dict[int, tuple[Any, ...]]:
    """The values of the first image's tags that are wanted.

    Raises:
        ValueError: The file is no TIFF.
    """
    start = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(start[:2])
    version = struct.unpack(f"{order}H", start[2:4])[0] if order else None
    if version not in {42, 43}:
        raise ValueError("no TIFF")
    big = version == 43  # noqa: PLR2004 - BigTIFF, as TIFF is 42
    # An entry: its tag, type, count, and value or where that is.
    count_format, entry_format = ("Q", "HHQ8s") if big else ("H", "HHI4s")
    (offset,) = struct.unpack(f"{order}Q", start[8:16]) if big else struct.unpack(f"{order}I", start[4:8])
    (count,) = _unpack(file, f"{order}{count_format}", offset)
    if count > MOST_ENTRIES:
        raise ValueError("too many tags")
    size = struct.calcsize(f"{order}{entry_format}")
    entries = file.read(size * count)
    found: dict[int, tuple[Any, ...]] = {}
    for tag, kind, length, value in struct.iter_unpack(f"{order}{entry_format}", entries):
        if tag in _WANTED:
            if length > MOST_VALUES:
                raise ValueError("too many values")
            layout = f"{order}{length}{_FORMATS[kind]}"
            inside = struct.calcsize(layout) <= len(value)
            place = None if inside else struct.unpack(f"{order}{'Q' if big else 'I'}", value)[0]
            found[tag] = struct.unpack_from(layout, value) if place is None else _unpack(file, layout, place)
    return found


def _unpack(file: BinaryIO, layout: str, offset: int) -> tuple[Any, ...]:
    file.seek(offset)
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def _geo_keys(tags: dict[int, tuple[Any, ...]]) -> dict[int, int]:
    """The keys whose values are short numbers."""
    directory = tags.get(_KEYS, ())
    groups = [directory[start : start + 4] for start in range(4, len(directory) - 3, 4)]
    return {int(key): int(value) for key, place, _, value in groups if place == 0}


def _place(tags: dict[int, tuple[Any, ...]], *, is_point: bool) -> Place:
    """Where the pixels lie.

    Raises:
        ValueError: They are turned or sheared.
    """
    if _MATRIX in tags:
        matrix = tags[_MATRIX]
        if matrix[1] or matrix[4]:
            raise ValueError("turned")
        x, dx, y, dy = matrix[3], matrix[0], matrix[7], matrix[5]
    else:
        dx, dy = tags[_SCALE][0], -tags[_SCALE][1]
        column, row, _, x, y, _ = tags[_TIE][:6]
        x, y = x - column * dx, y - row * dy
    if not dx or not dy:
        raise ValueError("no size")
    # A point stands for the middle of its pixel.
    return Place(x - dx / 2, dx, y - dy / 2, dy) if is_point else Place(x, dx, y, dy)
