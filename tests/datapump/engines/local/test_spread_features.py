"""Features of far parts: only where they have parts is anything read, and said to be missing."""

from __future__ import annotations

import numpy as np
import shapely

from tests.datapump.engines.local.rasterworlds import DENSITY, LOSS, RasterWorld, run, table

WEST, EAST = shapely.box(-180, -0.001, -179.999, 0.001), shapely.box(179.999, -0.001, 180, 0.001)


def test_a_feature_on_both_sides_of_180_degrees_is_looked_for_there_alone(tmp_path):
    found = RasterWorld("tcl", "geostore", (359997, 0), (6, 6))
    found.layers = {LOSS: np.full((6, 6), 5, dtype=np.uint8), DENSITY: np.full((6, 6), 80, dtype=np.uint8)}
    found.features = [(("a",), shapely.multipolygons([WEST, EAST, shapely.Polygon()]))]
    rasters = run(found, tmp_path)["rasters"]
    # Of its four tiles those in the east are not there.
    assert (rasters["windows"], rasters["pixels"], rasters["tiles"]) == (4, 4 * 8, 4)
    assert rasters["tiles_missing"] == {LOSS: 2, DENSITY: 2}
    assert rasters["windows_skipped"] == {LOSS: 2}
    assert len(table(tmp_path / "out", "geostore", "change"))


def test_tiles_in_which_a_feature_has_no_pixel_are_not_told_to_be_missing(tmp_path):
    found = RasterWorld("tcl", "geostore", (359997, 759997), (6, 6))
    found.layers = {LOSS: np.full((6, 6), 5, dtype=np.uint8), DENSITY: np.full((6, 6), 80, dtype=np.uint8)}
    # A thin strip to the north-east: its box lies in six tiles, itself in four.
    strip = shapely.Polygon([(9.999, 0.0004), (9.999, 0.0006), (24, 14.0016), (24, 14.0014)])
    found.features = [(("a",), strip)]
    rasters = run(found, tmp_path)["rasters"]
    assert rasters["tiles"] == 4
    assert rasters["tiles_missing"] == {LOSS: 2, DENSITY: 2}
