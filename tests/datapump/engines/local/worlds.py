"""Small worlds to count fires in, and a slow count of them that shares nothing with the engine."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import shapely
from hypothesis import assume
from hypothesis import strategies as st

from datapump.engines import AnalysisRequest
from datapump.engines.local import zonal
from datapump.engines.local.files import Files

if TYPE_CHECKING:
    from pathlib import Path

HEADERS = {
    "gadm": ["fid", "gid_0", "gid_1", "gid_2", "tile_id", "tcl", "glad", "geom"],
    "wdpa": ["site_id", "name", "iucn_cat", "iso3", "status", "tcl", "glad", "geom"],
    "geostore": ["geostore_id", "geom", "tcl", "glad"],
    "feature": ["fid", "geom"],
}
LEVELS = {"gadm": "adm2", "wdpa": "wdpa", "geostore": "geostore", "feature": "feature"}
ID_WIDTH = {"iso": 1, "adm1": 2, "adm2": 3, "wdpa": 5, "geostore": 1, "feature": 1}
VIIRS = ["latitude", "longitude", "acq_date", "acq_time", "confidence", "bright_ti4", "bright_ti5", "frp"]
MODIS = ["latitude", "longitude", "acq_date", "acq_time", "confidence", "brightness", "bright_t31", "frp"]


@dataclass
class World:
    """Feature rows as (id as text, polygon), fires as (latitude, longitude, date, confidence)."""

    feature_type: str
    features: list = field(default_factory=list)
    fires: list = field(default_factory=list)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        rows = [feature_row(self.feature_type, name, polygon) for name, polygon in self.features]
        write_tsv(folder / "features.tsv", HEADERS[self.feature_type], rows)
        fires = [[*fire[:3], "0105", fire[3], "330.5", "290.1", "4.2"] for fire in self.fires]
        write_tsv(folder / "fires.tsv", VIIRS, fires)

    def daily(self) -> Counter:
        """Fires by (id, date, confidence), each once per id; a pair at a time."""
        found = Counter()
        for latitude, longitude, date, confidence in self.fires:
            point = shapely.Point(float(longitude), float(latitude))
            for name in {name for name, polygon in self.features if polygon.intersects(point)}:
                found[(name, str(date), confidence)] += 1
        return found

    def weekly(self) -> Counter:
        found = Counter()
        for (name, date, confidence), count in self.daily().items():
            year, week, _ = dt.date.fromisoformat(date).isocalendar()
            found[(name, str(year), str(week), confidence)] += count
        return found


def feature_row(feature_type: str, name: tuple[str, ...], polygon) -> list[str]:
    geom = polygon if isinstance(polygon, str) else shapely.to_wkb(polygon, hex=True)
    if feature_type == "gadm":
        iso, adm1, adm2 = name
        return ["7", iso, f"{iso}.{adm1}_1", f"{iso}.{adm1}.{adm2}_1", "10N_010E", "t", "t", geom]
    if feature_type == "wdpa":
        return [*name, "True", "True", geom]
    return [*name, geom, "t", "f"] if feature_type == "geostore" else [*name, geom]


def write_tsv(path: Path, header: list[str], rows) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def request(folder: Path, feature_type: str, analysis: str = "viirs", **changes) -> AnalysisRequest:
    fields = {
        "name": "run-1",
        "analysis": analysis,
        "feature_type": feature_type,
        "features": (str(folder / "features.tsv"),),
        "fire_sources": (str(folder / "fires.tsv"),),
        "output": str(folder / "out"),
    }
    return AnalysisRequest.model_validate(fields | changes)


def run(folder: Path, feature_type: str, analysis: str = "viirs", **changes) -> dict:
    return zonal.run(
        request(folder, feature_type, analysis, **changes), Files(None), layers=None, progress=lambda *_: None
    )


def read_table(folder: Path, level: str, table: str) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a table, all parts together."""
    header, rows = [], []
    for path in sorted((folder / level / table).glob("part-*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            header, *more = csv.reader(file, delimiter="\t")
            rows += more
    return header, rows


def counts(folder: Path, level: str, table: str) -> Counter:
    """The counts of a table by id, time and confidence."""
    header, rows = read_table(folder, level, table)
    ids, keys = ID_WIDTH[level], 2 if table == "daily_alerts" else 3
    assert header[-1] == "alert__count"
    assert header[ids + keys - 1] == "confidence__cat"
    found = Counter()
    for row in rows:
        key = (tuple(row[:ids]), *row[ids : ids + keys])
        assert key not in found, "a row comes twice"
        found[key] = int(row[-1])
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


NAMES = {
    "gadm": [("BRA", "1", "1"), ("BRA", "1", "2"), ("BRA", "12", "1"), ("IDN", "1", "1"), ("IDN", "2", "10")],
    "wdpa": [
        ("12", "Parque, o Grande", "II", "BRA", "Designated"),
        ("12", "Parque\to Grande", "II", "BRA", "Designated"),
        ("3", 'the "old" wood', "", "BRA", ""),
        ("3", "two\nlines", "", "BRA;PER", "Proposed"),
    ],
    "geostore": [("0f" * 16,), ("a1" * 16,), ("null",), ("Ünï-ço∂é",)],
    "feature": [("1",), ("2",), ("10",), ("-7",)],
}


def _polygons():
    # A lattice of half degrees: points of the quarter lattice lie on edges and corners as often as inside.
    corner = st.integers(0, 6).map(lambda value: value / 2)
    box = st.tuples(corner, corner, st.integers(1, 4), st.integers(1, 4)).map(
        lambda box: shapely.box(box[0], box[1], box[0] + box[2] / 2, box[1] + box[3] / 2)
    )
    triangle = (
        st.lists(st.tuples(corner, corner), min_size=3, max_size=3, unique=True)
        .map(shapely.Polygon)
        .filter(lambda polygon: polygon.area > 0)
    )
    return st.one_of(box, triangle, st.tuples(box, triangle).map(lambda both: both[0].difference(both[1])))


def _sliced(polygon):
    """The polygon cut into cells of one degree, as feature files hold it."""
    cells = [shapely.box(x, y, x + 1, y + 1) for x in range(6) for y in range(6)]
    pieces = [shapely.intersection(polygon, cell) for cell in cells]
    return [piece for piece in pieces if piece.area > 0 and piece.geom_type in {"Polygon", "MultiPolygon"}]


@st.composite
def worlds(draw, feature_types=("gadm", "wdpa", "geostore", "feature")):
    feature_type = draw(st.sampled_from(feature_types))
    world = World(feature_type)
    polygons = _polygons().filter(lambda polygon: polygon.area > 0)
    for name, polygon, sliced in draw(
        st.lists(st.tuples(st.sampled_from(NAMES[feature_type]), polygons, st.booleans()), min_size=1, max_size=6)
    ):
        world.features += [(name, piece) for piece in (_sliced(polygon) if sliced else [polygon])]
    # Cut into cells, a polygon may leave no polygon at all.
    assume(world.features)
    quarter = st.integers(-1, 25).map(lambda value: value / 4)
    anywhere = st.floats(-1, 7).map(lambda value: round(value, 5))
    place = st.one_of(quarter, anywhere)
    day = st.dates(dt.date(2025, 12, 26), dt.date(2026, 1, 6)).map(str)
    fire = st.tuples(place, place, day, st.sampled_from(["l", "n", "h", ""]))
    world.fires = draw(st.lists(fire, max_size=25))
    world.fires += draw(st.lists(st.sampled_from(world.fires), max_size=3)) if world.fires else []
    return world
