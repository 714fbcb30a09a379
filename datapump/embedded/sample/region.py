"""The sample region: an invented country with its divisions, parks, user areas and farms.

The country, its borders, its names and everything in it are invented; `XDP` is one of the codes that ISO 3166
leaves to its users. Only the place is real: 17 to 22 degrees east and 4 to 9 degrees north, savanna and forest
where fires are many in the dry season. It lies on both sides of the meridian 20 E, where two 10-degree tiles meet.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from shapely import MultiPolygon, Polygon, to_wkb

from datapump.embedded.sample.divisions import ISO, Divisions, draw_divisions
from datapump.embedded.sample.shapes import blob_ring, rectangle

SEED = 4

Area: TypeAlias = Polygon | MultiPolygon


@dataclass(frozen=True)
class Park:
    """A protected area, with the attributes of the World Database on Protected Areas.

    Attributes:
        polygon: EPSG:4326, longitude first; may have a hole or several parts.
    """

    site_id: int
    name: str
    iucn_cat: str
    iso3: str
    status: str
    polygon: Area


@dataclass(frozen=True)
class UserArea:
    """What somebody drew on a map.

    Attributes:
        geostore_id: MD5 of the area's WKB, 32 lower-case hexadecimal digits.
        label: What it is, for people; no table holds it.
        polygon: EPSG:4326, longitude first; may have several parts.
    """

    geostore_id: str
    label: str
    polygon: Area


@dataclass(frozen=True)
class Farm:
    """A feature of no special type: a number and an outline (EPSG:4326, longitude first)."""

    fid: int
    name: str
    polygon: Polygon


@dataclass(frozen=True)
class Region:
    """Everything on the map."""

    divisions: Divisions
    parks: tuple[Park, ...]
    user_areas: tuple[UserArea, ...]
    farms: tuple[Farm, ...]


def draw_region() -> Region:
    """Draw the region: the same one every time."""
    rng = np.random.default_rng(SEED)
    return Region(draw_divisions(rng), _parks(rng), _user_areas(rng), _farms())


def _parks(rng: np.random.Generator) -> tuple[Park, ...]:
    """Six parks: one within another, one over the border, one with a hole, one of two parts."""

    def blob(longitude: float, latitude: float, radius: float) -> list[tuple[float, float]]:
        return blob_ring((longitude, latitude), radius, rng)

    return (
        Park(900000001, "Galumba National Park", "II", ISO, "Designated", Polygon(blob(20.0, 6.05, 0.42))),
        Park(900000002, "Galumba Gorge, Strict Reserve", "Ia", ISO, "Designated", Polygon(blob(20.05, 6.0, 0.16))),
        Park(900000003, "Asoru Game Reserve", "IV", ISO, "Designated", Polygon(blob(18.0, 8.2, 0.30))),
        Park(
            900000004,
            "Hirewa Lake Sanctuary",
            "III",
            ISO,
            "Designated",
            Polygon(blob(20.45, 7.55, 0.33), [blob(20.45, 7.55, 0.12)[::-1]]),
        ),
        Park(
            900000005,
            "Pelawa Twin Hills",
            "VI",
            ISO,
            "Designated",
            MultiPolygon([Polygon(blob(18.0, 6.35, 0.20)), Polygon(blob(18.55, 6.2, 0.17))]),
        ),
        Park(900000006, "Tavaro Community Forest", "Not Reported", ISO, "Proposed", Polygon(blob(19.4, 5.1, 0.24))),
    )


def _user_areas(rng: np.random.Generator) -> tuple[UserArea, ...]:
    areas: dict[str, Area] = {
        "watershed over the 20 E meridian": Polygon(blob_ring((19.9, 7.35), 0.30, rng)),
        "village land": Polygon(blob_ring((18.45, 6.75), 0.16, rng)),
        "cattle corridor": rectangle((19.0, 8.0), (0.9, 0.08), 20),
        "two study plots": MultiPolygon(
            [rectangle((18.3, 6.5), (0.2, 0.2), 0), rectangle((18.7, 5.7), (0.24, 0.16), 0)]
        ),
        "concession": rectangle((19.6, 6.4), (0.5, 0.35), -15),
    }
    return tuple(UserArea(_geostore_id(area), label, area) for label, area in areas.items())


def _geostore_id(area: Area) -> str:
    wkb = to_wkb(area, byte_order=1, output_dimension=2, include_srid=False)
    return hashlib.md5(wkb, usedforsecurity=False).hexdigest()


def _farms() -> tuple[Farm, ...]:
    return (
        Farm(1, "Dorova Cotton", rectangle((19.63, 8.27), (0.16, 0.12), 10)),
        Farm(2, "Lisendo Estates", rectangle((19.9, 5.6), (0.20, 0.14), 35)),
        Farm(3, "Rumesa Cane", rectangle((18.25, 6.05), (0.22, 0.10), -20)),
        Farm(4, "Tavaro Palm", rectangle((19.7, 4.95), (0.14, 0.14), 0)),
        Farm(5, "Wasiro Ranch", rectangle((21.1, 6.35), (0.18, 0.16), 60)),
    )
