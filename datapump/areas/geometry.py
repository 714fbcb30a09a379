"""From what users drew to polygons that can be cut: what is refused, and what is repaired.

Coordinates are longitude and latitude in degrees (WGS 84).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely.errors import GEOSException, ShapelyError

from datapump.areas.measure import hectares
from datapump.slicing import polygonal, valid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

JSON = dict[str, Any]
CLOSING_DEGREES = 0.0001
QUADRANT_SEGMENTS = 16
MOST_HECTARES = 1_000_000_000
LARGE_SQUARE_DEGREES = 500.0  # less than this is less than MOST_HECTARES everywhere
FARTHEST_DEGREES = 1000.0
# Below this ratio of area to outline (degrees) a shape is millimetres wide, and its area is rounding.
NARROWEST_DEGREES = 1e-8
MOST_THREADS = 4
SHAPES_A_THREAD = 50
_RING_POINTS = 3
_PLANE = 2


class RejectedError(Exception):
    """An area that cannot be analysed.

    Attributes:
        reason: Why, in words.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def drawn(attributes: JSON) -> shapely.Geometry:
    """The polygons of a geometry as the Areas API answers it, all features together, as they were drawn.

    Args:
        attributes: With `geojson`: a FeatureCollection, a Feature or a geometry; and `areaHa`, where it is known.

    Raises:
        RejectedError: Too large, nothing drawn, something else than polygons, or coordinates that are none.
    """
    size = attributes.get("areaHa")
    if isinstance(size, int | float) and size >= MOST_HECTARES:
        raise RejectedError(_too_large(size))
    features = list(_features(attributes.get("geojson")))
    if not features:
        raise RejectedError("it has no features")
    parts = [part for geometry in features for part in _parts(geometry)]
    try:
        polygons = [shapely.polygons(rings[0], rings[1:] or None) for rings in parts]
        shape = polygons[0] if len(polygons) == 1 else shapely.multipolygons(polygons)
    except (ShapelyError, ValueError, TypeError) as error:
        raise RejectedError(f"its coordinates make no polygon: {first_line(error)}") from None
    return shape


def repaired(shapes: NDArray[np.object_]) -> tuple[NDArray[np.object_], dict[int, str]]:
    """Close what is narrower than 0.0002 degrees, then make valid what is not.

    Returns:
        The polygons, None where there is none; and by position why not.
    """
    rejected: dict[int, str] = {}
    closed = _one_by_one(_closed, shapes, rejected, "it cannot be made valid")
    there = ~shapely.is_missing(closed)
    area = shapely.area(closed)
    thin = there & (area < NARROWEST_DEGREES * shapely.length(closed))
    for at in np.flatnonzero(there & (shapely.is_empty(closed) | thin)):
        rejected[int(at)] = "it has no area: nothing is left of it once it is made valid"
    for at in np.flatnonzero(there & (area > LARGE_SQUARE_DEGREES)):
        size = float(hectares(closed[[at]])[0])
        if size >= MOST_HECTARES:
            rejected[int(at)] = _too_large(size)
    closed[list(rejected)] = None
    return closed, rejected


def _one_by_one(
    change: Callable[[NDArray[np.object_]], NDArray[np.object_]],
    shapes: NDArray[np.object_],
    rejected: dict[int, str],
    words: str,
) -> NDArray[np.object_]:
    """Change all shapes at once; if one of them breaks it, each by itself, so that it costs only itself."""
    try:
        return change(shapes)
    except GEOSException:
        changed = np.full(len(shapes), None, dtype=np.object_)
    for at, shape in enumerate(shapes):
        try:
            changed[at] = change(np.array([shape], dtype=np.object_))[0]
        except GEOSException as error:
            rejected[at] = f"{words}: {first_line(error)}"
    return changed


def first_line(error: Exception) -> str:
    """What an error of the geometry library says, in short."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _closed(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """On every processor: nearly all the time that areas take is taken here, outside Python's lock."""
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
        chunks = np.array_split(shapes, max(1, len(shapes) // SHAPES_A_THREAD))
        return np.concatenate(list(pool.map(_closed_alone, chunks)))


def _closed_alone(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    wide = shapely.buffer(shapes, CLOSING_DEGREES, quad_segs=QUADRANT_SEGMENTS)
    return polygonal(valid(shapely.buffer(wide, -CLOSING_DEGREES, quad_segs=QUADRANT_SEGMENTS)))


def _features(geojson: object) -> Iterator[JSON]:
    """The geometries of a GeoJSON document."""
    kind = geojson.get("type") if isinstance(geojson, dict) else None
    if not isinstance(geojson, dict):
        return
    if kind == "FeatureCollection":
        features = geojson.get("features")
        for feature in features if isinstance(features, list) else []:
            yield from _features(feature)
    elif kind == "Feature":
        geometry = geojson.get("geometry")
        if not isinstance(geometry, dict):
            raise RejectedError("a feature of it has no geometry")
        yield geometry
    else:
        yield geojson


def _parts(geometry: JSON) -> list[list[NDArray[np.float64]]]:
    """The polygons of a geometry, each as its rings."""
    kind = geometry.get("type")
    if kind not in {"Polygon", "MultiPolygon"}:
        raise RejectedError(f"its geometry is a {str(kind)[:40]}, neither a Polygon nor a MultiPolygon")
    coordinates = geometry.get("coordinates")
    polygons: Any = [coordinates] if kind == "Polygon" else coordinates
    if not _filled(polygons) or not all(_filled(one) for one in polygons):
        raise RejectedError("its coordinates are empty")
    return [[_ring(ring) for ring in polygon] for polygon in polygons]


def _filled(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0


def _ring(ring: object) -> NDArray[np.float64]:
    """The points of a ring in the plane, shape (n, 2)."""
    try:
        points = np.asarray(ring, dtype=np.float64)
    except (ValueError, TypeError):
        raise RejectedError("its coordinates are not numbers in pairs") from None
    if points.size == 0:
        raise RejectedError("its coordinates are empty")
    if points.ndim != _PLANE or points.shape[1] < _PLANE:
        raise RejectedError("its coordinates are not numbers in pairs")
    points = points[:, :_PLANE]
    if not np.isfinite(points).all():
        raise RejectedError("a coordinate of it is no finite number")
    if np.abs(points).max() > FARTHEST_DEGREES:
        raise RejectedError("a coordinate of it is off the Earth: they must be degrees of longitude and latitude")
    if len(points) < _RING_POINTS:
        raise RejectedError("a ring of it has fewer than three points")
    return points


def _too_large(size: float) -> str:
    return f"it has {size:.4g} hectares, {MOST_HECTARES:,} or more are not analysed"
