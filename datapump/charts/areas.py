"""Areas as a map is drawn of them: the outlines that the API answers, flattened, each with its total."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ROUND = 360.0
SHARPEST = 0.05

Place = tuple[float, float]


class Plane(NamedTuple):
    """How places become points of a plane that fits a region, whole across the antimeridian.

    Attributes:
        narrow: How long a degree east is on it, of one north.
        across: Whether the western half lies east of the eastern one.
    """

    narrow: float
    across: bool

    def at(self, place: Sequence[float]) -> list[float]:
        """A place, degrees east and north, on the plane."""
        east = place[0] + ROUND if self.across and place[0] < 0 else place[0]
        return [east * self.narrow, place[1]]


def plane(features: Sequence[dict[str, Any]]) -> Plane:
    """The plane that fits some areas, flattened at their middle latitude."""
    north = [place[1] for feature in features for place in _places(feature)]
    narrow = max(math.cos(math.radians((min(north) + max(north)) / 2)), SHARPEST) if north else 1.0
    return Plane(narrow, across=_far_east(features))


def points(days: Iterable[dict[str, Any]], on: Plane) -> list[dict[str, Any]]:
    """Places of fires on a plane: `x`, `y`, `date`.

    Args:
        days: Features as the API answers them: some places of a day each.
        on: That of the areas.
    """
    return [
        dict(zip("xy", on.at(place), strict=True)) | {"date": day["properties"]["date"]}
        for day in days
        for place in day["geometry"]["coordinates"]
    ]


def shapes(features: Sequence[dict[str, Any]], totals: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Features with `total`, to be drawn on a plane: one that fits the region, whole across the antimeridian.

    Args:
        features: As the API answers them, degrees east and north.
        totals: Rows of groups by some of the features' id columns, and their `total`; an area without one has 0.
    """
    rows = list(totals)
    columns = [name for name in (rows[0] if rows else {}) if name != "total"]
    found = {_key(row, columns): float(row["total"] or 0) for row in rows}
    on = plane(features)
    return [
        {
            "type": "Feature",
            "total": found.get(_key(feature["properties"], columns), 0.0) if columns else 0.0,
            "geometry": _moved(feature["geometry"], on),
        }
        for feature in features
    ]


def _key(row: dict[str, Any], columns: list[str]) -> tuple[str, ...]:
    return tuple(str(row.get(name)) for name in columns)


def _places(feature: dict[str, Any]) -> Iterator[Place]:
    return (place for polygon in feature["geometry"]["coordinates"] for ring in polygon for place in ring)


def _far_east(features: Sequence[dict[str, Any]]) -> bool:
    """Whether the areas lie closer together when the western half is put east of the eastern one."""
    rings = [ring for one in features for polygon in one["geometry"]["coordinates"] for ring in polygon[:1]]
    spans = [(min(place[0] for place in ring), max(place[0] for place in ring)) for ring in rings]
    if not spans or any(west < 0 < east for west, east in spans):
        return False
    moved = [(west + ROUND, east + ROUND) if west < 0 else (west, east) for west, east in spans]
    return _width(moved) < _width(spans)


def _width(spans: list[Place]) -> float:
    return max(east for _, east in spans) - min(west for west, _ in spans)


def _moved(geometry: dict[str, Any], on: Plane) -> dict[str, Any]:
    coordinates = [[[on.at(place) for place in ring] for ring in polygon] for polygon in geometry["coordinates"]]
    return {"type": "MultiPolygon", "coordinates": coordinates}
