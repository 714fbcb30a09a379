"""Cutting areas by 1x1 degree cells, as the Data API's 1x1 export does.

All functions work on arrays of shapely geometries in longitude and latitude (WGS 84, degrees) at once.
"""

from __future__ import annotations

from functools import lru_cache
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
_FEW_CELLS = 25
_ROUNDING = 1e-9
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
    return cut_valid(polygonal(valid(geometries)), cells)


def cut_valid(areas: NDArray[np.object_], cells: Cells) -> Slices:
    """Cut valid polygons and multipolygons by cells. Those that are None or empty give no slice."""
    index = _index(cells)
    owner, pieces = _coarse(areas, index)
    piece, cell = index.tree.query(pieces)
    geometry, whole, clipped = _within(pieces[piece], cell, cells, index)
    # Clipping by a rectangle is quick, and may leave a ring that touches itself.
    invalid = clipped[~(shapely.is_valid(geometry[clipped]) | shapely.is_missing(geometry[clipped]))]
    for redo in (invalid, _not_all(areas, owner[piece], cell, geometry, index)):
        geometry[redo] = polygonal(shapely.intersection(pieces[piece[redo]], cells.boxes[cell[redo]]))
    kept = np.flatnonzero(shapely.area(geometry) > 0)
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


class _Index(NamedTuple):
    """Cells to be found by place, and the 10x10 degree tiles that hold them, none if a cell lies across two.

    Attributes:
        bounds: West, south, east and north of each cell, shape (n, 4).
        rectangle: Whether a cell fills its bounds.
    """

    tree: shapely.STRtree
    bounds: NDArray[np.float64]
    rectangle: NDArray[np.bool_]
    tiles: NDArray[np.object_]
    tile_tree: shapely.STRtree


@lru_cache(maxsize=4)
def _index(cells: Cells) -> _Index:
    bounds = shapely.bounds(cells.boxes)
    corner = np.floor(bounds[:, :2] / TILE_DEGREES) * TILE_DEGREES
    corners = np.unique(corner, axis=0) if (bounds[:, 2:] <= corner + TILE_DEGREES).all() else np.empty((0, 2))
    tiles = np.asarray(
        shapely.box(corners[:, 0], corners[:, 1], corners[:, 0] + TILE_DEGREES, corners[:, 1] + TILE_DEGREES),
        dtype=np.object_,
    )
    rectangle = shapely.area(cells.boxes) == _extent(bounds)
    return _Index(shapely.STRtree(cells.boxes), bounds, rectangle, tiles, shapely.STRtree(tiles))


def _extent(bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    return (bounds[:, 2] - bounds[:, 0]) * (bounds[:, 3] - bounds[:, 1])


def _coarse(areas: NDArray[np.object_], index: _Index) -> tuple[NDArray[np.intp], NDArray[np.object_]]:
    """Areas of many cells cut by tiles: a country's outline is then walked once a tile, not once a cell.

    Returns:
        For each piece the position of its area, and the piece.
    """
    bounds = shapely.bounds(areas)
    large = np.flatnonzero(_extent(bounds) > _FEW_CELLS)
    if not len(index.tiles) or not len(large):
        return np.arange(len(areas)), areas
    area, tile = index.tile_tree.query(areas[large])
    pieces = polygonal(shapely.intersection(areas[large[area]], index.tiles[tile]))
    small = np.setdiff1d(np.arange(len(areas)), large)
    return np.concatenate([small, large[area]]), np.concatenate([areas[small], pieces])


def _within(
    pieces: NDArray[np.object_], cell: NDArray[np.intp], cells: Cells, index: _Index
) -> tuple[NDArray[np.object_], NDArray[np.bool_], NDArray[np.intp]]:
    """The part of each piece within the cell beside it, whether that is the whole cell, and which were clipped."""
    own, box = shapely.bounds(pieces), index.bounds[cell]
    inside = ((own[:, :2] >= box[:, :2]) & (own[:, 2:] <= box[:, 2:])).all(axis=1) & index.rectangle[cell]
    around = np.flatnonzero(((own[:, :2] <= box[:, :2]) & (own[:, 2:] >= box[:, 2:])).all(axis=1))
    whole = np.zeros(len(pieces), dtype=np.bool_)
    shapely.prepare(pieces[around])
    whole[around] = shapely.covers(pieces[around], cells.boxes[cell[around]])
    parts = np.where(whole, cells.boxes[cell], pieces)
    edge = np.flatnonzero(~(inside | whole))
    clipped, odd = edge[index.rectangle[cell[edge]]], edge[~index.rectangle[cell[edge]]]
    parts[odd] = polygonal(shapely.intersection(pieces[odd], cells.boxes[cell[odd]]))
    order = clipped[np.argsort(cell[clipped], kind="stable")]
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(order)], strict=False):
        at = order[start:end]
        parts[at] = shapely.clip_by_rect(pieces[at], *index.bounds[cell[at[0]]])
    parts[clipped] = polygonal(parts[clipped])
    return parts, whole, clipped


def _not_all(
    areas: NDArray[np.object_],
    owner: NDArray[np.intp],
    cell: NDArray[np.intp],
    geometry: NDArray[np.object_],
    index: _Index,
) -> NDArray[np.intp]:
    """The pieces of areas that lie within the cells and whose pieces do not add up to them."""
    sums = [
        np.bincount(owner, weights=weights, minlength=len(areas))
        for weights in (np.nan_to_num(shapely.area(geometry)), _extent(index.bounds[cell]) * index.rectangle[cell])
    ]
    bounds = shapely.bounds(areas)
    low, high = np.floor(bounds[:, :2]), np.ceil(bounds[:, 2:])
    covered = sums[1] >= (high - low).prod(axis=1)
    size = shapely.area(areas)
    lost = covered & (np.abs(sums[0] - size) > _ROUNDING * size)
    return np.flatnonzero(lost[owner])
