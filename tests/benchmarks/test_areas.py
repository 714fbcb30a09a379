"""Cutting user areas, against testing every cell for every area; and how much memory very many areas take."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import shapely

from datapump.areas.geometry import drawn, repaired
from datapump.land import land_cells
from datapump.slicing import cut_valid

HERE = Path(__file__).parent
AREAS = 1500
MANY = 50_000
SAMPLE = 30
AT_ONCE = 500
CUTTING_FASTER = 100
COMMAND_FASTER = 8
PEAK = 10**9
COMMAND = [sys.executable, "-c", "from datapump.cli import main; main()", "tool", "slice"]


def write_areas(path, count):
    """A find-by-ids answer of areas as users draw them: from a field of 300 m to a district of 30 km, on the land."""
    random = np.random.default_rng(20260204)
    cells = land_cells()
    with path.open("w") as file:
        file.write('{"data": [')
        for number in range(count):
            west, south, _, _ = cells.boxes[random.integers(len(cells.boxes))].bounds
            points = int(10 ** random.uniform(0.7, 2))
            angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
            radii = 10 ** random.uniform(-2.5, -0.5) * random.uniform(0.7, 1, points)
            middle = np.array([west, south]) + random.uniform(0, 1, 2)
            ring = (middle + np.column_stack([radii * np.cos(angles), radii * np.sin(angles)])).round(6).tolist()
            geometry = {"type": "MultiPolygon", "coordinates": [[[*ring, ring[0]]]]}
            feature = {"type": "Feature", "properties": None, "geometry": geometry}
            identity = f"{number:032x}"
            attributes = {"geojson": {"type": "FeatureCollection", "features": [feature]}, "areaHa": 1.0}
            item = {"geostoreId": identity, "geostore": {"data": {"id": identity, "attributes": attributes}}}
            file.write((", " if number else "") + json.dumps(item))
        file.write("]}")
    return path


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    return write_areas(tmp_path_factory.mktemp("areas") / "answer.json", AREAS)


def run(*command):
    """Wall time (s) and peak memory (bytes) of a program."""
    told = subprocess.run(
        [sys.executable, str(HERE / "measured.py"), *map(str, command)], check=True, capture_output=True, text=True
    )
    return json.loads(told.stdout)


def timed(work, repeat=1):
    best, result = np.inf, None
    for _ in range(repeat):
        begin = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - begin)
    return best, result


def by_index(areas, cells):
    pieces = [cut_valid(areas[start : start + AT_ONCE], cells) for start in range(0, len(areas), AT_ONCE)]
    return {
        (start * AT_ONCE + int(at), int(cell)): piece
        for start, part in enumerate(pieces)
        for at, cell, piece in zip(part.feature, part.cell, part.geometry, strict=True)
    }


def by_testing_all(areas, cells):
    boxes = list(cells.boxes)
    return {
        (at, cell): area.intersection(box)
        for at, area in enumerate(areas)
        for cell, box in enumerate(boxes)
        if area.intersects(box)
    }


def test_cutting_is_faster_than_testing_every_cell(answer):
    items = json.loads(answer.read_text())["data"]
    shapes = np.array([drawn(item["geostore"]["data"]["attributes"]) for item in items], dtype=object)
    areas, rejected = repaired(shapes)
    assert rejected == {}
    cells = land_cells()
    cut_valid(areas[:1], cells)
    ours, got = timed(lambda: by_index(areas, cells), repeat=5)
    sample, expected = timed(lambda: by_testing_all(areas[:SAMPLE], cells))
    ratio = sample / SAMPLE * AREAS / ours
    sys.stdout.write(
        f"cutting {AREAS} areas: {ours:.3f} s, every cell for each {sample / SAMPLE * AREAS:.1f} s: {ratio:.0f} x\n"
    )
    expected = {key: piece for key, piece in expected.items() if piece.area > 0}
    assert {key for key in got if key[0] < SAMPLE} == set(expected)
    for key, piece in expected.items():
        assert shapely.symmetric_difference(piece, got[key]).area <= 1e-9 * piece.area
    assert ratio >= CUTTING_FASTER


def test_the_whole_command_is_faster_than_the_plain_one(answer, tmp_path):
    ours = min(run(*COMMAND, answer, "--out", tmp_path / "ours.tsv")["seconds"] for _ in range(3))
    plain = run(sys.executable, HERE / "baseline_slicing.py", answer, tmp_path / "plain.tsv")["seconds"]
    sys.stdout.write(f"whole command: {ours:.2f} s, plain {plain:.1f} s: {plain / ours:.1f} x\n")
    assert areas_in(tmp_path / "ours.tsv") == pytest.approx(areas_in(tmp_path / "plain.tsv"), rel=1e-9)
    assert plain / ours >= COMMAND_FASTER


def areas_in(path):
    csv.field_size_limit(2**31 - 1)
    sums = {}
    with path.open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            size = shapely.from_wkb(row["geom"]).area
            sums[row["geostore_id"]] = sums.get(row["geostore_id"], 0.0) + size
    return sums


@pytest.mark.timeout(900)
def test_very_many_areas_take_bounded_memory(tmp_path):
    source = write_areas(tmp_path / "many.json", MANY)
    told = run(*COMMAND, source, "--out", tmp_path / "many.tsv")
    sys.stdout.write(
        f"{MANY} areas, {source.stat().st_size / 1e6:.0f} MB: {told['seconds']:.0f} s, {told['peak'] / 1e6:.0f} MB\n"
    )
    assert told["peak"] < PEAK
