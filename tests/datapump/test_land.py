import numpy as np
import shapely

from datapump.land import land_cells, tiles


def test_the_tiles_and_flags_are_those_of_the_export():
    assert len(tiles()) == 281
    assert sum(tile.tcl for tile in tiles()) == 280
    assert sum(tile.glad for tile in tiles()) == 117
    assert [tile.tile_id for tile in tiles() if not tile.tcl] == ["00N_050E"]


def test_glad_tiles_are_the_tropics_and_one_more():
    glad = {tile.tile_id for tile in tiles() if tile.glad}
    assert {name[:3] for name in glad - {"30S_060W"}} == {"30N", "20N", "10N", "00N", "10S", "20S"}
    assert "30S_060W" in glad


def test_a_tile_is_named_by_its_top_left_corner():
    tile = {tile.tile_id: tile for tile in tiles()}["10S_060W"]
    assert (tile.west, tile.north) == (-60, -10)


def test_each_tile_is_cut_into_a_hundred_cells_of_one_degree():
    cells = land_cells()
    assert len(cells.boxes) == 28_100
    assert np.allclose(shapely.area(cells.boxes), 1.0)
    bounds = shapely.bounds(cells.boxes[cells.tile_id == "10S_060W"])
    assert len(np.unique(bounds[:, :2], axis=0)) == 100
    assert bounds.min(axis=0)[:2].tolist() == [-60, -20]
    assert bounds.max(axis=0)[2:].tolist() == [-50, -10]
    assert cells.tcl.sum() == 28_000
