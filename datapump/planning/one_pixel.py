"""The smallest GeoTIFF, for what a plan only pretends to have made: whoever looks at its header finds a raster."""

from __future__ import annotations

import struct

_SHORT, _LONG, _DOUBLE = 3, 4, 12
_SIZES = {_SHORT: "H", _LONG: "I", _DOUBLE: "d"}
# WGS 84 in degrees: the GeoTIFF keys of model, raster type and coordinate system.
_GEO_KEYS = (1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326)


def one_pixel() -> bytes:
    """A GeoTIFF of one 16-bit pixel at 0 degrees east and north."""
    tags: dict[int, tuple[int, tuple[float, ...]]] = {
        256: (_LONG, (1,)),
        257: (_LONG, (1,)),
        258: (_SHORT, (16,)),
        259: (_SHORT, (1,)),
        262: (_SHORT, (1,)),
        273: (_LONG, (8,)),
        277: (_SHORT, (1,)),
        278: (_LONG, (1,)),
        279: (_LONG, (2,)),
        33550: (_DOUBLE, (0.0001, 0.0001, 0.0)),
        33922: (_DOUBLE, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
        34735: (_SHORT, _GEO_KEYS),
    }
    start = 10
    beyond_at = start + 2 + 12 * len(tags) + 4
    entries, beyond = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        content = struct.pack(f"<{len(values)}{_SIZES[kind]}", *values)
        if len(content) > struct.calcsize("I"):
            entries += struct.pack("<HHII", tag, kind, len(values), beyond_at + len(beyond))
            beyond += content
        else:
            entries += struct.pack("<HHI", tag, kind, len(values)) + content.ljust(4, b"\0")
    header = struct.pack("<2sHIH", b"II", 42, start, 0)
    return header + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0) + beyond
