from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import shapely

from datapump.clock import SystemClock
from datapump.engines import AnalysisRequest, Engine, RunState
from datapump.engines.local.engine import LocalEngine
from datapump.engines.local.run_folder import RunFolder
from datapump.errors import DataError, InvalidInputError, NotFoundError, RemoteBusyError, StorageError, UnsupportedError
from datapump.objects import Objects
from tests.datapump.engines.local import worlds
from tests.datapump.engines.local.worlds import World, files

LONG_S = 60
PARENT = """
import sys
from pathlib import Path
from datapump.clock import SystemClock
from datapump.engines import AnalysisRequest
from datapump.engines.local.engine import LocalEngine
from datapump.objects import Objects
folder, objects, layers, request = sys.argv[1:]
engine = LocalEngine(Path(folder), Objects(Path(objects)), Path(layers), 2, SystemClock())
engine.start(AnalysisRequest.model_validate_json(request))
print("started", flush=True)
sys.stdin.read()
"""


class Site:
    """An engine's folders, a world in its objects, and a gate that workers wait at.

    The gate is the layer catalog, made a named pipe: a worker that opens it stands still until somebody writes.
    """

    def __init__(self, folder: Path):
        self.folder = folder / "engine"
        self.objects = folder / "objects"
        self.gate = folder / "layers.toml"
        world = World("gadm", [(worlds.NAMES["gadm"][k], shapely.box(k, 0, k + 2, 1)) for k in range(4)])
        world.fires = [(0.5, k / 10, f"2026-01-{k % 9 + 1:02}", "lnh"[k % 3]) for k in range(60)]
        world.write(self.objects / "s3" / "lake")
        self.held = None

    def engine(self, max_runs=2, *, gated=False) -> LocalEngine:
        if gated and not self.gate.exists():
            os.mkfifo(self.gate)
        return LocalEngine(self.folder, Objects(self.objects), self.gate if gated else None, max_runs, SystemClock())

    def request(self, name="run-1", **changes) -> AnalysisRequest:
        fields = {
            "name": name,
            "analysis": "viirs",
            "feature_type": "gadm",
            "features": ["s3://lake/features.tsv"],
            "fire_sources": ["s3://lake/fires.tsv"],
            "output": f"s3://results/{name}",
        }
        return AnalysisRequest.model_validate(fields | changes)

    def start_gated(self, engine, request) -> None:
        """Start a run and return when its worker stands at the gate."""
        starting = threading.Thread(target=engine.start, args=(request,))
        starting.start()
        self.open_gate()  # start itself reads the catalog too
        starting.join()
        self.held = self.gate.open("w")  # returns when the worker has opened it to read

    def open_gate(self) -> None:
        with self.gate.open("w") as gate:
            gate.write("")

    def release(self) -> None:
        if self.held is not None:
            self.held.close()
            self.held = None

    def run(self, name="run-1") -> RunFolder:
        return RunFolder(self.folder / name)

    def pid(self, name="run-1") -> int:
        return int((self.folder / name / "lock").read_text())

    def result(self, name="run-1") -> dict[str, bytes]:
        return files(self.objects / "s3" / "results" / name)

    def expected(self) -> dict[str, bytes]:
        """What an undisturbed run writes."""
        from datapump.engines.local import zonal  # noqa: PLC0415 - the engine itself does without

        zonal.run(self.request(output="s3://results/undisturbed"), Objects(self.objects), layers=None, progress=_silent)
        return self.result("undisturbed")


def _silent(*_):
    pass


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.release()
    for path in site.folder.glob("*/lock"):
        run = RunFolder(path.parent)
        if run.alive() and path.read_text():
            os.kill(int(path.read_text()), signal.SIGKILL)
            assert run.wait(LONG_S)


def ended(site, engine, name="run-1"):
    assert site.run(name).wait(LONG_S)
    return engine.find(name)


def test_it_is_an_engine(site):
    engine: Engine = site.engine()
    assert engine.analyses == {"viirs", "modis", "burned_areas"}


def test_an_analysis_of_rasters_is_offered_once_its_layers_are_configured(site, tmp_path):
    catalog = tmp_path / "some.toml"
    catalog.write_text('[layers.wur_radd_alerts]\nuri = "{tile_id}.tif"\n')
    engine = LocalEngine(site.folder, Objects(site.objects), catalog, 1, SystemClock())
    assert engine.analyses == {"viirs", "modis", "burned_areas", "integrated_alerts"}


