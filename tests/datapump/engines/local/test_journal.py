"""Raster runs that are ended midway: they go on where they stood."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys

import pytest

from datapump.engines.local import windows
from tests.datapump.engines.local.rasterworlds import DENSITY, rerun, spread, table
from tests.datapump.engines.local.worlds import files, request


class KilledError(Exception):
    """Stands for a kill."""


def test_a_run_that_was_ended_at_any_window_goes_on_there_and_gives_the_same_bytes(tmp_path, monkeypatch):
    found, catalog = spread(tmp_path)
    count = rerun(found, tmp_path, catalog)["rasters"]["windows"]
    computed = []
    rasterize = windows.rasterize
    monkeypatch.setattr(windows, "rasterize", lambda *one: computed.append(1) or rasterize(*one))
    for kill_at in random.Random(1).sample(range(1, count), min(20, count - 1)):
        journals, out = tmp_path / f"journals-{kill_at}", tmp_path / f"out-{kill_at}"

        def progress(_, message, kill_at=kill_at):
            if message == f"window {kill_at} of {count}":
                raise KilledError

        with pytest.raises(KilledError):
            rerun(found, tmp_path, catalog, journals=journals, progress=progress, output=str(out))
        (journal,) = journals.glob("*.journal")
        if kill_at % 2:
            # The kill came while a window was being written.
            journal.write_bytes(journal.read_bytes()[:-3])
        computed.clear()
        rerun(found, tmp_path, catalog, journals=journals, output=str(out))
        assert len(computed) == count - kill_at + kill_at % 2
        assert files(out) == files(tmp_path / "out")
        assert not list(journals.glob("*.journal"))


def test_what_was_computed_of_other_rasters_is_not_taken_up(tmp_path):
    found, catalog = spread(tmp_path)
    before = rerun(found, tmp_path, catalog)

    def progress(_, message):
        if message.startswith("window 2 "):
            raise KilledError

    with pytest.raises(KilledError):
        rerun(found, tmp_path, catalog, journals=tmp_path / "journals", progress=progress)
    found.layers[DENSITY][:] = 20
    found.write(tmp_path)
    after = rerun(found, tmp_path, catalog, journals=tmp_path / "journals", output=str(tmp_path / "new"))
    assert after["rasters"] == before["rasters"]
    rows = table(tmp_path / "new", "geostore", "summary")
    thresholds = {
        row["umd_tree_cover_density_2000__threshold"] for row in rows if float(row["umd_tree_cover_loss__ha"])
    }
    assert thresholds == {"10", "15"}


RUN = """
import sys
from pathlib import Path
from datapump.engines import AnalysisRequest
from datapump.engines.local import zonal
from datapump.engines.local.files import Files

if __name__ == "__main__":
    folder, processes, asked = Path(sys.argv[1]), int(sys.argv[2]), AnalysisRequest.model_validate_json(sys.argv[3])
    tell = lambda _, message: print(message, flush=True)
    how = {"layers": folder / "layers.toml", "progress": tell, "processes": processes, "journals": folder / "journals"}
    zonal.run(asked, Files(None), **how)
"""


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.soak)])
def test_a_run_that_is_killed_again_and_again_gives_the_same_tables(tmp_path, kills):
    found, catalog = spread(tmp_path)
    rerun(found, tmp_path, catalog)
    (tmp_path / "run.py").write_text(RUN)
    asked = request(tmp_path, "geostore", "tcl", fire_sources=(), output=str(tmp_path / "killed"))
    dice = random.Random(kills)
    for kill in range(kills):
        command = [sys.executable, str(tmp_path / "run.py"), str(tmp_path), str(1 + kill % 2), asked.model_dump_json()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for _ in range(dice.randint(3, 12)):
                process.stdout.readline()
            process.kill()
        if process.wait() == 0:
            # It was through before the kill: the next one begins from nothing.
            shutil.rmtree(tmp_path / "killed")
    rerun(found, tmp_path, catalog, journals=tmp_path / "journals", output=str(tmp_path / "killed"))
    assert files(tmp_path / "killed") == files(tmp_path / "out")
    assert not list((tmp_path / "journals").glob("*.journal"))
