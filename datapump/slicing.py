"""Cutting areas by 1x1 degree cells, as the Data API's 1x1 export does.

All functions work on arrays of shapely geometries in longitude and latitude (WGS 84, degrees) at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from datapump.land import TILE_DEGREES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datapump.land import Cells

TOLERANCE_DEGREES = 0.0001
PRECISION_DEGREES = 1e-9
_POLYGON, _MULTIPOLYGON, _COLLECTION = 3, 6, 7
_MITRE_LIMIT = 1.5  # enough for right angles; sharper corners, cut off, move by less than the tolerance


class Slices(NamedTuple):
    """Pieces of areas, one for each area and cell that share some ground, sorted by area, then cell.

    Attributes:
        feature: Position of the area in the array that was cut.
        cell: Position of the cell.
        geometry: The piece, a Polygon or MultiPolygon.
        whole: Whether the piece is the whole cell.
    """

    feature: NDArray[np.intp]
    cell: NDArray[np.intp]
    geometry: NDArray[np.object_]
    whole: NDArray[np.bool_]


def slice_features(geometries: NDArray[np.object_], cells: Cells) -> Slices:
    """Cut areas by cells and tidy each piece: simplified, closed and snapped by at most 0.0001 degrees.

    Geometries that are None, empty, or have no polygonal part within a cell give no slice.
    """
    slices = cut(geometries, cells)
    edge = np.flatnonzero(~slices.whole)
    geometry = slices.geometry.copy()
    geometry[edge] = polygonal(tidy(geometry[edge]))
    kept = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    return Slices(slices.feature[kept], slices.cell[kept], geometry[kept], slices.whole[kept])


def cut(geometries: NDArray[np.object_], cells: Cells) -> Slices:
    """Cut areas by cells; invalid areas are made valid first. Nothing is simplified."""
    areas = polygonal(valid(geometries))
    owner, pieces = _coarse(areas, cells)
    piece, cell = shapely.STRtree(cells.boxes).query(pieces, predicate="intersects")
    shapely.prepare(pieces)
    whole = shapely.covers(pieces[piece], cells.boxes[cell])
    geometry = cells.boxes[cell]
    edge = np.flatnonzero(~whole)
    geometry[edge] = polygonal(shapely.intersection(pieces[piece[edge]], geometry[edge]))
    kept = np.flatnonzero(~(shapely.is_missing(geometry) | shapely.is_empty(geometry)))
    kept = kept[np.lexsort((cell[kept], owner[piece[kept]]))]
    return Slices(owner[piece[kept]], cell[kept], geometry[kept], whole[kept])


def tidy(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Simplify, make valid, close gaps narrower than 0.0002 degrees, and snap to a grid of 1e-9 degrees.

    Right angles stay where they are (mitred): with round corners, as the Data API makes them, all four slices around
    a corner of cells draw back from it, and what lies exactly there is lost.
    """
    simple = valid(shapely.simplify(geometries, TOLERANCE_DEGREES, preserve_topology=True))
    wide = shapely.buffer(simple, TOLERANCE_DEGREES, join_style="mitre", mitre_limit=_MITRE_LIMIT)
    closed = shapely.buffer(wide, -TOLERANCE_DEGREES, join_style="mitre", mitre_limit=_MITRE_LIMIT)
    return np.asarray(shapely.set_precision(closed, PRECISION_DEGREES), dtype=np.object_)


def valid(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """The same geometries, the invalid ones made valid."""
    result = np.array(geometries, dtype=np.object_)
    broken = np.flatnonzero(~(shapely.is_valid(result) | shapely.is_missing(result)))
    result[broken] = shapely.make_valid(result[broken])
    return result


def polygonal(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Each geometry's polygonal part: itself, the polygons of a collection, or None."""
    result = np.array(geometries, dtype=np.object_)
    kind = shapely.get_type_id(result)
    for at in np.flatnonzero(kind == _COLLECTION):
        result[at] = _polygons_of(result[at])
    result[~np.isin(kind, (_POLYGON, _MULTIPOLYGON, _COLLECTION))] = None
    return result


def _polygons_of(collection: shapely.Geometry) -> shapely.Geometry | None:
    parts = shapely.get_parts(shapely.get_parts(collection))
    parts = parts[shapely.get_type_id(parts) == _POLYGON]
    if len(parts) == 0:
        return None
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)


def _coarse(areas: NDArray[np.object_], cells: Cells) -> tuple[NDArray[np.intp], NDArray[np.object_]]:
    """Areas wider than one 10x10 tile cut by tiles: a country's outline is then walked once a tile, not once a cell.

    Returns:
        For each piece the position of its area, and the piece.
    """
    corners = np.unique(np.floor(shapely.bounds(cells.boxes)[:, :2] / TILE_DEGREES), axis=0) * TILE_DEGREES
    boxes = np.asarray(
        shapely.box(corners[:, 0], corners[:, 1], corners[:, 0] + TILE_DEGREES, corners[:, 1] + TILE_DEGREES),
        dtype=np.object_,
    )
    area, tile = shapely.STRtree(boxes).query(areas, predicate="intersects")
    wide = np.bincount(area, minlength=len(areas))[area] > 1
    pieces = areas[area]
    pieces[wide] = polygonal(shapely.intersection(pieces[wide], boxes[tile[wide]]))
    kept = ~(shapely.is_missing(pieces) | shapely.is_empty(pieces))
    return area[kept], pieces[kept]
