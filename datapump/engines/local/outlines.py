"""The features of a run as small outlines, to be drawn on a map: simplified until they fit into two megabytes."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

import numpy as np
import shapely

from datapump.outlines import MOST_AREAS, MOST_BYTES, Area, Areas, MultiPolygon, outline_uri

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from datapump.engines.local.features import Features
    from datapump.engines.local.geometries import Geometries
    from datapump.engines.local.grouping import IntArray
    from datapump.objects import Objects

# Beyond that it would take minutes: a map is not worth it.
_MOST_VERTICES = 5_000_000
# A map is about so many points wide.
_WIDTH = 1_500
_FINEST = 1e-5
_COARSER = 4.0
_TRIES = 4

_log = logging.getLogger(__name__)


def write_outlines(features: Features, levels: Iterable[str], objects: Objects, output: str) -> None:
    """Write the outlines of a run's features beside its tables, one file per level.

    What is too much for a map has none: no file is written, and one of before is removed.

    Raises:
        StorageError: The disk or bucket refused it.
    """
    for level in sorted(set(levels)):
        uri = outline_uri(output, level)
        try:
            content = outlines(features, level)
        except shapely.errors.GEOSException as error:
            _log.warning("no outlines of level %s: %s", level, error)
            content = None
        if content is None:
            objects.delete(uri)
        else:
            objects.put(uri, content)


def outlines(features: Features, level: str) -> bytes | None:
    """The areas of a level as GeoJSON, each made of all its features; None if there are too many, or too large ones.

    Args:
        features: The features of a run.
        level: Theirs, or one above.
    """
    ids, above = features.ids.above(level)
    if len(ids) > MOST_AREAS or int(shapely.get_num_coordinates(features.geometries).sum()) > _MOST_VERTICES:
        return None
    codes = above[features.codes]
    properties = ids.table.to_pylist()
    # A power of two: whole degrees, along which large features are cut, lie on the grid.
    tolerance = 2.0 ** math.ceil(math.log2(max(_width(features.geometries) / _WIDTH, _FINEST)))
    for _ in range(_TRIES):
        shapes = _areas(features.geometries, codes, tolerance)
        found = [
            Area(properties=one, geometry=MultiPolygon(coordinates=_coordinates(shape, tolerance)))
            for one, shape in zip(properties, shapes, strict=True)
        ]
        content = Areas(features=found).model_dump_json().encode()
        if len(content) <= MOST_BYTES:
            return content
        tolerance *= _COARSER
    return None


def _width(shapes: Geometries) -> float:
    """How far they reach in degrees, the shorter way round: areas on both sides of the antimeridian are neighbours."""
    bounds = shapely.bounds(shapes)
    west, south, east, north = bounds.T
    far = np.where(west < 0, 360.0, 0.0)
    round_it = (east + far).max() - (west + far).min()
    return float(max(min(east.max() - west.min(), round_it), north.max() - south.min()))


def _areas(shapes: Geometries, codes: IntArray, tolerance: float) -> list[Geometries]:
    """The polygons of each code; of what is too small for the tolerance, a square of that size."""
    # Each piece is thinned first, on a grid that two pieces of a cut border share: to unite them whole is slow.
    thin = shapely.set_precision(shapely.simplify(shapes, tolerance / 2), tolerance / 2)
    order = np.argsort(codes, kind="stable")
    edges = np.flatnonzero(np.diff(codes[order])) + 1
    return [
        _area(shapely.union_all(thin[rows], grid_size=tolerance / 2), shapes[rows], tolerance)
        for rows in np.split(order, edges)
    ]


def _area(united: Any, whole: Geometries, tolerance: float) -> Geometries:  # noqa: ANN401 - shapely has no types
    parts = shapely.get_parts(shapely.get_parts(shapely.simplify(united, tolerance)))
    polygons = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    sizes = shapely.area(polygons)
    if sizes.any():
        kept: Geometries = polygons[sizes >= min(tolerance**2, sizes.max())]
        return kept
    west, south, east, north = shapely.total_bounds(whole)
    half_x, half_y = max(east - west, tolerance) / 2, max(north - south, tolerance) / 2
    x, y = (west + east) / 2, (south + north) / 2
    return np.array([shapely.box(x - half_x, y - half_y, x + half_x, y + half_y)], dtype=object)


def _coordinates(polygons: Geometries, tolerance: float) -> list[list[list[tuple[float, float]]]]:
    decimals = max(0, math.ceil(-math.log10(tolerance)) + 1)
    result = []
    for polygon in shapely.orient_polygons(polygons):
        holes = [hole for hole in polygon.interiors if shapely.area(shapely.polygons(hole)) >= tolerance**2]
        rings = [np.round(shapely.get_coordinates(ring), decimals) for ring in (polygon.exterior, *holes)]
        result.append([[(float(x), float(y)) for x, y in ring] for ring in rings])
    return result
