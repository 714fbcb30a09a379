"""In how many places rasters hold anything, told from the sizes of their blocks."""

from __future__ import annotations

import numpy as np
import pytest

from datapump.engines.local.catalog import load_catalog
from datapump.engines.local.grids import GRIDS
from datapump.engines.local.held import held
from datapump.objects import Objects
from tests.support.tifs import write_tile

LAYER = "wur_radd_alerts"
GRID = GRIDS["10/100000"]
# A block of 400 pixels of 10 m is 0.04 degrees wide: the north-western ones of 10N_010E.
PLACES = [(10.02, 9.98), (10.06, 9.98), (10.02, 9.94), (10.06, 9.94)]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "objects"


def share(folder, uri, places=PLACES):
    return told(folder, f'uri = "{uri}"', places)


def told(folder, how, places=PLACES):
    path = folder.with_name("layers.toml")
    path.write_text(f"[layers.{LAYER}]\n{how}\n")
    layer = load_catalog(path).of("integrated_alerts").layer(LAYER)
    return held([layer], GRID, places, Objects(folder))[LAYER]


def test_blocks_that_are_left_out_or_of_one_value_hold_nothing(folder):
    noise = np.random.default_rng(1).integers(20000, 24000, (400, 400))
    patches = {(0, 0): noise, (400, 0): np.zeros((400, 400)), (0, 400): np.full((400, 400), 7)}
    write_tile(folder / "s3" / "lake" / "10N_010E.tif", patches)
    assert share(folder, "s3://lake/{tile_id}.tif") == 0.25
    assert share(folder, f"{folder}/s3/lake/{{tile_id}}.tif") == 0.25
    assert share(folder, "s3://lake/{tile_id}.tif", PLACES[:1]) == 1


def test_a_tile_that_is_not_there_holds_nothing(folder):
    assert share(folder, "s3://lake/{tile_id}.tif") == 0


def test_what_cannot_be_told_is_taken_to_hold_something(folder):
    file = folder / "s3" / "lake" / "10N_010E.tif"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no raster")
    assert share(folder, "s3://lake/{tile_id}.tif") == 1
    assert share(folder, "s3://lake/{tile_id}.tif", []) == 1
    assert share(folder, "s3://lake/latest/{tile_id}.tif") == 1, "the Data API would have to be asked"
    assert told(folder, f'dataset = "{LAYER}"\npixel_meaning = "date_conf"') == 1
