"""Bad input and full disks: each has its own clear error, nothing is half done, and later the same command works."""

from __future__ import annotations

import http.server
import json
import threading
import zipfile
from dataclasses import replace

import pytest
import shapely

from datapump.errors import StorageError
from datapump.executions import ExecutionStatus
from datapump.jobs.documents import JobStatus
from tests.support.deployment import (
    ANALYSIS,
    AREA,
    FIRES,
    GEOSTORES,
    SQUARE,
    SYNC,
    Deployment,
    copied,
    night,
)
from tests.support.disk import fill_disk, free_disk
from tests.support.faults import OnFullDisk
from tests.support.jobs import begun, sync_job

OTHER = "b" * 32
AREAS_HEADER = "geostore_id\tgeom\ttcl\tglad\n"


@pytest.fixture(scope="module")
def synced(night_folder, tmp_path_factory):
    """What a sync of a good feed leaves."""
    with copied(night_folder, tmp_path_factory.mktemp("synced")) as deployment:
        assert deployment.run(SYNC).status is ExecutionStatus.SUCCEEDED
        return left(deployment)


def left(deployment):
    files = {info.uri: deployment.objects.get(info.uri) for info in deployment.objects.listing(FIRES + "/")}
    outcome = deployment.outcome()
    for config in outcome["configs"]:
        # What a sync found is told, also where it failed; it is not what the sync left.
        config["metadata"].pop("freshness", None)
    return outcome | {"files": files}


