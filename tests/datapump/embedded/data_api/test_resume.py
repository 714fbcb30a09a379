"""A Data API that is killed at any point of a load takes it up again: no row lost, none doubled."""

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from datapump.clock import SystemClock
from datapump.embedded.data_api import parts, tasks, writes
from datapump.embedded.data_api.changes import Asked
from datapump.embedded.data_api.models.assets import AssetCreateIn
from datapump.embedded.data_api.models.requests import DatasetCreateIn, VersionAppendIn, VersionCreateIn
from datapump.embedded.data_api.query import run
from datapump.embedded.data_api.service import Service
from datapump.embedded.data_api.settings import DataApiSettings
from datapump.objects import Objects

ROOT = Path(__file__).parents[4]
SCHEMA = [{"name": "key", "data_type": "integer"}, {"name": "val", "data_type": "text"}]
TABLE = {"source_type": "table", "source_driver": "text", "delimiter": "\t", "table_schema": SCHEMA}
POINTS = [
    "registering", "registered", "reading", "finish", "written", "publish", "loaded", "finished", "refusing",
    "refused", "failed",
]  # fmt: skip
FILES = {
    "a.tsv": "key\tval\n1\ta\n2\tb\n",
    "b.tsv": "key\tval\n3\tc\n",
    "c.tsv": "key\tval\n4\td\n",
    "bad.tsv": "key\tval\nx\ty\n",
    "areas.geojson": json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"fid": 1},
                    "geometry": {"type": "Polygon", "coordinates": [[[-60, -5], [-59, -5], [-59, -4], [-60, -5]]]},
                }
            ],
        }
    ),
}


class Crash(BaseException):
    """The process is killed here."""


class Crasher:
    """Passes points, but crashes at one of them: once for each task that comes there."""

    def __init__(self, point=None):
        self._point = point
        self.crashed = set()
        self.seen = set()

    def __call__(self, point, what):
        self.seen.add(point)
        if point == self._point and what not in self.crashed:
            self.crashed.add(what)
            raise Crash


def settings_in(folder):
    return DataApiSettings(folder=folder / "api", tokens={}, data_lake_bucket="lake-bucket")


def service_in(folder, crasher):
    return Service(settings_in(folder), Objects(folder / "objects"), SystemClock(), crasher)


def write_sources(folder):
    bucket = folder / "objects" / "s3" / "sources"
    bucket.mkdir(parents=True)
    for name, content in FILES.items():
        (bucket / name).write_text(content)


def asked(path):
    return Asked("PUT", path, {}, "admin")


def ask(service):
    """What a day begins with: a table, one that does not fit, features."""
    writes.create_dataset(service, asked("/d"), "ddd", DatasetCreateIn(metadata={}))
    for version, name in (("v1", "a.tsv"), ("v2", "bad.tsv")):
        options = {**TABLE, "source_uri": [f"s3://sources/{name}"]}
        writes.create_version(service, asked(version), "ddd", version, VersionCreateIn(creation_options=options))
    vector = {"source_type": "vector", "source_driver": "GeoJSON", "source_uri": ["s3://sources/areas.geojson"]}
    writes.create_version(service, asked("v4"), "ddd", "v4", VersionCreateIn(creation_options=vector))


def ask_more(service):
    """What it goes on with: two appends and a grid."""
    for name in ("b.tsv", "c.tsv"):
        writes.append(service, asked(name), "ddd", "v1", VersionAppendIn(source_uri=[f"s3://sources/{name}"]))
    grid = AssetCreateIn(asset_type="1x1 grid", creation_options={})
    writes.create_asset(service, asked("grid"), "ddd", "v4", grid)


def carry_out(service):
    while service.loader.register_next() or service.loader.load_next():
        pass


def outcome(service):
    """All that can be seen of the tables, without times and ids."""
    with service.read() as sql:
        versions = [tuple(row) for row in sql.execute("SELECT version, status FROM versions ORDER BY version")]
        assets = [
            tuple(row)
            for row in sql.execute("SELECT version, asset_type, asset_uri, status FROM assets ORDER BY asset_uri")
        ]
        stages = [tuple(row) for row in sql.execute("SELECT kind, version, stage, reason FROM tasks ORDER BY task_id")]
        messages = [
            tuple(row) for row in sql.execute("SELECT version, status, message FROM change_log ORDER BY 1, 2, 3")
        ]
        listed = {row[0] for row in sql.execute("SELECT path FROM parts")}
    folder = service.settings.folder
    files = {str(path.relative_to(folder)) for path in (folder / "tables").rglob("*") if path.is_file()}
    assert files == listed
    assert not (folder / "work").exists() or not list((folder / "work").iterdir())
    rows = {
        version: run(service.settings, service.table("ddd", version), "select * from data order by 1").rows
        for version, status in versions
        if service.table("ddd", version) is not None
    }
    grid = service.objects.get("s3://lake-bucket/ddd/v4/vector/epsg-4326/ddd_v4_1x1.tsv")
    return {"versions": versions, "assets": assets, "stages": stages, "log": messages, "rows": rows, "grid": grid}


