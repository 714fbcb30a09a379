"""What makes the work of a run that was ended another's: it is not taken up, for its numbers mean something else."""

from __future__ import annotations

import pytest

from datapump.errors import DataError
from tests.datapump.engines.local.rasterworlds import DENSITY, rerun, spread, write_tile
from tests.datapump.engines.local.worlds import files

PEAT, PLANTED = "gfw_peatlands", "gfw_planted_forests"


class KilledError(Exception):
    """Stands for a kill."""


def kill(_, message):
    """Ends a run when two of its windows are computed."""
    if message.startswith("window 2 "):
        raise KilledError


def test_what_was_computed_before_a_layer_was_configured_is_not_taken_up(tmp_path):
    found, _ = spread(tmp_path)
    found.layers[PLANTED] = found.layers[DENSITY] // 10
    catalog = found.write(tmp_path)
    with pytest.raises(KilledError):
        rerun(found, tmp_path, catalog, journals=tmp_path / "journals", progress=kill)
    # Of its files not one is there: no raster tells the two runs apart.
    with catalog.open("a") as file:
        file.write(f'[layers.{PEAT}]\nuri = "{PEAT}/{{tile_id}}.tif"\n')
    rerun(found, tmp_path, catalog, journals=tmp_path / "journals")
    rerun(found, tmp_path, catalog, output=str(tmp_path / "whole"))
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_a_raster_that_is_replaced_while_it_is_read_ends_the_run_and_the_next_begins_anew(tmp_path):
    found, catalog = spread(tmp_path)

    def replace(_, message):
        if message.startswith("window 2 "):
            path = tmp_path / DENSITY / "00N_010E.tif"
            path.unlink()
            write_tile(path, (10, 40000), (10, 0), "uint8", [])

    with pytest.raises(DataError, match=rf"{DENSITY}/00N_010E\.tif was replaced while it was read"):
        rerun(found, tmp_path, catalog, journals=tmp_path / "journals", progress=replace)
    assert not (tmp_path / "out" / "manifest.json").exists()
    rerun(found, tmp_path, catalog, journals=tmp_path / "journals")
    rerun(found, tmp_path, catalog, output=str(tmp_path / "whole"))
    assert files(tmp_path / "out") == files(tmp_path / "whole")