def test_a_run_goes_from_nothing_to_tables(site):
    engine = site.engine()
    assert engine.find("run-1") is None
    engine.start(site.request())
    assert engine.find("run-1").state in {RunState.RUNNING, RunState.SUCCEEDED}
    status = ended(site, engine)
    assert (status.state, status.progress, status.message) == (RunState.SUCCEEDED, 1.0, "done")
    assert status.summary["manifest"] == "s3://results/run-1/manifest.json"
    assert status.summary["fires"]["read"] == 60
    assert Path(status.links["log"]).read_text().endswith("succeeded done\n")
    assert site.result() == site.expected()


def test_a_running_run_tells_its_progress_and_is_not_started_twice(site):
    engine = site.engine(gated=True)
    site.start_gated(engine, site.request())
    pid = site.pid()
    status = engine.find("run-1")
    assert (status.state, status.retryable) == (RunState.RUNNING, False)
    engine.start(site.request())
    assert site.pid() == pid
    site.release()
    assert ended(site, engine).state is RunState.SUCCEEDED


def test_a_run_that_has_succeeded_stays_as_it_is(site):
    engine = site.engine()
    engine.start(site.request())
    before = ended(site, engine)
    stamp = (site.folder / "run-1" / "status.json").stat().st_mtime_ns
    engine.start(site.request(features=["s3://lake/other.tsv"]))
    engine.cancel("run-1")
    assert ended(site, engine) == before
    assert (site.folder / "run-1" / "status.json").stat().st_mtime_ns == stamp


def test_a_killed_worker_is_a_failure_worth_a_retry_and_the_same_name_starts_afresh(site):
    engine = site.engine(gated=True)
    site.start_gated(engine, site.request())
    os.kill(site.pid(), signal.SIGKILL)
    status = ended(site, engine)
    assert (status.state, status.retryable) == (RunState.FAILED, True)
    assert "the worker process ended without a result" in status.message
    site.release()
    site.engine().start(site.request())
    assert ended(site, engine).state is RunState.SUCCEEDED
    assert site.result() == site.expected()


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_and_started_again_it_writes_the_same_tables(site, seed):
    engine = site.engine()
    engine.start(site.request())
    if not site.run().wait(random.Random(seed).uniform(0.1, 0.9)):
        text = (site.folder / "run-1" / "lock").read_text()
        if text:
            os.kill(int(text), signal.SIGKILL)
    if ended(site, engine).state is not RunState.SUCCEEDED:
        assert "manifest.json" not in site.result()
        engine.start(site.request())
    assert ended(site, engine).state is RunState.SUCCEEDED
    assert site.result() == site.expected()


def test_cancel_ends_the_worker_and_nothing_is_written_afterwards(site):
    engine = site.engine(gated=True)
    site.start_gated(engine, site.request())
    engine.cancel("run-1")
    assert not site.run().alive()
    status = engine.find("run-1")
    assert (status.state, status.retryable, status.message) == (RunState.CANCELLED, False, "the run was cancelled")
    assert site.result() == {}
    engine.cancel("run-1")
    site.release()
    site.engine().start(site.request())
    assert ended(site, engine).state is RunState.SUCCEEDED


def test_cancel_kills_a_worker_that_does_not_listen(site, monkeypatch):
    monkeypatch.setattr("datapump.engines.local.engine._GRACE_S", 0.1)
    engine = site.engine(gated=True)
    site.start_gated(engine, site.request())
    os.kill(site.pid(), signal.SIGSTOP)
    engine.cancel("run-1")
    assert engine.find("run-1").state is RunState.CANCELLED


def test_a_worker_that_is_cancelled_before_its_first_word_does_nothing(site):
    run = site.run()
    run.create(_order(site))
    run.cancel()
    worker = subprocess.run([sys.executable, "-m", "datapump.engines.local.worker", str(run.path)], check=False)
    assert worker.returncode == 1
    status = site.engine().find("run-1")
    assert (status.state, status.message) == (RunState.CANCELLED, "the run was cancelled")
    assert site.result() == {}


def test_cancel_of_a_run_that_never_was_does_nothing(site):
    engine = site.engine()
    engine.cancel("run-1")
    assert engine.find("run-1") is None


