"""`make run`'s program as a process: it succeeds from nothing, finds its data again, and counts every fire once."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections import Counter

import pytest
import shapefile
import shapely

from datapump.objects import Objects
from tests.support.data_api_server import DataApiServer
from tests.support.server import ROOT, free_port

PROGRAM = "from datapump.cli import main; main()"
VERSION = "v20260101"
# A result table, the columns that name its features, and the sample's file of them.
LEVELS = [
    ("gadm__{}__adm2_daily_alerts", ("iso", "adm1", "adm2"), "gadm.geojson"),
    ("wdpa_protected_areas__{}__daily_alerts", ("wdpa_protected_area__id",), "wdpa.geojson"),
    ("sample_farms__{}__daily_alerts", ("feature__id",), "farms.geojson"),
    ("geostore__{}__daily_alerts", ("geostore__id",), "geostore.tsv"),
]


def demo(data, *arguments):
    """The program and its environment: nothing but a data folder and a free port is chosen."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DATAPUMP_")}
    return {
        "args": [sys.executable, "-c", PROGRAM, "demo", "--port", str(free_port()), *arguments],
        "cwd": ROOT,
        "env": environment | {"DATAPUMP_DATA_DIR": str(data)},
        "text": True,
    }


def run(data, *arguments):
    done = subprocess.run(**demo(data, "--once", *arguments), capture_output=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def executions(text):
    """What each command came to, and the ids of its executions."""
    found = re.findall(r"^(\w+) \{.*\}\n([0-9a-f]{32}) (\w+): (\d+) jobs?$", text, re.MULTILINE)
    names = ["rasters" if number == 1 else command for number, (command, *_) in enumerate(found)]
    return {name: (found[at][1], found[at][2], int(found[at][3])) for at, name in enumerate(names)}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The data folder of a first run, and what the run said."""
    data = tmp_path_factory.mktemp("run") / "data"
    return data, run(data)


def test_it_succeeds_from_nothing_and_shows_its_tables(first):
    _, text = first
    assert {command: outcome[1:] for command, outcome in executions(text).items()} == {
        "analysis": ("succeeded", 4),
        "rasters": ("succeeded", 2),
        "sync": ("succeeded", 4),
        "set_latest": ("succeeded", 4),
    }
    rows = re.findall(r"^  (\w+__viirs__\w+) +v20260101 +([\d,]+) +yes", text, re.MULTILINE)
    assert len(rows) == 16
    assert min(int(count.replace(",", "")) for _, count in rows) > 0
    assert "Fires per day and area" in text
    assert "19 layers are not configured, so their columns are null" in text
    rows = re.findall(r"^  (gadm__(?:tcl|integrated_alerts)__\w+) +v20260101 +([\d,]+)", text, re.MULTILINE)
    assert len(rows) == 12
    years = re.findall(r"^  (20\d\d) +([\d,]+) ", text, re.MULTILINE)
    assert [int(year) for year, _ in years] == list(range(2001, 2026))
    assert min(int(area.replace(",", "")) for _, area in years) > 100
    assert "Integrated alerts by tree cover" in text
    assert "Fires by tree cover in 2000" in text


def test_its_tables_hold_every_fire_of_the_sample_once(first):
    data, _ = first
    check_counts(data, "viirs", sample_fires(data / "sample"))


def test_a_second_run_finds_its_data_changes_nothing_and_serves_until_it_is_told_to_end(first):
    data, text = first
    before = tables(data, "viirs")
    said = []
    with subprocess.Popen(**demo(data), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        for line in process.stdout:
            said.append(line)
            if "until Ctrl-C" in line:
                process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    again = executions("".join(said))
    assert again["analysis"] == executions(text)["analysis"]
    assert again["sync"][1:] == ("succeeded", 0)
    assert tables(data, "viirs") == before


@pytest.mark.parametrize("beside", [True, pytest.param(False, marks=pytest.mark.soak)], ids=["beside", "from nothing"])
def test_a_real_feed_is_counted_as_an_independent_count_does(first, tmp_path, real_data, beside):
    """Beside the sample's own fires it is quicker: rasters are analysed already."""
    if beside:
        shutil.copytree(first[0], tmp_path / "data")
    feed = real_data / "MODIS_C6_1_Global_24h.csv"
    text = run(tmp_path / "data", "--fires", str(feed))
    assert {outcome[1] for outcome in executions(text).values()} == {"succeeded"}
    with feed.open(newline="") as file:
        fires = unique_fires(csv.DictReader(file), ("brightness", "bright_t31"))
    assert len(fires) > 19_000
    check_counts(tmp_path / "data", "modis", fires)


def unique_fires(rows, brightness):
    """Points of the rows, (longitude, latitude); rows that say the same are one fire."""
    names = ("latitude", "longitude", "acq_date", "acq_time", "confidence", *brightness, "frp")
    return [(float(row[1]), float(row[0])) for row in {tuple(row[name] for name in names) for row in rows}]


def sample_fires(sample):
    """The sample's fires: the week that was kept, and what the feed has later than it."""
    (kept,) = (sample / "fires").iterdir()
    with kept.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    last = max((row["acq_date"], row["acq_time"]) for row in rows)
    points = [(float(row["longitude"]), float(row["latitude"])) for row in rows]
    (feed,) = (sample / "feed").iterdir()
    with zipfile.ZipFile(feed) as archive:
        parts = {name.rsplit(".", 1)[1]: archive.open(name) for name in archive.namelist()}
        reader = shapefile.Reader(**{name: parts[name] for name in ("shp", "shx", "dbf")})
        later = {
            (*one.shape.points[0], *one.record)
            for one in reader.iterShapeRecords()
            if (f"{one.record['ACQ_DATE']}", one.record["ACQ_TIME"]) > last
        }
    return points + [row[:2] for row in later]


def check_counts(data, fire_type, fires):
    """Every feature's total of fires is that of an independent count."""
    published = tables(data, fire_type)
    points = shapely.points(fires)
    counted = 0
    for table, columns, file in LEVELS:
        totals = Counter()
        for row in published[table.format(fire_type)]:
            totals[tuple(str(row[column]) for column in columns)] += row["alert__count"]
        expected = {name: int(shapely.intersects(area, points).sum()) for name, area in features(data / "sample", file)}
        assert totals == Counter({name: count for name, count in expected.items() if count}), table
        counted += sum(expected.values())
    assert counted > 500


def features(sample, file):
    """Names, as the result tables have them, and areas."""
    path = sample / "features" / file
    if path.suffix == ".tsv":
        with path.open(newline="") as opened:
            pieces = [
                (row["geostore_id"], shapely.from_wkb(row["geom"])) for row in csv.DictReader(opened, delimiter="\t")
            ]
        return [
            ((name,), shapely.union_all([piece for one, piece in pieces if one == name]))
            for name in {name for name, _ in pieces}
        ]
    found = json.loads(path.read_text())["features"]
    return [(named(one["properties"]), shapely.geometry.shape(one["geometry"])) for one in found]


def named(properties):
    if "gid_2" in properties:
        iso, adm1, adm2 = re.fullmatch(r"(\w+)\.(\d+)\.(\d+)_1", properties["gid_2"]).groups()
        return iso, adm1, adm2
    return (str(properties.get("site_id", properties.get("fid"))),)


def tables(data, fire_type):
    """The rows of the result tables, read by another Data API on the same folder."""
    server = DataApiServer(data / "data_api", Objects(data / "objects"))
    with server:
        api = server.client()
        names = [dataset["dataset"] for dataset in api.datasets() if f"__{fire_type}__" in dataset["dataset"]]
        rows = {name: api.query(name, VERSION, "select * from data") for name in names}
        api.close()
    return {name: sorted(found, key=str) for name, found in rows.items()}
