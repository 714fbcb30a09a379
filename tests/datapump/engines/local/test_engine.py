"""The local engine: what it offers, starts, tells and refuses."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from datapump.clock import SystemClock
from datapump.engines import Engine, RunState
from datapump.engines.local.engine import LocalEngine
from datapump.errors import DataError, InvalidInputError, NotFoundError, RemoteBusyError, UnsupportedError
from datapump.objects import Objects
from tests.datapump.engines.local import worlds
from tests.datapump.engines.local.sites import ended


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