def test_a_signal_meant_for_a_dead_worker_reaches_no_other_process(site):
    engine = site.engine(gated=True)
    site.start_gated(engine, site.request())
    os.kill(site.pid(), signal.SIGKILL)
    assert site.run().wait(LONG_S)
    (site.folder / "run-1" / "lock").write_text(str(os.getpid()))
    site.run().cancel()
    site.run().end(signal.SIGKILL)  # this test would be dead


def test_a_worker_outlives_the_process_that_started_it(site):
    engine = site.engine(gated=True)
    arguments = [str(path) for path in (site.folder, site.objects, site.gate)]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *arguments, site.request().model_dump_json()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        site.open_gate()
        assert parent.stdout.readline() == "started\n"
        with site.gate.open("w"):
            parent.kill()
            parent.wait()
            assert engine.find("run-1").state is RunState.RUNNING
    assert ended(site, engine).state is RunState.SUCCEEDED
    assert site.result() == site.expected()


def test_a_worker_of_a_dead_server_can_be_cancelled(site):
    engine = site.engine(gated=True)
    arguments = [str(path) for path in (site.folder, site.objects, site.gate)]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *arguments, site.request().model_dump_json()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        site.open_gate()
        assert parent.stdout.readline() == "started\n"
        parent.kill()
        parent.wait()
        with site.gate.open("w"):
            engine.cancel("run-1")
    assert engine.find("run-1").state is RunState.CANCELLED


def test_no_more_workers_than_allowed(site):
    engine = site.engine(max_runs=1, gated=True)
    site.start_gated(engine, site.request())
    with pytest.raises(RemoteBusyError, match="busy with 1 runs"):
        site.engine(max_runs=1).start(site.request("run-2"))
    assert engine.find("run-2") is None
    engine.start(site.request())
    site.release()
    assert ended(site, engine).state is RunState.SUCCEEDED
    site.engine(max_runs=1).start(site.request("run-2"))
    assert ended(site, engine, "run-2").state is RunState.SUCCEEDED


def test_many_starts_at_once_are_one_run(site):
    engines = [site.engine(max_runs=1) for _ in range(8)]
    threads = [threading.Thread(target=engine.start, args=(site.request(),)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended(site, engines[0]).state is RunState.SUCCEEDED
    assert {path.name for path in site.folder.iterdir()} == {".lock", "run-1"}
    assert (site.folder / "run-1" / "log").read_text().count("succeeded done") == 1


def test_no_zombie_is_left(site):
    engine = site.engine()
    engine.start(site.request())
    assert site.run().wait(LONG_S)
    for thread in threading.enumerate():
        if thread.name == "reap run-1":
            thread.join(LONG_S)
    assert not Path(f"/proc/{site.pid()}").exists()


def test_a_run_without_a_word_from_its_worker_is_told_as_dead_by_another_process(site):
    site.engine().start(site.request())
    assert site.run().wait(LONG_S)
    (site.folder / "run-1" / "status.json").write_bytes(b"")
    status = site.engine().find("run-1")
    assert (status.state, status.retryable) == (RunState.FAILED, True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "features.tsv is empty: expected a header line"),
        ("fid\tgid_0\n", "lacks the columns gid_1, gid_2, geom"),
        ("\t".join(worlds.HEADERS["gadm"]) + "\n", "holds no features"),
        ("\t".join(worlds.HEADERS["gadm"]) + "\n1\tA\tA.1\tA.1.1\t0\tt\tt\tzz\n", "none of the 1 rows"),
    ],
)
def test_bad_input_is_a_failure_that_no_retry_would_mend(site, content, message):
    (site.objects / "s3/lake/features.tsv").write_text(content)
    engine = site.engine()
    engine.start(site.request())
    status = ended(site, engine)
    assert (status.state, status.retryable) == (RunState.FAILED, False)
    assert message in status.message
    assert "s3://lake/features.tsv" in status.message
    assert site.result() == {}


def test_rows_that_were_left_out_are_told_in_words(site):
    features = site.objects / "s3/lake/features.tsv"
    width = len(worlds.HEADERS["gadm"])
    features.write_text(
        features.read_text() + "\t".join(["9", "A", "A.1_1", "A.1.1_1", *["t"] * (width - 5), "zz"]) + "\n"
    )
    engine = site.engine()
    engine.start(site.request())
    status = ended(site, engine)
    assert status.state is RunState.SUCCEEDED
    assert status.notes[0].startswith("1 feature rows skipped: 1 ")
    assert "layers are not configured" in status.notes[-1]


