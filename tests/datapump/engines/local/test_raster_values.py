"""Values and files of layers that would end in a wrong number are refused; what is no number counts as nothing."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
import rasterio

from datapump.analyses import Analysis
from datapump.engines.local.catalog import load_catalog
from datapump.engines.local.files import Files
from datapump.engines.local.raster_sampler import RasterSampler
from datapump.errors import DataError
from tests.datapump.engines.local.rasterworlds import DENSITY, RasterWorld, loss_world, rerun, run, table

BIOMASS, SOIL = "whrc_aboveground_biomass_density_2000", "gfw_soil_carbon_stock_2000"
ORIGINS = {"tcl": (359997, 759997), "glad": (359997, 759997), "integrated_alerts": (899997, 1899997)}
ALERTS = {"glad": "umd_glad_landsat_alerts", "integrated_alerts": "wur_radd_alerts"}

DAYS = {"integrated_alerts": {"as_of": date(2026, 1, 1)}}


def world(analysis, layer, values):
    """One feature around the corner of four tiles, and a layer of such values."""
    if analysis == "tcl":
        found = loss_world()
    else:
        found = RasterWorld(analysis, "geostore", ORIGINS[analysis], (6, 6))
        found.layers = {ALERTS[analysis]: np.full((6, 6), 34000, dtype=np.uint16)}
        found.features = [(("a",), found.box())]
    found.layers[layer] = np.asarray(values)
    return found


@pytest.mark.parametrize(
    ("analysis", "layer"), [("tcl", BIOMASS), ("tcl", SOIL), ("glad", BIOMASS), ("integrated_alerts", BIOMASS)]
)
def test_amounts_below_nothing_are_refused_for_they_are_a_nodata_that_the_file_does_not_tell(tmp_path, analysis, layer):
    values = np.full((6, 6), 100, dtype=np.float32)
    values[4:] = -9999
    with pytest.raises(DataError, match=rf"{layer} holds amounts below 0.*nodata"):
        run(world(analysis, layer, values), tmp_path, **DAYS.get(analysis, {}))
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_amounts_that_are_no_numbers_count_as_nothing(tmp_path):
    values = np.full((6, 6), 100, dtype=np.float32)
    values[:2], values[2:4] = np.nan, np.inf
    run(world("tcl", BIOMASS, values), tmp_path)
    (row,) = (row for row in table(tmp_path / "out", "geostore", "summary")
              if row["geostore__id"] == "a" and row["umd_tree_cover_density_2000__threshold"] == "10")  # fmt: skip
    assert float(row["whrc_aboveground_biomass_stock_2000__Mg"]) == pytest.approx(
        float(row["area__ha"]) * 100 / 3, rel=1e-6
    )


@pytest.mark.parametrize("scaled", [{"scales": (0.1,)}, {"offsets": (-5.0,)}])
def test_a_raster_whose_values_are_to_be_scaled_is_refused(tmp_path, scaled):
    catalog = loss_world().write(tmp_path)
    with rasterio.open(tmp_path / DENSITY / "00N_010E.tif", "r+") as file:
        for name, value in scaled.items():
            setattr(file, name, value)
    with pytest.raises(DataError, match=rf"00N_010E\.tif, tile 00N_010E of {DENSITY}: has values to be scaled"):
        rerun(loss_world(), tmp_path, catalog)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_has_the_name_of_a_tile_and_is_no_file_is_not_taken_for_a_missing_tile(tmp_path, kind):
    catalog = loss_world().write(tmp_path)
    path = tmp_path / DENSITY / "00N_010E.tif"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "unmounted" / "00N_010E.tif")
    with pytest.raises(DataError, match=r"00N_010E\.tif is no file: a (folder|link that leads nowhere)"):
        rerun(loss_world(), tmp_path, catalog)


def test_a_raster_that_is_replaced_while_fires_are_looked_up_ends_the_run(tmp_path):
    found = RasterWorld("viirs", "geostore", (27008 - 3, 54016), (6, 6))
    found.layers = {DENSITY: np.full((6, 6), 40, dtype=np.uint8)}
    catalog = found.write(tmp_path)
    sampler = RasterSampler(Analysis.VIIRS, load_catalog(catalog).of(Analysis.VIIRS), Files(None))
    layer = load_catalog(catalog).layer(DENSITY)
    place = np.array([0.002]), np.array([-0.002])
    assert sampler.sample(layer, *place).tolist() == [40]
    (tmp_path / DENSITY / "00N_000E.tif").unlink()
    found.layers[DENSITY][:] = 80
    found.write(tmp_path)
    with pytest.raises(DataError, match=rf"{DENSITY}/00N_000E\.tif was replaced while it was read"):
        sampler.sample(layer, *place)
