"""Plans of raster syncs: nothing is changed, and the work then done is what they said."""

from __future__ import annotations

import pytest

from tests.support.deployment import Deployment
from tests.support.plans import made, planned, requests
from tests.support.raster_nights import RASTERS, Releases, put_releases, small_recipes

INTEGRATED, INTDIST = "gfw_integrated_alerts", "gfw_integrated_dist_alerts"


@pytest.fixture
def world(tmp_path):
    recipes = small_recipes(tmp_path / "recipes")
    with Deployment(tmp_path, recipes=recipes, chaining=False) as deployment:
        put_releases(Releases(deployment.objects))
        yield deployment


def sync(*types):
    return {"command": "sync", "parameters": {"types": list(types)}}


def files(world):
    folder = world.folder / "objects"
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_the_work_of_every_raster_sync_is_what_its_plan_said(world):
    for types in (RASTERS, ["integrated_alerts"], [INTDIST]):
        before, lying = len(world.server.log()), files(world)
        plan, _ = planned(world, sync(*types))
        assert (made(world, before), files(world)) == ([], lying)
        assert world.run(sync(*types)).status == "succeeded"
        assert requests(plan) == made(world, before)
        assert len(requests(plan)) > len(types)
        uploads = [write.target for write in plan.writes if write.system == "objects"]
        assert [uri.rsplit("/", 1)[-1] for uri in uploads] == (
            ["intdist.vrt", "intdistintensity.vrt"] if types == [INTDIST] else []
        )
    plan, _ = planned(world, sync(*RASTERS, "integrated_alerts", INTDIST))
    assert plan.writes == []
    assert len(plan.notes) >= 6
