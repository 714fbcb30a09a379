"""Tiles of layers that are not what they should be, or not there."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine

from datapump.errors import DataError
from tests.datapump.engines.local.rasterworlds import (
    DENSITY,
    LOSS,
    RasterWorld,
    hectares,
    loss_world,
    rerun,
    run,
    table,
    tile_id,
    write_tile,
)


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
    catalog = loss_world().write(tmp_path)
    replaced(tmp_path, LOSS, **changes)
    with pytest.raises(DataError, match=rf"00N_010E\.tif, tile 00N_010E of {LOSS}: {message}"):
        rerun(loss_world(), tmp_path, catalog)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"no raster", b"II*\0"])
def test_a_file_that_is_no_raster_is_named(tmp_path, content):
    catalog = loss_world().write(tmp_path)
    (tmp_path / DENSITY / "00N_010E.tif").write_bytes(content)
    with pytest.raises(DataError, match=r"00N_010E\.tif is not a raster file"):
        rerun(loss_world(), tmp_path, catalog)


def test_a_tile_that_is_cut_off_or_damaged_ends_the_run_and_not_in_a_wrong_number(tmp_path):
    catalog = loss_world().write(tmp_path)
    path = tmp_path / DENSITY / "00N_010E.tif"
    with rasterio.open(path) as file:
        assert file.read(1, window=rasterio.windows.Window(0, 0, 3, 3)).any()
    content = path.read_bytes()
    path.write_bytes(content[:-40])
    with pytest.raises(DataError, match=r"00N_010E\.tif (cannot be read at row 0, column 0|is not a raster file)"):
        rerun(loss_world(), tmp_path, catalog)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_missing_tile_of_a_required_layer_leaves_out_its_windows_and_says_so(tmp_path):
    found = loss_world()
    found.absent = {(DENSITY, "00N_000E")}
    summary = run(found, tmp_path)
    assert summary["rasters"]["windows_skipped"] == {DENSITY: 1}
    assert summary["rasters"]["tiles_missing"] == {DENSITY: 1}
    whole = sum(hectares(found.centre(row, 0)[1], 0.00025) * (6 if row < 3 else 3) for row in range(6))
    area = sum(float(row["area__ha"]) for row in table(tmp_path / "out", "geostore", "summary")
               if row["geostore__id"] == "a" and row["umd_tree_cover_density_2000__threshold"] == "10")  # fmt: skip
    assert area == pytest.approx(whole, rel=1e-9)


def test_a_layer_without_a_tile_has_its_default_and_one_that_is_not_configured_is_null(tmp_path):
    found = loss_world()
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
    found = loss_world()
    found.layers["umd_tree_cover_gain"] = np.full((6, 6), 5, dtype=np.uint8)
    with pytest.raises(DataError, match=r"tile 10N_000E of umd_tree_cover_gain holds the value 5; values are 0 to 4"):
        run(found, tmp_path)


def test_merged_alerts_are_not_taken_for_those_of_a_system(tmp_path):
    found = RasterWorld("glad", "geostore", (359997, 759997), (6, 6))
    found.layers = {"umd_glad_landsat_alerts": np.full((6, 6), 41000, dtype=np.uint16)}
    found.features = [(("a",), found.box())]
    with pytest.raises(DataError, match=r"holds the value 41000.*merged"):
        run(found, tmp_path)
