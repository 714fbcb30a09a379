"""Where a TIFF stores its blocks, read from its header at once: GDAL tells it block by block, 62,500 times a tile.

TIFF 6.0 and BigTIFF.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from datapump.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

_ORDERS = {b"II": "<", b"MM": ">"}
_TIFF, _BIG_TIFF = 42, 43
_STRIP_OFFSETS, _TILE_OFFSETS = 273, 324
_TYPES = {3: "u2", 4: "u4", 13: "u4", 16: "u8"}


def block_offsets(path: Path) -> NDArray[np.uint64]:
    """The place in the file of every block of its first image, row by row; 0 for one that is left out.

    Where bands are stored apart, the blocks of the second follow all of the first.

    Raises:
        DataError: The file is no TIFF, or cut off.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except (KeyError, ValueError, struct.error) as error:
        raise DataError(f"{path.name} is not a GeoTIFF that can be read: its header is broken") from error


def _read(file: BinaryIO) -> NDArray[np.uint64]:
    head = file.read(16)
    order = _ORDERS[head[:2]]
    (version,) = struct.unpack_from(f"{order}H", head, 2)
    if version not in {_TIFF, _BIG_TIFF}:
        raise ValueError("no TIFF")
    big = version == _BIG_TIFF
    number = struct.Struct(f"{order}{'Q' if big else 'H'}")
    place = struct.Struct(f"{order}{'Q' if big else 'I'}")
    # An entry: its tag, type, count, and value or where that is.
    entry = struct.Struct(f"{order}{'HHQ8s' if big else 'HHI4s'}")
    file.seek(place.unpack_from(head, 8 if big else 4)[0])
    (count,) = number.unpack(file.read(number.size))
    for tag, kind, length, found in entry.iter_unpack(file.read(entry.size * count)):
        if tag in {_STRIP_OFFSETS, _TILE_OFFSETS}:
            dtype = np.dtype(f"{order}{_TYPES[kind]}")
            values = found
            if dtype.itemsize * length > len(found):
                file.seek(place.unpack(found)[0])
                values = file.read(dtype.itemsize * length)
            return np.frombuffer(values, dtype, length).astype(np.uint64)
    raise ValueError("no blocks")