def live(folder, crasher, todo):
    """One life of the process: open, do, carry out; ends with what is left to do if it is killed."""
    service = service_in(folder, crasher)
    service.open()
    try:
        while todo:
            todo[0](service)
            todo.pop(0)
        return outcome(service)
    except Crash:
        return None
    finally:
        service.stop()


@contextmanager
def points_between(crasher):
    """Two more points: a part that is written but has no name yet, and a transaction that is under way."""
    finish, note = parts.finish, tasks.note

    def finish_after_point(part):
        crasher("finish", part)
        finish(part)

    def note_then_point(change, task, status, message):
        note(change, task, status, message)
        crasher("publish", task.task_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "finish", finish_after_point)
        patch.setattr(tasks, "note", note_then_point)
        yield


def day(folder, crasher):
    """Live until the day is done, however often killed; returns its outcome and the number of lives."""
    write_sources(folder)
    todo = [ask, carry_out, ask_more, carry_out]
    lives = 1
    while (result := live(folder, crasher, todo)) is None:
        lives += 1
    return result, lives


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    crasher = Crasher()
    with points_between(crasher):
        result, lives = day(tmp_path_factory.mktemp("undisturbed"), crasher)
    assert lives == 1
    return result, crasher.seen


def test_the_undisturbed_day_passes_every_point(undisturbed):
    result, seen = undisturbed
    assert seen == set(POINTS)
    assert result["rows"]["v1"] == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]
    assert dict(result["versions"]) == {"v1": "saved", "v2": "failed", "v4": "saved"}


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point_of_every_task_the_day_ends_the_same(tmp_path, undisturbed, point):
    crasher = Crasher(point)
    with points_between(crasher):
        result, lives = day(tmp_path, crasher)
    assert lives == 1 + len(crasher.crashed) > 1
    assert result == undisturbed[0]


def test_what_a_killed_process_left_is_removed_at_the_next_start(tmp_path):
    folder = tmp_path / "api" / "tables" / "ddd" / "v1"
    folder.mkdir(parents=True)
    (folder / "1-0.parquet").write_bytes(b"half")
    (folder / "2-0.parquet.writing").write_bytes(b"half")
    service = service_in(tmp_path, Crasher())
    service.open()
    service.stop()
    assert not folder.exists()


PROCESS = """
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from tests.datapump.embedded.data_api.test_resume import *

class Told:
    def __call__(self, point, task_id):
        os.write(1, f"{point}\\n".encode())

service = service_in(Path(sys.argv[1]), Told())
service.start()
writes.create_dataset(service, asked("/d"), "ddd", DatasetCreateIn(metadata={}))
options = {**TABLE, "source_uri": ["s3://sources/big.tsv"]}
writes.create_version(service, asked("v1"), "ddd", "v1", VersionCreateIn(creation_options=options))
sys.stdin.read()
"""


def test_killed_in_the_middle_of_a_load_every_row_is_there_once(tmp_path):
    bucket = tmp_path / "objects" / "s3" / "sources"
    bucket.mkdir(parents=True)
    count = 1_000_000
    (bucket / "big.tsv").write_text("key\tval\n" + "".join(f"{key}\t{key % 9}\n" for key in range(count)))
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(tmp_path)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert {process.stdout.readline().strip() for _ in range(3)} == {"registering", "registered", "reading"}
        part = tmp_path / "api" / "tables" / "ddd" / "v1" / "1-0.parquet.writing"
        while not part.exists():
            assert process.poll() is None
        process.kill()
        assert process.stdout.read() == ""
    assert part.exists()
    service = service_in(tmp_path, Crasher())
    service.open()
    with service.read() as sql:
        assert [tuple(row) for row in sql.execute("SELECT status FROM assets")] == [("pending",)]
    carry_out(service)
    sums = run(service.settings, service.table("ddd", "v1"), "select count(*), sum(key), count(distinct key) from data")
    assert sums.rows == [(count, count * (count - 1) // 2, count)]
    service.stop()


def test_stopping_does_not_wait_for_a_long_load(tmp_path):
    bucket = tmp_path / "objects" / "s3" / "sources"
    bucket.mkdir(parents=True)
    (bucket / "big.tsv").write_text("key\tval\n" + "".join(f"{key}\t{key % 9}\n" for key in range(300_000)))
    service = service_in(tmp_path, Crasher())
    service.open()
    writes.create_dataset(service, asked("/d"), "ddd", DatasetCreateIn(metadata={}))
    options = {**TABLE, "source_uri": ["s3://sources/big.tsv"]}
    writes.create_version(service, asked("v1"), "ddd", "v1", VersionCreateIn(creation_options=options))
    service.loader.register_next()
    service.loader.interrupt()
    assert service.loader.load_next() is False
    service.stop()
    again = service_in(tmp_path, Crasher())
    again.open()
    carry_out(again)
    assert run(again.settings, again.table("ddd", "v1"), "select count(*) from data").rows == [(300_000,)]
    again.stop()
