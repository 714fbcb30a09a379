"""What becomes of raster runs: features anywhere, processes, the command line, the engine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import shapely

from datapump.clock import SystemClock
from datapump.engines import RunState
from datapump.engines.local.engine import LocalEngine
from datapump.engines.local.run_folder import RunFolder
from datapump.objects import Objects
from tests.datapump.engines.local.rasterworlds import (
    DENSITY,
    LOSS,
    RasterWorld,
    hectares,
    loss_world,
    rerun,
    run,
    spread,
    table,
)
from tests.datapump.engines.local.worlds import files, request


def test_features_beyond_the_earth_s_edge_are_cut_there_and_counted(tmp_path):
    found = loss_world()
    found.features += [(("c",), shapely.box(179.9, 0.1, 180.2, 0.2)), (("d",), shapely.box(200, 10, 201, 11))]
    summary = run(found, tmp_path)
    assert summary["rasters"]["rows_beyond_grid"] == 2
    assert {row["geostore__id"] for row in table(tmp_path / "out", "geostore", "summary")} == {"a", "b"}


def glad_world(polygon):
    """Alerts around the corner of four tiles, and a feature wherever."""
    found = RasterWorld("glad", "geostore", (359997, 759997), (6, 6))
    found.layers = {"umd_glad_landsat_alerts": np.full((6, 6), 20400, dtype=np.uint16)}
    found.features = [(("a",), polygon)]
    return found


def test_a_feature_outside_every_tile_has_its_area_where_no_layer_is_required(tmp_path):
    summary = run(glad_world(shapely.box(50.001, 20.001, 50.002, 20.002)), tmp_path)
    assert summary["rasters"]["tiles_missing"] == {"umd_glad_landsat_alerts": 1}
    (row,) = table(tmp_path / "out", "geostore", "summary")
    assert float(row["alert_area__ha"]) == pytest.approx(
        sum(4 * hectares(20.001125 + k * 0.00025, 0.00025) for k in range(4))
    )
    assert table(tmp_path / "out", "geostore", "daily_alerts") == []


def test_a_feature_outside_every_tile_of_a_required_layer_has_no_rows_and_that_is_said(tmp_path):
    found = loss_world()
    found.features = [(("a",), shapely.box(50.001, 20.001, 50.002, 20.002))]
    summary = run(found, tmp_path)
    assert summary["rasters"]["windows_skipped"] == {LOSS: 1}
    assert table(tmp_path / "out", "geostore", "summary") == []


def test_a_feature_of_two_parts_that_meet_at_180_degrees_counts_both_sides(tmp_path):
    size = 0.00025
    sides = [shapely.box(180 - 4 * size, 10, 180, 10 + 2 * size), shapely.box(-180, 10, -180 + 3 * size, 10 + 2 * size)]
    summary = run(glad_world(shapely.MultiPolygon(sides)), tmp_path)
    assert summary["rasters"]["rows_beyond_grid"] == 0
    (row,) = table(tmp_path / "out", "geostore", "summary")
    expected = 7 * sum(hectares(10 + (k + 0.5) * size, size) for k in range(2))
    assert float(row["alert_area__ha"]) == pytest.approx(expected, rel=1e-9)


def test_a_feature_of_many_vertices_is_summed(tmp_path):
    found = loss_world()
    angles = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    circle = np.stack([10 + 0.0007 * np.cos(angles), 0.0007 * np.sin(angles)], axis=1)
    found.features = [(("a",), shapely.Polygon(circle))]
    assert run(found, tmp_path)["rasters"]["pixels"] == pytest.approx(np.pi * 2.8**2, abs=4)


def test_identities_hold(tmp_path):
    found = loss_world((40, 40))
    run(found, tmp_path)
    for row in table(tmp_path / "out", "geostore", "summary"):
        loss, extent, area = (
            float(row[f"{name}__ha"]) for name in ("umd_tree_cover_loss", "umd_tree_cover_extent_2000", "area")
        )
        assert loss <= extent <= area


def test_any_number_of_processes_gives_the_same_bytes(tmp_path):
    found, catalog = spread(tmp_path)
    rerun(found, tmp_path, catalog)
    rerun(found, tmp_path, catalog, processes=2, output=str(tmp_path / "two"))
    assert files(tmp_path / "two") == files(tmp_path / "out")


def test_progress_counts_windows(tmp_path):
    found, catalog = spread(tmp_path)
    told = []
    rerun(found, tmp_path, catalog, progress=lambda share, message: told.append((share, message)))
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert told[-1] == (1, "done")
    assert any(message.startswith("window 1 of ") for _, message in told)


def test_the_command_line_runs_an_analysis_of_rasters(tmp_path):
    found = loss_world()
    found.write(tmp_path)
    command = [sys.executable, "-c", "from datapump.cli import main; main()", "tool", "zonal", "--analysis", "tcl"]
    command += ["--feature-type", "geostore"]
    command += ["--features", str(tmp_path / "features.tsv"), "--layers", str(tmp_path / "layers.toml")]
    result = subprocess.run([*command, "--out", str(tmp_path / "o")], capture_output=True, text=True, check=True)
    summary = json.loads(result.stdout)
    assert summary["pixels"] == summary["rasters"]["pixels"] == 36 + 16
    assert (summary["windows"], summary["rows_skipped"], summary["tiles_missing"]) == (4, {}, {})
    assert {"seconds", "peak_memory_mib", "output", "layers_missing"} <= summary.keys()
    assert list((tmp_path / "o").glob("annualupdate_minimal_*/geostore/summary/_SUCCESS"))


def test_a_worker_runs_an_analysis_of_rasters_in_several_processes(tmp_path):
    found, catalog = spread(tmp_path)
    rerun(found, tmp_path, catalog)
    lake = tmp_path / "objects" / "s3" / "lake"
    lake.mkdir(parents=True)
    shutil.copy(tmp_path / "features.tsv", lake)
    engine = LocalEngine(tmp_path / "engine", Objects(tmp_path / "objects"), catalog, 1, SystemClock(), processes=2)
    asked = request(tmp_path, "geostore", "tcl", features=("s3://lake/features.tsv",), fire_sources=())
    engine.start(asked.model_copy(update={"output": "s3://lake/out"}))
    assert RunFolder(tmp_path / "engine" / "run-1").wait(100)
    status = engine.find("run-1")
    assert status.state is RunState.SUCCEEDED, status.message
    assert any("layers are not configured" in note for note in status.notes)
    made = {name: content for name, content in files(lake / "out").items() if name != "manifest.json"}
    assert made == {name: content for name, content in files(tmp_path / "out").items() if name != "manifest.json"}


class Latest:
    """A Data API whose latest version changes while a run goes on."""

    def __init__(self):
        self.names = ["v2", "v3"]

    def latest(self, _dataset):
        return self.names.pop(0)

    def assets(self, dataset, version):
        uri = f"s3://lake/{dataset}/{version}/10/40000/year/{{tile_id}}.tif"
        return [{"asset_type": "Raster tile set", "status": "saved", "asset_uri": uri}]


def test_an_engine_reads_the_tile_set_that_was_the_latest_when_the_run_was_started_and_says_so(tmp_path):
    found = loss_world()
    found.write(tmp_path)
    lake = tmp_path / "objects" / "s3" / "lake"
    shutil.copytree(tmp_path / LOSS, lake / LOSS / "v2" / "10" / "40000" / "year")
    shutil.copytree(tmp_path / DENSITY, lake / "cover" / "v2")
    shutil.copy(tmp_path / "features.tsv", lake)
    (tmp_path / "layers.toml").write_text(
        f'[layers.{LOSS}]\ndataset = "{LOSS}"\npixel_meaning = "year"\n'
        f'[layers.{DENSITY}]\nuri = "s3://lake/cover/v2/{{tile_id}}.tif"\n'
    )
    catalog = tmp_path / "layers.toml"
    engine = LocalEngine(
        tmp_path / "engine", Objects(tmp_path / "objects"), catalog, 1, SystemClock(), versions=Latest()
    )
    asked = request(tmp_path, "geostore", "tcl", features=("s3://lake/features.tsv",), fire_sources=())
    engine.start(asked.model_copy(update={"output": "s3://lake/out"}))
    assert RunFolder(tmp_path / "engine" / "run-1").wait(100)
    status = engine.find("run-1")
    assert status.state is RunState.SUCCEEDED, status.message
    assert json.loads((lake / "out" / "manifest.json").read_text())["layers"] == {
        LOSS: f"s3://lake/{LOSS}/v2/10/40000/year/{{tile_id}}.tif",
        DENSITY: "s3://lake/cover/v2/{tile_id}.tif",
    }
