"""The extent from a file: its cells, and what is wrong with files that are none."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import shapely

from datapump.areas.extent import read_extent
from datapump.areas.slices import Slicer
from datapump.errors import DataError
from datapump.land import land_cells


def feature(shape, **properties):
    return {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(shape)}


@pytest.fixture
def extent(tmp_path):
    def read(*features):
        path = tmp_path / "extent.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        return read_extent(path, "the extent")

    return read


def test_the_cells_of_the_listed_land_come_back_from_a_file(extent):
    land = land_cells()
    some = np.flatnonzero(np.isin(land.tile_id, ["00N_050E", "10S_060W", "50N_000E", "10N_000E"]))
    cells = extent(*(feature(land.boxes[at], tcl=bool(land.tcl[at]), glad=bool(land.glad[at])) for at in some))
    assert cells.tile_id.tolist() == land.tile_id[some].tolist()
    assert cells.tcl.tolist() == land.tcl[some].tolist()
    assert cells.glad.tolist() == land.glad[some].tolist()
    assert shapely.equals(cells.boxes, land.boxes[some]).all()


def test_flags_may_be_texts(extent):
    cells = extent(*(feature(shapely.box(0, 0, 1, 1), tcl=text, glad="f") for text in ("t", "True", "f", "false")))
    assert (cells.tcl.tolist(), cells.glad.any()) == ([True, True, False, False], np.False_)


def test_cells_that_lie_across_tiles_cut_all_the_same(extent):
    cells = extent(
        feature(shapely.box(9.5, -0.5, 10.5, 0.5), tcl=True, glad=True),
        feature(shapely.box(10.5, -0.5, 11.5, 0.5), tcl=True, glad=False),
    )
    out = io.StringIO()
    slicer = Slicer(cells, out)
    slicer.add("a", {"geojson": shapely.geometry.mapping(shapely.box(9.6, -0.4, 11.4, 0.4))})
    slicer.flush()
    rows = [line.split("\t") for line in out.getvalue().splitlines()[1:]]
    assert [row[2:] for row in rows] == [["True", "True"], ["True", "False"]]
    assert shapely.area(shapely.from_wkb([row[1] for row in rows])).sum() == pytest.approx(1.8 * 0.8)


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        ([], "no features"),
        ([feature(shapely.Point(1, 2), tcl=True, glad=True)], "feature 1 is no valid polygon"),
        ([feature(shapely.box(0, 0, 1, 1), tcl=True)], "'glad'"),
        ([{"type": "Feature", "properties": {}, "geometry": None}], "expected a GeoJSON"),
    ],
)
def test_a_file_that_is_no_extent_is_told(extent, features, reason):
    with pytest.raises(DataError, match=reason):
        extent(*features)