class Feed:
    """A web server on this machine with one page."""

    def __init__(self):
        self.status, self.body = 200, b""
        feed = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(feed.status)
                self.send_header("Content-Length", str(len(feed.body)))
                self.end_headers()
                self.wfile.write(feed.body)

            def log_message(self, *_):
                """Keep quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/feed"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def give(self, body, status=200):
        self.body, self.status = body, status


@pytest.fixture(scope="module")
def feed():
    with Feed() as feed:
        yield feed


@pytest.fixture(scope="module")
def following(night_folder, tmp_path_factory, feed):
    """A published deployment whose feed comes from the web server."""
    settings = {"viirs_url": feed.url, "feed_hosts": frozenset({"127.0.0.1"}), "backoff_s": 0.1}
    with copied(night_folder, tmp_path_factory.mktemp("following"), **settings) as deployment:
        yield deployment


def packed(folder, *files):
    path = folder / "packed.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path.read_bytes()


def good(folder):
    return (folder / "feed.csv").read_bytes()


BAD_FEEDS = {
    "an answer of 500": (lambda _: (b"oops", 500), ["answered", "500"]),
    "a web page": (lambda _: (b"<!DOCTYPE html><html>maintenance</html>", 200), ["web page"]),
    "a truncated zip": (lambda folder: (packed(folder, ("f.csv", good(folder) * 9))[:-30], 200), ["feed", "zip"]),
    "a zip bomb": (
        lambda folder: (packed(folder, ("f.csv", bytes(20 * 2**20))), 200),
        ["feed", "200 times its own"],
    ),
    "a zip with ../ names": (
        lambda folder: (packed(folder, ("../../f.csv", good(folder))), 200),
        ["feed", "../../f.csv"],
    ),
    "a zip without a feed": (lambda folder: (packed(folder, ("readme.txt", b"x")), 200), ["expected exactly one .shp"]),
    "a CSV with missing columns": (
        lambda folder: (good(folder).replace(b"acq_date", b"when"), 200),
        ["has no acq_date", "a feed of viirs fires has the columns"],
    ),
    "a feed of the other satellite": (
        lambda folder: (good(folder).replace(b"bright_ti4", b"brightness").replace(b"bright_ti5", b"bright_t31"), 200),
        ["looks like a feed of modis fires"],
    ),
    "an empty file": (lambda _: (b"", 200), ["empty"]),
}


@pytest.mark.parametrize("kind", BAD_FEEDS)
def test_a_bad_feed_is_told_and_changes_nothing(following, feed, kind):
    make, reasons = BAD_FEEDS[kind]
    before = left(following)
    feed.give(*make(following.folder))
    execution = following.run(SYNC)
    assert execution.status is ExecutionStatus.FAILED
    (error,) = execution.errors
    assert error.startswith("viirs: ")
    assert [reason for reason in reasons if reason not in error] == []
    assert following.jobs(execution.id) == []
    assert left(following) == before
    assert not list(following.folder.glob("**/f.csv"))


def test_after_bad_feeds_the_same_command_works(following, feed, synced):
    feed.give(b"<html>", 500)
    assert following.run(SYNC).status is ExecutionStatus.FAILED
    feed.give(good(following.folder))
    assert following.run(SYNC).status is ExecutionStatus.SUCCEEDED
    assert left(following) == synced


@pytest.fixture
def fresh(tmp_path):
    with night(tmp_path, backoff_s=0.1) as deployment:
        yield deployment


def test_a_bad_features_file_is_told_and_publishes_nothing_until_it_is_good(fresh):
    unusable = AREAS_HEADER + f"{AREA}\tnot hexadecimal\tTrue\tTrue\n"
    for content, reason in (("", "empty"), (AREAS_HEADER, "no feature"), (unusable, "geometry is not hexadecimal")):
        fresh.objects.put(GEOSTORES, content.encode())
        execution = fresh.run(ANALYSIS)
        assert execution.status is ExecutionStatus.FAILED
        (job,) = fresh.jobs(execution.id)
        assert reason in job.message
        assert GEOSTORES.rsplit("/", 1)[-1] in job.message
        assert (fresh.server.log(), fresh.sync_configs.list().items) == ([], [])
    fresh.put_areas()
    assert fresh.run(ANALYSIS).status is ExecutionStatus.SUCCEEDED
    assert fresh.rows() == [(AREA, "2026-01-15", 3)]


def test_rows_without_a_usable_geometry_are_counted_and_the_rest_is_published(fresh):
    wkb = shapely.to_wkb(SQUARE, hex=True)
    rows = [f"{AREA}\t{wkb}\tTrue\tTrue", f"{OTHER}\tnonsense\tTrue\tTrue", f"{OTHER}\t{wkb[:40]}\tTrue\tTrue"]
    fresh.objects.put(GEOSTORES, (AREAS_HEADER + "\n".join(rows) + "\n").encode())
    execution = fresh.run(ANALYSIS)
    assert execution.status is ExecutionStatus.SUCCEEDED
    (job,) = fresh.jobs(execution.id)
    (note,) = [note for note in job.notes if "skipped" in note]
    assert "2" in note
    (manifest,) = [info.uri for info in fresh.objects.listing(job.output) if info.uri.endswith("manifest.json")]
    assert json.loads(fresh.objects.get(manifest))["features"]["skipped"] == 2
    assert fresh.rows() == [(AREA, "2026-01-15", 3)]


@pytest.fixture
def idle(tmp_path):
    """A deployment without a Data API: a sync has nothing to do, and a job whose sync config is gone is soon done."""
    deployment = Deployment(tmp_path, backoff_s=0.1)
    yield deployment
    deployment.close()


def test_a_full_disk_refuses_a_command_whole(idle):
    idle.runs = OnFullDisk(idle.runs, "create_execution")
    with pytest.raises(StorageError, match=r"datapump.sqlite could not be written: .*; nothing was changed"):
        idle.submit(SYNC)
    assert idle.runs.list_executions().items == []
    idle.runs.full = False
    assert idle.run(SYNC).status is ExecutionStatus.SUCCEEDED


@pytest.mark.parametrize("method", ["begin", "save_job", "finish"])
def test_a_run_store_on_a_full_disk_is_waited_for(idle, method):
    runs = OnFullDisk(idle.runs, method)
    ports = replace(idle.ports, runs=runs)
    identity = idle.submit(SYNC) if method == "begin" else begun(idle, sync_job())
    idle.carry_until(lambda: runs.refused == 3, ports)
    assert not idle.runs.get_execution(identity).ended
    runs.full = False
    assert idle.carry(identity, ports).status is ExecutionStatus.SUCCEEDED


def test_a_night_that_does_not_fit_on_the_disk_is_told_and_saved_whole_later(night_folder, tmp_path, synced):
    with copied(night_folder, tmp_path, backoff_s=0.1) as deployment:
        before = left(deployment)
        ports = replace(deployment.ports, objects=OnFullDisk(deployment.objects, "put"))
        execution = deployment.run(SYNC, ports)
        assert execution.status is ExecutionStatus.FAILED
        (error,) = execution.errors
        assert "2026-01-16-0000_2026-01-16-0200.tsv could not be written: " in error
        assert left(deployment) == before
        assert deployment.run(SYNC).status is ExecutionStatus.SUCCEEDED
        assert left(deployment) == synced


def test_results_that_do_not_fit_on_the_disk_are_told_and_nothing_is_published(fresh):
    ports = replace(fresh.ports, engine=OnFullDisk(fresh.engine, "start"))
    execution = fresh.run(ANALYSIS, ports)
    assert execution.status is ExecutionStatus.FAILED
    (job,) = fresh.jobs(execution.id)
    assert "failed 4 times, last: " in job.message
    assert any(word in job.message for word in ("no space", "no room", "too large", "could not be written"))
    assert fresh.server.log() == []
    assert fresh.run(ANALYSIS).status is ExecutionStatus.SUCCEEDED
    assert fresh.rows() == [(AREA, "2026-01-15", 3)]


def test_rows_that_the_data_api_has_no_room_for_are_told_and_loaded_when_continued(fresh):
    identity = fresh.submit(ANALYSIS)
    with fresh.server.held():
        fresh.carry_until(lambda: fresh.jobs(identity) and fresh.jobs(identity)[0].message.startswith("loading"))
        fresh.server.at = {"reading": fill_disk, "written": free_disk, "refusing": free_disk}
    fresh.server.settle()
    fresh.server.at = {}
    execution = fresh.carry(identity)
    assert execution.status is ExecutionStatus.FAILED
    (job,) = fresh.jobs(identity)
    assert (job.status, job.step) == (JobStatus.FAILED, "uploading")
    assert "failed to load geostore__viirs__daily_alerts v1" in job.message
    again = {"command": "continue_jobs", "parameters": {"jobs": [job.model_dump(mode="json")]}}
    assert fresh.run(again).status is ExecutionStatus.SUCCEEDED
    assert fresh.rows() == [(AREA, "2026-01-15", 3)]