def test_runs_that_ended_long_ago_are_forgotten_and_others_are_not(site):
    engine = site.engine()
    for name in ("old", "new"):
        engine.start(site.request(name=name))
        ended(site, engine, name)
    long_ago = time.time() - 40 * 24 * 3600
    os.utime(site.run("old").path, (long_ago, long_ago))
    engine.start(site.request(name="next"))
    assert engine.find("old") is None
    assert engine.find("new").state is RunState.SUCCEEDED
    ended(site, engine, "next")


def test_missing_input_is_told_by_its_name(site):
    engine = site.engine()
    engine.start(site.request(fire_sources=["s3://lake/néant.tsv"]))
    status = ended(site, engine)
    assert (status.state, status.message) == (RunState.FAILED, "no fire file is named s3://lake/néant.tsv")


@contextmanager
def largest_file(size):
    """No process that is started meanwhile can write a file larger than this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_a_failure_worth_a_retry(site):
    engine = site.engine()
    with largest_file(3_000):
        engine.start(site.request())
    status = ended(site, engine)
    assert (status.state, status.retryable) == (RunState.FAILED, True)
    assert "daily_alerts" in status.message
    assert "could not be written" in status.message
    assert "manifest.json" not in site.result()
    engine.start(site.request())
    assert ended(site, engine).state is RunState.SUCCEEDED
    assert site.result() == site.expected()


def test_a_disk_too_full_for_the_run_s_own_folder_is_told_by_start(site):
    with largest_file(10), pytest.raises(StorageError, match=r"run-1 could not be started: .*File too large"):
        site.engine().start(site.request())
    assert site.engine().find("run-1") is None
    site.engine().start(site.request())
    assert ended(site, site.engine()).state is RunState.SUCCEEDED


def test_not_enough_memory_is_a_failure_worth_a_retry(site, monkeypatch):
    from datapump.engines.local import worker  # noqa: PLC0415 - the engine itself does without

    def exhausted(*_, **__):
        raise MemoryError

    monkeypatch.setattr(worker, "run_analysis", exhausted)
    run = site.run()
    run.create(_order(site))
    status = worker._outcome(run)
    assert (status.state, status.retryable) == (RunState.FAILED, True)
    assert status.message.startswith("not enough memory")


def test_an_error_of_our_own_is_told_without_its_words_and_logged_with_them(site, monkeypatch, caplog):
    from datapump.engines.local import worker  # noqa: PLC0415 - the engine itself does without

    def broken(*_, **__):
        raise ZeroDivisionError("token=secret")

    monkeypatch.setattr(worker, "run_analysis", broken)
    run = site.run()
    run.create(_order(site))
    status = worker._outcome(run)
    assert (status.retryable, status.message) == (True, "an error of datapump's own, ZeroDivisionError; see log")
    assert "token=secret" in caplog.text


def _order(site):
    from datapump.engines.local.run_folder import Order  # noqa: PLC0415 - beside its only use

    return Order(request=site.request(), objects_root=site.objects, layers=None)


def test_what_the_engine_cannot_run_is_refused_before_anything_is_made(site, tmp_path):
    with pytest.raises(UnsupportedError, match="tcl needs the layer umd_tree_cover_loss, which is not configured"):
        site.engine().start(site.request(analysis="tcl"))
    with pytest.raises(InvalidInputError, match="needs a fire source"):
        site.engine().start(site.request(fire_sources=[]))
    catalog = tmp_path / "catalog.toml"
    catalog.write_text('[layers.gfw_oil_gas]\nuri = "x.tif"\n')
    engine = LocalEngine(site.folder, Objects(site.objects), catalog, 1, SystemClock())
    with pytest.raises(DataError, match=r"write \{tile_id\}"):
        engine.start(site.request())
    engine = LocalEngine(site.folder, Objects(site.objects), tmp_path / "none.toml", 1, SystemClock())
    with pytest.raises(NotFoundError):
        engine.start(site.request())
    assert engine.find("run-1") is None


@pytest.mark.parametrize("name", [".", "..", ".lock", ".run-1"])
def test_names_that_are_no_folder_of_their_own_are_refused(site, name):
    with pytest.raises(InvalidInputError, match="begins with a dot"):
        site.engine().start(site.request(name))
    with pytest.raises(InvalidInputError, match="begins with a dot"):
        site.engine().find(name)
