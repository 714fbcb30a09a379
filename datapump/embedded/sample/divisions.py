"""The administrative divisions of the sample region: a country cut into a lattice of wiggly hexagons.

Each border line is drawn once and shared by the two areas beside it, so that the areas tile the country exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise

import numpy as np
from shapely import Polygon, union_all

from datapump.embedded.sample.shapes import Points, wiggly_line

ISO = "XDP"
COUNTRY = "Sarumbe"

# Odd-numbered rows stand half a hexagon aside, as in a honeycomb. A letter is the adm1 area that the hexagon is in.
_LAYOUT = (
    "   B B D    ",
    "  B B D D   ",
    "   B T D D  ",
    "  T T K K D ",
    "   T K K K  ",
    "    T K     ",
)
_ADM1_NAMES = {"B": "Belasha", "D": "Dornevi", "K": "Kivanda", "T": "Teremo"}
_ADM2_NAMES = {
    "B": ("Asoru", "Chimbale", "Fenasi", "Jarunde", "Quirra"),
    "D": ("Dorova", "Elunga", "Hirewa", "Mabaru", "Port Ansel", "Wasiro"),
    "K": ("Benari", "Galumba", "Iboko Falls", "Lisendo", "Osimbe", "Tavaro"),
    "T": ("Kamorel", "Nolita", "Pelawa", "Rumesa", "Sondeli"),
}
_CENTRE = (19.5, 6.6)
_SIDE = (0.46, 0.40)  # of a hexagon, degrees of longitude and latitude
_CORNERS = ((0, 2), (-1, 1), (-1, -1), (0, -2), (1, -1), (1, 1))  # half hexagons east and north; counter-clockwise

_Corner = tuple[int, int]


@dataclass(frozen=True)
class Adm2:
    """A smallest division; its ids are in the form of GADM, as in `XDP.1.2_1`.

    Attributes:
        polygon: EPSG:4326, longitude first, counter-clockwise, no holes.
    """

    gid_1: str
    gid_2: str
    name_1: str
    name_2: str
    polygon: Polygon

    gid_0 = ISO
    name_0 = COUNTRY


@dataclass(frozen=True)
class Divisions:
    """The three levels: the country, its adm1 areas, their adm2 areas, the latter in the order of their ids."""

    adm2: tuple[Adm2, ...]

    @cached_property
    def adm1(self) -> dict[str, Polygon]:
        """The outline of every adm1 area, by its id: the union of its adm2 areas."""
        groups = groupby(self.adm2, key=lambda area: area.gid_1)
        return {gid: union_all([area.polygon for area in members]) for gid, members in groups}

    @cached_property
    def country(self) -> Polygon:
        """The outline of the country: the union of all."""
        return union_all([area.polygon for area in self.adm2])


def draw_divisions(rng: np.random.Generator) -> Divisions:
    """Draw the borders and name what they enclose; the same generator state draws the same."""
    hexagons = [
        (letter, tuple((column + dx, -3 * row + dy) for dx, dy in _CORNERS))
        for row, line in enumerate(_LAYOUT)
        for column, letter in enumerate(line)
        if letter != " "
    ]
    borders = _draw_borders([corners for _, corners in hexagons], rng)
    areas: list[Adm2] = []
    for first, letter in enumerate(_ADM1_NAMES, start=1):
        members = [corners for owner, corners in hexagons if owner == letter]
        for second, (corners, name) in enumerate(zip(members, _ADM2_NAMES[letter], strict=True), start=1):
            gids = f"{ISO}.{first}_1", f"{ISO}.{first}.{second}_1"
            areas.append(Adm2(*gids, _ADM1_NAMES[letter], name, _enclose(corners, borders)))
    return Divisions(tuple(areas))


def _draw_borders(
    hexagons: list[tuple[_Corner, ...]], rng: np.random.Generator
) -> dict[tuple[_Corner, _Corner], Points]:
    """Every side of every hexagon as a wiggly line, from its smaller corner to its greater."""
    corners = sorted({corner for hexagon in hexagons for corner in hexagon})
    lattice = np.array(corners, dtype=np.float64)
    lattice -= (lattice.min(axis=0) + lattice.max(axis=0)) / 2
    unit = np.array([np.sqrt(3) / 2, 0.5]) * _SIDE
    places = lattice * unit + (rng.random(lattice.shape) - 0.5) * 0.5 * np.array(_SIDE) + _CENTRE
    place = dict(zip(corners, places, strict=True))
    sides = sorted({(min(side), max(side)) for hexagon in hexagons for side in _sides(hexagon)})
    return {(start, end): wiggly_line(place[start], place[end], rng) for start, end in sides}


def _enclose(hexagon: tuple[_Corner, ...], borders: dict[tuple[_Corner, _Corner], Points]) -> Polygon:
    ring: list[tuple[float, float]] = []
    for start, end in _sides(hexagon):
        line = borders[start, end] if start < end else borders[end, start][::-1]
        ring += [(float(x), float(y)) for x, y in line[:-1]]
    return Polygon([*ring, ring[0]])


def _sides(hexagon: tuple[_Corner, ...]) -> list[tuple[_Corner, _Corner]]:
    return list(pairwise((*hexagon, hexagon[0])))
