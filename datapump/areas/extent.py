"""The extent that user areas are cut by: cells of 1x1 degree, from a GeoJSON file or the land that is listed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely.errors import ShapelyError

from datapump.errors import DataError
from datapump.land import TILE_DEGREES, Cells

if TYPE_CHECKING:
    from pathlib import Path

_TRUE = frozenset({"t", "true", "1", "yes"})


def read_extent(path: Path, name: str) -> Cells:
    """The cells of a FeatureCollection of polygons with the properties `tcl` and `glad`.

    Args:
        path: The file.
        name: What messages call it.

    Raises:
        DataError: Not such a file; the message says what is wrong and where.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}") from error
    try:
        document = json.loads(content)
        features = document["features"]
        shapes = np.array([shapely.geometry.shape(feature["geometry"]) for feature in features], dtype=np.object_)
        flags = [feature["properties"] for feature in features]
        tcl, glad = (np.array([_flag(flag, key) for flag in flags], dtype=np.bool_) for key in ("tcl", "glad"))
    except (ValueError, KeyError, TypeError, AttributeError, ShapelyError) as error:
        raise DataError(
            f"{name} is no extent: expected a GeoJSON FeatureCollection of polygons with tcl and glad ({error!r})"
        ) from error
    if not len(shapes):
        raise DataError(f"{name} is no extent: it has no features")
    bad = np.flatnonzero(~np.isin(shapely.get_type_id(shapes), (3, 6)) | ~shapely.is_valid(shapes))
    if len(bad):
        raise DataError(f"{name} is no extent: feature {bad[0] + 1} is no valid polygon")
    return Cells(boxes=shapes, tile_id=_tile_ids(shapes), tcl=tcl, glad=glad)


def _flag(properties: dict[str, Any], key: str) -> bool:
    return str(properties[key]).lower() in _TRUE


def _tile_ids(shapes: np.ndarray[Any, np.dtype[np.object_]]) -> np.ndarray[Any, np.dtype[np.str_]]:
    """The names of the 10x10 degree tiles that hold the cells' lower left corners."""
    corner = np.floor(shapely.bounds(shapes)[:, :2] / TILE_DEGREES) * TILE_DEGREES
    return np.array(
        [
            f"{abs(south + TILE_DEGREES):02.0f}{'N' if south + TILE_DEGREES >= 0 else 'S'}_"
            f"{abs(west):03.0f}{'E' if west >= 0 else 'W'}"
            for west, south in corner
        ]
    )
