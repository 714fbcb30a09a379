"""What a run says of itself, beside its tables."""

from __future__ import annotations

from datetime import date

import numpy as np

from datapump.engines.local.manifest import notes
from tests.datapump.engines.local.rasterworlds import RasterWorld, run


def test_integrated_alerts_of_fewer_than_four_systems_say_which_are_missing(tmp_path):
    world = RasterWorld("integrated_alerts", "geostore", (899997, 1899997), (6, 6))
    world.layers = {
        name: np.full((6, 6), 34000, dtype=np.uint16) for name in ("wur_radd_alerts", "umd_glad_dist_alerts")
    }
    world.features = [(("a",), world.box())]
    said = notes(run(world, tmp_path, as_of=date(2026, 1, 1)))
    assert said[0].startswith("alerts without umd_glad_landsat_alerts and umd_glad_sentinel2_alerts: dates and highest")
