"""What becomes of raster runs: files that are not what they should be, kills, processes, areas."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from datapump.clock import SystemClock
from datapump.engines import RunState
from datapump.engines.local import windows
from datapump.engines.local.doubles import double_text, double_texts, rounded
from datapump.engines.local.engine import LocalEngine
from datapump.engines.local.grids import GRIDS, pixel_area
from datapump.engines.local.run_folder import RunFolder
from datapump.engines.local.spans import rasterize
from datapump.errors import DataError
from datapump.objects import Objects
from tests.datapump.engines.local import worlds
from tests.datapump.engines.local.rasterworlds import (
    RasterWorld,
    hectares,
    inside,
    rerun,
    run,
    table,
    tile_id,
    write_tile,
)
from tests.datapump.engines.local.worlds import files, request

LOSS, DENSITY = "umd_tree_cover_loss", "umd_tree_cover_density_2000"


def world(shape=(6, 6), origin=(359997, 759997)):
    """Two features around the corner of four tiles: loss in every other pixel, 80 percent cover everywhere."""
    found = RasterWorld("tcl", "geostore", origin, shape)
    found.layers = {
        LOSS: (np.arange(shape[0] * shape[1]).reshape(shape) % 2 * 5).astype(np.uint8),
        DENSITY: np.full(shape, 80, dtype=np.uint8),
    }
    found.features = [(("a",), found.box()), (("b",), found.box().buffer(-0.0003))]
    return found


@pytest.mark.parametrize(
    ("latitude", "square_metres"),
    [
        (0, 769.3170049535535),
        (45, 547.6481292317709),
        (90, 0.0017010416666666667),
        (-45, 547.65048671875),
        (-90, 0.0017010416666666667),
    ],
)
def test_the_area_of_a_pixel_is_the_specified_one_to_the_last_bit(latitude, square_metres):
    assert pixel_area(np.array([float(latitude)]), 0.00025)[0] == square_metres


def test_the_area_of_a_published_pixel_is_met_to_the_last_bit():
    assert pixel_area(np.array([-16.000125]), 0.00025)[0] / 10_000 == 0.07402677953993056


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ((14, 1), "10N_010E"),
        ((14, 11), "20N_010E"),
        ((4, 1), "10N_000E"),
        ((-14, -1), "00N_020W"),
        ((-14, -11), "10S_020W"),
    ],
)
def test_a_tile_is_named_by_its_north_west_corner(place, name):
    grid = GRIDS["10/40000"]
    row, column = grid.y(np.array([place[1]]))[0], grid.x(np.array([place[0]]))[0]
    assert grid.tile_id(int(row), int(column)) == name


@pytest.mark.parametrize("seed", range(60))
def test_the_pixels_of_polygons_are_those_whose_centre_lies_inside(seed):
    dice = random.Random(seed)
    grid = GRIDS[dice.choice(list(GRIDS))]
    size, shape = grid.size, (dice.randint(1, 14), dice.randint(1, 14))
    row, column = dice.randint(0, grid.rows - 20), dice.randint(0, grid.columns - 20)
    # Corners on pixel edges, on centres, and anywhere: ties and horizontal edges among them.
    steps = [k / 2 for k in range(-4, 36)] if seed % 2 else [dice.uniform(-2, 18) for _ in range(40)]
    polygons = []
    for _ in range(4):
        points = [(dice.choice(steps), dice.choice(steps)) for _ in range(dice.randint(3, 8))]
        corners = [((column + x) * size - 180, 90 - (row + y) * size) for x, y in points]
        fixed = shapely.make_valid(shapely.Polygon(corners), method="structure", keep_collapsed=False)
        if fixed.area > 0:
            polygons.append(fixed)
    window = windows.Window(row, column, *shape)
    spans = rasterize(np.array(polygons, dtype=object), np.arange(len(polygons)), grid, window)
    found = np.zeros((len(polygons), *shape), dtype=int)
    for number, down, start, stop in zip(spans.polygon, spans.row, spans.start, spans.stop, strict=True):
        found[number, down, start:stop] += 1
    assert found.max(initial=0) <= 1
    exact = 0 if seed % 2 else None
    for number, polygon in enumerate(polygons):
        for down in range(shape[0]):
            for across in range(shape[1]):
                x, y = (column + across + 0.5) * size - 180, 90 - (row + down + 0.5) * size
                # Where a centre lies on the boundary, but for rounding, either answer is right.
                if exact is None or polygon.boundary.distance(shapely.Point(x, y)) > size * 1e-6:
                    assert bool(found[number, down, across]) == inside(polygon, x, y)


@pytest.mark.parametrize("analysis", ["tcl", "integrated_alerts"])
def test_the_area_of_a_feature_is_the_sum_of_its_pixels_whole_or_sliced(tmp_path, analysis):
    degrees, pixels = {"tcl": (10, 40000), "integrated_alerts": (10, 100000)}[analysis]
    size = degrees / pixels
    ring = shapely.Point(10.003, -0.002).buffer(0.019).difference(shapely.Point(10.006, 0).buffer(0.004))
    grid = GRIDS[f"{degrees}/{pixels}"]
    pieces = [ring.intersection(shapely.box(x, y, x + 1, y + 1)) for x in (9, 10) for y in (-1, 0)]
    expected = 0.0
    for row in range(int(89.9 / size), int(90.1 / size)):
        y = 90 - (row + 0.5) * size
        if abs(y + 0.002) < 0.03:
            line = shapely.intersection(ring, shapely.LineString([(9, y), (11, y)]))
            for part in shapely.get_parts(line)[shapely.length(shapely.get_parts(line)) > 0]:
                west, _, east, _ = part.bounds
                count = np.floor((east + 180) / size - 0.5) - np.ceil((west + 180) / size - 0.5) + 1
                expected += count * hectares(y, size)
    for shapes in ([ring], pieces):
        total, polygons = 0.0, np.array(shapes, dtype=object)
        for window, rows in grid.windows(shapely.bounds(polygons), 512):
            spans = rasterize(polygons[rows], rows, grid, window)
            areas = grid.areas(window.row, window.height)
            total += ((spans.stop - spans.start) * areas[spans.row]).sum()
        assert round(total, 4) == round(expected, 4)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (60.09361303102405, "60.09361303102405"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (9999999.5, "9999999.5"),
        (1e7, "1.0E7"),
        (-12345678.9, "-1.23456789E7"),
        (1e-12, "1.0E-12"),
    ],
)
def test_doubles_are_written_as_java_writes_them(value, text):
    assert double_text(value) == text


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**8), 10**8).map(float)))
def test_many_doubles_are_written_as_each_alone(values):
    assert double_texts(np.array(values)).to_pylist() == [double_text(value) for value in values]


def test_halves_are_rounded_up():
    assert rounded(np.array([0.00005, 1.23445, -0.00005]), 4).tolist() == [0.0001, 1.2345, -0.0001]


def replaced(folder, name, dtype="uint8", **changes):
    """Another file in place of a tile of the layer."""
    path = folder / name / "00N_010E.tif"
    path.unlink()
    grid = changes.pop("grid", (10, 40000))
    write_tile(path, grid, (10, 0), dtype, [], **changes)


FAULTS = {
    "bands": ({"count": 2}, "has 2 bands, expected 1"),
    "crs": ({"crs": "EPSG:3857"}, r"has the coordinate system EPSG:3857, expected EPSG:4326"),
    "size": ({"grid": (10, 20000)}, "has 20000 rows and 20000 columns, expected 40000"),
    "place": ({"transform": Affine(0.00025, 0, 10.0001, 0, -0.00025, 0)}, r"begins at 10\.0001, .*expected 10, 0 in"),
    "turned": ({"transform": Affine(0.00025, 0, 10, 0, 0.00025, -10)}, "begins at 10"),
    "dtype": ({"dtype": "float32"}, "holds float32 values, expected integers"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_tile_that_is_not_what_the_grid_asks_for_is_named_and_nothing_is_written(tmp_path, fault):
    changes, message = FAULTS[fault]
    catalog = world().write(tmp_path)
    replaced(tmp_path, LOSS, **changes)
    with pytest.raises(DataError, match=rf"00N_010E\.tif, tile 00N_010E of {LOSS}: {message}"):
        rerun(world(), tmp_path, catalog)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"no raster", b"II*\0"])
def test_a_file_that_is_no_raster_is_named(tmp_path, content):
    catalog = world().write(tmp_path)
    (tmp_path / DENSITY / "00N_010E.tif").write_bytes(content)
    with pytest.raises(DataError, match=r"00N_010E\.tif is not a raster file"):
        rerun(world(), tmp_path, catalog)


def test_a_tile_that_is_cut_off_or_damaged_ends_the_run_and_not_in_a_wrong_number(tmp_path):
    catalog = world().write(tmp_path)
    path = tmp_path / DENSITY / "00N_010E.tif"
    with rasterio.open(path) as file:
        assert file.read(1, window=rasterio.windows.Window(0, 0, 3, 3)).any()
    content = path.read_bytes()
    path.write_bytes(content[:-40])
    with pytest.raises(DataError, match=r"00N_010E\.tif (cannot be read at row 0, column 0|is not a raster file)"):
        rerun(world(), tmp_path, catalog)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_missing_tile_of_a_required_layer_leaves_out_its_windows_and_says_so(tmp_path):
    found = world()
    found.absent = {(DENSITY, "00N_000E")}
    summary = run(found, tmp_path)
    assert summary["rasters"]["windows_skipped"] == {DENSITY: 1}
    assert summary["rasters"]["tiles_missing"] == {DENSITY: 1}
    whole = sum(hectares(found.centre(row, 0)[1], 0.00025) * (6 if row < 3 else 3) for row in range(6))
    area = sum(float(row["area__ha"]) for row in table(tmp_path / "out", "geostore", "summary")
               if row["geostore__id"] == "a" and row["umd_tree_cover_density_2000__threshold"] == "10")  # fmt: skip
    assert area == pytest.approx(whole, rel=1e-9)


def test_a_layer_without_a_tile_has_its_default_and_one_that_is_not_configured_is_null(tmp_path):
    found = world()
    found.layers["gfw_peatlands"] = np.ones((6, 6), dtype=np.uint8)
    found.absent = {("gfw_peatlands", tile_id(10, r, c)) for r in (8, 9) for c in (18, 19)}
    summary = run(found, tmp_path)
    assert summary["rasters"]["tiles_missing"] == {"gfw_peatlands": 4}
    assert "gfw_peatlands" not in summary["layers_not_configured"]
    rows = table(tmp_path / "out", "geostore", "summary")
    assert {row["is__gfw_peatlands"] for row in rows} == {"false"}
    assert {row["is__idn_forest_moratorium"] for row in rows} == {""}
    assert {row["wri_google_tree_cover_loss_drivers__driver"] for row in rows} == {""}


def test_a_gain_that_is_none_is_refused(tmp_path):
    found = world()
    found.layers["umd_tree_cover_gain"] = np.full((6, 6), 5, dtype=np.uint8)
    with pytest.raises(DataError, match=r"tile 10N_000E of umd_tree_cover_gain holds the value 5; values are 0 to 4"):
        run(found, tmp_path)


def test_merged_alerts_are_not_taken_for_those_of_a_system(tmp_path):
    found = RasterWorld("glad", "geostore", (359997, 759997), (6, 6))
    found.layers = {"umd_glad_landsat_alerts": np.full((6, 6), 41000, dtype=np.uint16)}
    found.features = [(("a",), found.box())]
    with pytest.raises(DataError, match=r"holds the value 41000.*merged"):
        run(found, tmp_path)


def test_features_beyond_the_earth_s_edge_are_cut_there_and_counted(tmp_path):
    found = world()
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
    found = world()
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
    found = world()
    angles = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    circle = np.stack([10 + 0.0007 * np.cos(angles), 0.0007 * np.sin(angles)], axis=1)
    found.features = [(("a",), shapely.Polygon(circle))]
    assert run(found, tmp_path)["rasters"]["pixels"] == pytest.approx(np.pi * 2.8**2, abs=4)


def test_identities_hold(tmp_path):
    found = world((40, 40))
    run(found, tmp_path)
    for row in table(tmp_path / "out", "geostore", "summary"):
        loss, extent, area = (
            float(row[f"{name}__ha"]) for name in ("umd_tree_cover_loss", "umd_tree_cover_extent_2000", "area")
        )
        assert loss <= extent <= area


def spread(folder):
    """A world of many windows."""
    found = world()
    found.features += [
        (worlds.NAMES["geostore"][k % 4], shapely.box(10 + k / 7, -1 - k / 5, 10.3 + k / 7, -0.9 - k / 5))
        for k in range(9)
    ]
    return found, found.write(folder)


def test_any_number_of_processes_gives_the_same_bytes(tmp_path):
    found, catalog = spread(tmp_path)
    rerun(found, tmp_path, catalog)
    rerun(found, tmp_path, catalog, processes=2, output=str(tmp_path / "two"))
    assert files(tmp_path / "two") == files(tmp_path / "out")


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


def test_progress_counts_windows(tmp_path):
    found, catalog = spread(tmp_path)
    told = []
    rerun(found, tmp_path, catalog, progress=lambda share, message: told.append((share, message)))
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert told[-1] == (1, "done")
    assert any(message.startswith("window 1 of ") for _, message in told)


def test_the_command_line_runs_an_analysis_of_rasters(tmp_path):
    found = world()
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
    found = world()
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
