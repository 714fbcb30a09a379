"""Polygons from hexadecimal WKB."""

from __future__ import annotations

import binascii
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

if TYPE_CHECKING:
    from datapump.engines.local.grouping import BoolArray

Geometries = NDArray[np.object_]

WGS84 = 4326
EMPTY = "geometry is empty"
UNREADABLE = "geometry is not hexadecimal WKB"
FOREIGN = "geometry is not in WGS 84 (EPSG:4326)"
NOT_POLYGON = "geometry is not a polygon"
WRAPPED = "an edge of the geometry spans more than 180 degrees: cut it in two at 180 degrees east"
BEYOND_REPAIR = "geometry is invalid and nothing is left of it when repaired"

_POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
_THREADS = 2
_HALF, _WHOLE = 180, 360 - 1e-9


@dataclass(frozen=True)
class Shapes:
    """The geometries of a batch.

    Attributes:
        values: Valid polygons and multipolygons; anything at all where a problem is told. Shape (n,).
        problems: Why rows cannot be used, and which, shape (n,) each.
        repaired: Which were invalid and have been repaired, shape (n,).
    """

    values: Geometries
    problems: tuple[tuple[str, BoolArray], ...]
    repaired: BoolArray


def read(values: Any) -> Shapes:  # noqa: ANN401 - pyarrow has no types
    """Read and repair polygons.

    Args:
        values: WKB or EWKB in hexadecimal digits of either case, a binary arrow array of shape (n,).
    """
    raw = values.to_pylist()
    shapes: Geometries = np.asarray(shapely.from_wkb(_binary(raw), on_invalid="ignore"), dtype=object)
    unreadable = _flags(shapely.is_missing(shapes))
    empty = _flags(shapely.is_empty(shapes))
    if unreadable.any():
        blank = np.array([not value.strip() for value in raw], dtype=bool)
        unreadable, empty = unreadable & ~blank, empty | blank
    srid = shapely.get_srid(shapes)
    foreign = _flags((srid != 0) & (srid != WGS84)) & ~(unreadable | empty)
    shapes = _polygonal(shapes)
    other = _flags(shapely.is_missing(shapes)) & ~(unreadable | empty)
    wrapped = _wrapped(shapes)
    usable = ~(unreadable | empty | foreign | other | wrapped)
    invalid = usable & ~_valid(shapes)
    shapes[invalid] = _repaired(shapes[invalid])
    lost = invalid & _flags(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    problems = (
        (EMPTY, empty),
        (UNREADABLE, unreadable),
        (FOREIGN, foreign),
        (NOT_POLYGON, other),
        (WRAPPED, wrapped),
        (BEYOND_REPAIR, lost),
    )
    return Shapes(shapes, problems, invalid & ~lost)


def _flags(values: Any) -> BoolArray:  # noqa: ANN401 - shapely has no types
    return np.asarray(values, dtype=bool)


def _binary(raw: list[bytes]) -> list[bytes | None]:
    """The digits' bytes. shapely reads digits too, thirty times slower."""
    try:
        return [binascii.unhexlify(value) for value in raw]
    except binascii.Error:
        return [_binary_or_none(value) for value in raw]


def _binary_or_none(value: bytes) -> bytes | None:
    try:
        return binascii.unhexlify(value.strip())
    except binascii.Error:
        return None


def _polygonal(shapes: Geometries) -> Geometries:
    """Collections reduced to their polygons, and None in place of all that is not polygonal."""
    kinds = shapely.get_type_id(shapes)
    if np.isin(kinds, _POLYGONAL).all():
        return shapes
    result = shapes.copy()
    result[~np.isin(kinds, _POLYGONAL)] = None
    for index in np.flatnonzero(kinds == shapely.GeometryType.GEOMETRYCOLLECTION):
        result[index] = _polygons_of(shapes[index])
    return result


def _polygons_of(collection: Any) -> Any:  # noqa: ANN401 - shapely has no types
    parts = shapely.get_parts(shapely.get_parts(collection))
    polygons = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    return shapely.multipolygons(polygons) if len(polygons) else None


def _wrapped(shapes: Geometries) -> BoolArray:
    """Which have an edge that goes around the earth the long way; one along a whole parallel, as at a pole, may.

    Such a ring was meant to cross the antimeridian, and taken as it is would be all that it is not.
    """
    bounds = shapely.bounds(shapes)
    found = np.zeros(len(shapes), dtype=bool)
    for index in np.flatnonzero(bounds[:, 2] - bounds[:, 0] > _HALF):
        for ring in shapely.get_rings(shapes[index]):
            reach = np.abs(np.diff(shapely.get_coordinates(ring)[:, 0]))
            found[index] |= bool(((reach > _HALF) & (reach < _WHOLE)).any())
    return found


def _valid(shapes: Geometries) -> BoolArray:
    pieces = np.array_split(shapes, _THREADS)
    with ThreadPoolExecutor(_THREADS) as pool:
        return np.concatenate([_flags(valid) for valid in pool.map(shapely.is_valid, pieces)])


def _repaired(shapes: Geometries) -> Geometries:
    result = np.empty(len(shapes), dtype=object)
    for index, shape in enumerate(shapes):
        try:
            fixed = shapely.make_valid(shape, method="structure", keep_collapsed=False)
        except shapely.errors.GEOSException:
            continue
        result[index] = _polygonal(np.array([fixed], dtype=object))[0]
    return result
