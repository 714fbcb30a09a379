from __future__ import annotations

import numpy as np
import pytest

from datapump.analyses import Analysis
from datapump.embedded.sample.rasters import draw, write_rasters
from datapump.embedded.sample.region import draw_region
from datapump.engines.local.catalog import load_catalog
from datapump.engines.local.files import Files
from datapump.engines.local.grids import GRIDS
from datapump.engines.local.rasters import find_tiles
from datapump.engines.local.requests import available

TILES = {10: ["10N_010E", "10N_020E"], 90: ["90N_000E"]}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    catalog = folder / "layers.toml"
    write_rasters(draw_region(), folder / "rasters", catalog, 2025)
    return folder, catalog


def contents(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_every_analysis_has_the_layers_that_it_needs_and_each_tile_is_right(written):
    _, path = written
    catalog = load_catalog(path)
    assert available(path) >= {Analysis.TCL, Analysis.GLAD, Analysis.INTEGRATED_ALERTS, Analysis.VIIRS, Analysis.MODIS}
    for analysis, name in catalog.grids.items():
        grid = GRIDS[name]
        tiles = find_tiles(grid, catalog.of(Analysis(analysis)).configured, TILES[grid.degrees], Files(None))
        assert not tiles.missing(TILES[grid.degrees]), analysis


def test_the_tiles_are_small(written):
    assert sum(path.stat().st_size for path in written[0].rglob("*") if path.is_file()) < 40 * 2**20


def test_a_second_time_changes_nothing(written):
    folder, catalog = written
    before = contents(folder)
    write_rasters(draw_region(), folder / "rasters", catalog, 2025)
    assert contents(folder) == before


def test_somebody_s_own_catalog_stays(tmp_path):
    catalog = tmp_path / "layers.toml"
    catalog.write_text("# mine\n")
    write_rasters(draw_region(), tmp_path / "rasters", catalog, 2025)
    assert catalog.read_text() == "# mine\n"
    assert not (tmp_path / "rasters").exists()


def test_the_same_is_drawn_every_time_and_it_hangs_together():
    first, second = (draw(draw_region(), 2025) for _ in range(2))
    assert all(np.array_equal(cells, second[key]) for key, cells in first.items())
    named = {(name, grid.name): cells for (name, grid), cells in first.items()}
    density = named["umd_tree_cover_density_2000", "10/40000"]
    assert (density[named["umd_tree_cover_loss", "10/40000"] > 0] > 30).all()
    assert density.max() <= 100
    alerts = named["wur_radd_alerts", "10/100000"]
    days = alerts[alerts > 0].astype(int) % 10_000
    assert 3653 <= days.min() <= days.max() < 3653 + 365
