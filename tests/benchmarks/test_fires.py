"""`datapump tool fires` against reading the same zipped shapefile row by row, whole process against whole process."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyogrio
import pytest

HERE = Path(__file__).parent
POINTS = 400_000
PAIRS = 3
FASTER = 8
PEAK = 400 * 10**6
TEXT_WIDTHS = {"ACQ_TIME": "4", "SATELLITE": "1", "CONFIDENCE": "7", "VERSION": "6", "DAYNIGHT": "1"}


@pytest.fixture(scope="module")
def feed(tmp_path_factory):
    """A week of invented VIIRS fires as FIRMS publishes them."""
    folder = tmp_path_factory.mktemp("feed")
    pyogrio.write_arrow(
        invented(np.random.default_rng(20220226)),
        folder / "SUOMI_VIIRS_C2_Global_7d.shp",
        geometry_name="geometry",
        geometry_type="Point",
        crs="EPSG:4326",
        driver="ESRI Shapefile",
    )
    path = folder / "SUOMI_VIIRS_C2_Global_7d.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.glob("SUOMI_VIIRS_C2_Global_7d.[!z]*")):
            archive.write(file, file.name)
    return path


def invented(random):
    """An Arrow table of points, with the attributes and types of the feed."""
    latitude = random.uniform(-60, 75, POINTS).round(5)
    longitude = random.uniform(-180, 180, POINTS).round(5)
    minute = random.integers(0, 7 * 1440, POINTS)
    clock = np.array([f"{hour:02d}{minute:02d}" for hour in range(24) for minute in range(60)])
    columns = {
        "LATITUDE": latitude,
        "LONGITUDE": longitude,
        "BRIGHT_TI4": random.uniform(208, 367, POINTS).round(2),
        "SCAN": random.uniform(0.32, 0.8, POINTS).round(2),
        "TRACK": random.uniform(0.36, 0.78, POINTS).round(2),
        "ACQ_DATE": np.datetime64("2022-02-20") + minute // 1440,
        "ACQ_TIME": clock[minute % 1440],
        "SATELLITE": np.full(POINTS, "N"),
        "CONFIDENCE": random.choice(["low", "nominal", "high"], POINTS, p=[0.1, 0.8, 0.1]),
        "VERSION": np.full(POINTS, "2.0NRT"),
        "BRIGHT_TI5": random.uniform(180, 330, POINTS).round(2),
        "FRP": random.exponential(5, POINTS).round(2),
        "DAYNIGHT": random.choice(["D", "N"], POINTS),
    }
    points = np.zeros(POINTS, dtype=[("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")])
    points["order"], points["kind"], points["x"], points["y"] = 1, 1, longitude, latitude
    ends = pa.py_buffer(np.arange(POINTS + 1, dtype=np.int32) * points.itemsize)
    geometry = pa.BinaryArray.from_buffers(pa.binary(), POINTS, [None, ends, pa.py_buffer(points)])
    table = pa.table(columns | {"geometry": geometry})
    return table.cast(
        pa.schema(
            field.with_metadata({"GDAL:OGR:width": TEXT_WIDTHS[field.name]}) if field.name in TEXT_WIDTHS else field
            for field in table.schema
        )
    )


def run(*command):
    """Wall time in seconds and peak memory in bytes of a program."""
    done = subprocess.run([sys.executable, HERE / "measured.py", *command], check=True, stdout=subprocess.PIPE)
    measured = json.loads(done.stdout)
    return measured["seconds"], measured["peak"]


def columns(path):
    """A written file's columns as numpy arrays, by name."""
    table = pacsv.read_csv(
        path,
        parse_options=pacsv.ParseOptions(delimiter="\t"),
        convert_options=pacsv.ConvertOptions(column_types={"acq_time": pa.string()}),
    )
    return {name: table[name].to_numpy() for name in table.column_names}


def test_a_week_of_fires_is_read_far_faster_than_row_by_row(feed, tmp_path):
    ours, theirs = tmp_path / "ours.tsv", tmp_path / "theirs.tsv"
    tool = (Path(sys.executable).with_name("datapump"), "tool", "fires", "--type", "viirs", feed, "--out", ours)
    baseline = (sys.executable, HERE / "baseline_pyshp.py", feed, theirs)
    pairs = [(run(*baseline), run(*tool)) for _ in range(PAIRS)]
    ratio = statistics.median(slow / fast for (slow, _), (fast, _) in pairs)
    peak = max(peak for _, (_, peak) in pairs)
    print(  # noqa: T201 - the figures of the run
        f"\nfires: {POINTS} points; row by row {statistics.median(slow for (slow, _), _ in pairs):.1f} s, "
        f"tool fires {statistics.median(fast for _, (fast, _) in pairs):.2f} s, {ratio:.1f} times faster; "
        f"peak memory {peak / 1e6:.0f} MB"
    )

    written, expected = columns(ours), columns(theirs)
    assert list(written) == list(expected)
    assert len(written["frp"]) == POINTS
    for name, values in written.items():
        assert np.array_equal(values, expected[name]), name
    assert ratio >= FASTER
    assert peak < PEAK
