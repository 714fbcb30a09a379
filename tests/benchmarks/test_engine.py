"""The embedded engine against a bare spatial join of the same files: whole process against whole process."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

import numpy as np
import pytest
import shapely

POINTS = 500_000
ROWS = 30_000
PAIRS = 3
LIMIT = 1.5

BASELINE = """
import sys
import geopandas, pandas
features, fires = sys.argv[1:]
table = pandas.read_csv(features, sep="\\t", dtype=str)
polygons = geopandas.GeoDataFrame(
    table.drop(columns="geom"), geometry=geopandas.GeoSeries.from_wkb(table["geom"]), crs=4326
)
table = pandas.read_csv(fires, sep="\\t")
points = geopandas.GeoDataFrame(
    table, geometry=geopandas.points_from_xy(table["longitude"], table["latitude"]), crs=4326
)
joined = geopandas.sjoin(points, polygons, predicate="intersects")
print(len(joined))
"""

# A fire on an edge between two rows of a feature is one fire of it; the time of finding that out is not the join's.
DISTINCT = (
    BASELINE
    + """
joined["row"] = joined.index
print(len(joined.drop_duplicates(["row", "fid"])))
"""
)

ENGINE = """
import sys, tempfile
from datapump.engines import AnalysisRequest
from datapump.engines.local import zonal
from datapump.engines.local.files import Files
features, fires = sys.argv[1:]
with tempfile.TemporaryDirectory() as output:
    request = AnalysisRequest(
        name="bench",
        analysis="viirs",
        feature_type="feature",
        features=(features,),
        fire_sources=(fires,),
        output=output,
    )
    summary = zonal.run(request, Files(None), layers=None, progress=lambda *_: None)
print(next(table["alert__count"] for table in summary["tables"] if table["table"] == "daily_alerts"))
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Features cut by cells of one degree, some over others, and fires in the same cells."""
    folder = tmp_path_factory.mktemp("world")
    dice = np.random.default_rng(20261122)
    cells = np.unique(dice.integers((-80, -30), (140, 30), (4000, 2)), axis=0)
    _write_features(folder / "features.tsv", cells, dice)
    _write_fires(folder / "fires.tsv", cells, dice)
    return str(folder / "features.tsv"), str(folder / "fires.tsv")


def _write_features(path, cells, dice):
    """Stars around places in the cells, cut by the cell and its neighbours: as sliced feature files have them."""
    vertices = np.clip(dice.lognormal(4.2, 0.8, ROWS).astype(int), 12, 900)
    home = cells[dice.integers(0, len(cells), ROWS)]
    centre = home + dice.random((ROWS, 2))
    rows, feature = [], 0
    while len(rows) < ROWS:
        angle = np.sort(dice.random(vertices[feature])) * 2 * np.pi
        radius = dice.uniform(0.1, 0.5) * (1 + 0.15 * np.sin(5 * angle) + 0.05 * dice.random(len(angle)))
        star = shapely.Polygon(centre[feature] + np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius[:, None])
        west, south, east, north = np.floor(shapely.bounds(star)).astype(int)
        corners = [(x, y) for x in range(west, east + 1) for y in range(south, north + 1)]
        pieces = shapely.intersection(star, [shapely.box(x, y, x + 1, y + 1) for x, y in corners])
        rows += [(feature, shapely.to_wkb(piece, hex=True)) for piece in pieces if piece.area > 0]
        feature += 1
    text = "".join(f"{feature}\tt\tt\t{geom}\n" for feature, geom in rows[:ROWS])
    path.write_text("fid\ttcl\tglad\tgeom\n" + text)


def _write_fires(path, cells, dice):
    place = np.round(cells[dice.integers(0, len(cells), POINTS)] + dice.random((POINTS, 2)), 5)
    day = dice.integers(10, 17, POINTS)
    confidence = dice.choice(["l", "n", "h"], POINTS)
    lines = [
        f"{y}\t{x}\t2026-11-{date}\t{number % 2400:04}\t{level}\t330.1\t290.5\t{number % 100 / 10}\n"
        for number, ((x, y), date, level) in enumerate(zip(place.tolist(), day, confidence, strict=True))
    ]
    path.write_text(
        "latitude\tlongitude\tacq_date\tacq_time\tconfidence\tbright_ti4\tbright_ti5\tfrp\n" + "".join(lines)
    )


def _timed(program, world):
    start = time.perf_counter()
    result = subprocess.run([sys.executable, "-c", program, *world], capture_output=True, text=True, check=True)
    return time.perf_counter() - start, int(result.stdout.split()[-1])


def test_the_engine_takes_at_most_one_and_a_half_times_a_bare_spatial_join(world):
    times = {"join": [], "engine": []}
    _, expected = _timed(DISTINCT, world)
    for _ in range(PAIRS):
        join_s, _ = _timed(BASELINE, world)
        engine_s, engine_count = _timed(ENGINE, world)
        assert engine_count == expected
        times["join"].append(join_s)
        times["engine"].append(engine_s)
    medians = {name: round(statistics.median(values), 2) for name, values in times.items()}
    ratio = statistics.median(e / j for e, j in zip(times["engine"], times["join"], strict=True))
    figures = {"median_s": medians, "engine_to_join": round(ratio, 2), "count": expected}
    sys.stdout.write("\n" + json.dumps(figures) + "\n")
    assert ratio <= LIMIT
