"""Putting a cloud-optimized GeoTIFF together: all headers first, then the pixels, the smallest overview first.

GDAL's own driver for such files goes through every block of a raster, also through those that no file holds: minutes
for one empty tile of 100,000 by 100,000 pixels. Here the blocks that exist are copied as they are stored. The layout is
that of the TIFF 6.0, BigTIFF and OGC GeoTIFF specifications, with the marker by which GDAL knows it as optimized.
"""

from __future__ import annotations

import struct
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio

from datapump.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_SHORT, _LONG, _DOUBLE, _ASCII, _LONG8 = 3, 4, 12, 2, 16
_FORMATS = {_SHORT: "<u2", _LONG: "<u4", _DOUBLE: "<f8", _LONG8: "<u8"}
_HEADER = struct.Struct("<2sHHHQ")
_ENTRY = struct.Struct("<HHQ")
_SAMPLES = {"u": 1, "i": 2, "f": 3}
_DEFLATE = 8
_INLINE = 8
_LAYOUT = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
_AROUND = 4
_GHOST = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(_LAYOUT) + _LAYOUT


@dataclass(frozen=True)
class Level:
    """One resolution: a GeoTIFF of DEFLATE blocks, and where its blocks are stored in it, by row."""

    path: Path
    file: Any
    offsets: NDArray[np.uint64]
    sizes: NDArray[np.uint32]


def assemble(paths: Sequence[Path], out: Path) -> None:
    """Write one file of several resolutions.

    Args:
        paths: GeoTIFFs of one band, tiled and compressed with DEFLATE; the full resolution, then ever smaller ones.
        out: The file to write.

    Raises:
        UnsupportedError: A coordinate system other than EPSG:4326 or EPSG:3857.
    """
    with ExitStack() as stack:
        levels = [_level(path, stack.enter_context(rasterio.open(path))) for path in paths]
        tags = [_tags(level, overview=number > 0) for number, level in enumerate(levels)]
        start = _HEADER.size + len(_GHOST)
        places, position = [], start + sum(_directory_size(own) for own in tags)
        for level in reversed(levels):
            there = level.sizes > 0
            sizes = np.where(there, level.sizes.astype(np.uint64) + np.uint64(2 * _AROUND), np.uint64(0))
            starts = np.cumsum(sizes) - sizes + np.uint64(position + _AROUND)
            places.append(np.where(there, starts, 0).astype("<u8"))
            position += int(sizes.sum())
        for own, place in zip(tags, reversed(places), strict=True):
            own[324] = (_LONG8, place)
        with out.open("wb") as file:
            file.write(_HEADER.pack(b"II", 43, 8, 0, start))
            file.write(_GHOST)
            for number, own in enumerate(tags):
                file.write(_directory(own, file.tell(), last=number == len(tags) - 1))
            for level in reversed(levels):
                _copy_blocks(level, file)


def _level(path: Path, file: Any) -> Level:  # noqa: ANN401 - rasterio has no types
    high, wide = file.block_shapes[0]
    rows, columns = -(-file.height // high), -(-file.width // wide)
    offsets = np.zeros(rows * columns, np.uint64)
    sizes = np.zeros(rows * columns, np.uint32)
    for row in range(rows):
        for column in range(columns):
            offset = file.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=1)
            if offset:
                offsets[row * columns + column] = int(offset)
                sizes[row * columns + column] = int(file.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=1))
    return Level(path, file, offsets, sizes)


Tags = dict[int, tuple[int, Any]]


def _tags(level: Level, *, overview: bool) -> Tags:
    file = level.file
    dtype = np.dtype(file.dtypes[0])
    high, wide = file.block_shapes[0]
    tags: Tags = {
        254: (_LONG, [int(overview)]),
        256: (_LONG, [file.width]),
        257: (_LONG, [file.height]),
        258: (_SHORT, [dtype.itemsize * 8]),
        259: (_SHORT, [_DEFLATE]),
        262: (_SHORT, [1]),
        277: (_SHORT, [1]),
        284: (_SHORT, [1]),
        322: (_LONG, [wide]),
        323: (_LONG, [high]),
        324: (_LONG8, np.zeros(len(level.sizes), "<u8")),
        325: (_LONG, level.sizes),
        339: (_SHORT, [_SAMPLES[dtype.kind]]),
    }
    if not overview:
        transform = file.transform
        tags[33550] = (_DOUBLE, [transform.a, -transform.e, 0])
        tags[33922] = (_DOUBLE, [0, 0, 0, transform.c, transform.f, 0])
        tags[34735] = (_SHORT, _geo_keys(file))
    if file.nodata is not None:
        text = "nan" if np.isnan(file.nodata) else f"{file.nodata:.17g}"
        tags[42113] = (_ASCII, text.encode() + b"\0")
    return tags


def _geo_keys(file: Any) -> list[int]:  # noqa: ANN401 - rasterio has no types
    code = file.crs.to_epsg()
    keys = {4326: (2, 2048), 3857: (1, 3072)}
    if code not in keys:
        raise UnsupportedError(f"a COG in the coordinate system {file.crs} is not made here: EPSG:4326 or EPSG:3857")
    model, key = keys[code]
    return [1, 1, 0, 3, 1024, 0, 1, model, 1025, 0, 1, 1, key, 0, 1, code]


def _bytes(kind: int, values: Any) -> bytes:  # noqa: ANN401 - numbers or text
    return values if kind == _ASCII else np.asarray(values, _FORMATS[kind]).tobytes()


def _count(kind: int, values: Any) -> int:  # noqa: ANN401 - numbers or text
    return len(values) * (1 if kind == _ASCII else np.dtype(_FORMATS[kind]).itemsize)


def _directory_size(tags: Tags) -> int:
    beyond = sum(_even(size) for kind, values in tags.values() if (size := _count(kind, values)) > _INLINE)
    return _fixed(tags) + beyond


def _fixed(tags: Tags) -> int:
    return 8 + len(tags) * (_ENTRY.size + _INLINE) + 8


def _even(size: int) -> int:
    return size + size % 2


def _directory(tags: Tags, position: int, *, last: bool) -> bytes:
    """One image's header, with what does not fit into its entries behind it."""
    entries, beyond = [struct.pack("<Q", len(tags))], bytearray()
    start = position + _fixed(tags)
    for tag, (kind, values) in sorted(tags.items()):
        content = _bytes(kind, values)
        entries.append(_ENTRY.pack(tag, kind, len(values)))
        if len(content) > _INLINE:
            entries.append(struct.pack("<Q", start + len(beyond)))
            beyond += content.ljust(_even(len(content)), b"\0")
        else:
            entries.append(content.ljust(_INLINE, b"\0"))
    entries.append(struct.pack("<Q", 0 if last else start + len(beyond)))
    return b"".join(entries) + bytes(beyond)


def _copy_blocks(level: Level, out: Any) -> None:  # noqa: ANN401 - a file
    with level.path.open("rb") as source:
        for block in np.flatnonzero(level.sizes):
            source.seek(int(level.offsets[block]))
            content = source.read(int(level.sizes[block]))
            out.write(len(content).to_bytes(_AROUND, "little") + content + content[-_AROUND:])
