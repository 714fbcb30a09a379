"""Plans of raster syncs: nothing is changed, and the work then done is what they said."""

from __future__ import annotations

import json

import pytest

from datapump.commands import parse_command
from datapump.executions import Execution
from datapump.planning.record import kept
from tests.support.deployment import Deployment
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


def planned(world, command):
    execution = Execution(
        id=world.clock.new_id(),
        command=parse_command(json.dumps(command)).model_dump(mode="json"),
        fingerprint="",
        caller="test",
        created=world.clock.now(),
        plan_only=True,
    )
    world.runs.create_execution(execution)
    execution = world.carry(execution.id)
    assert execution.status == "succeeded", execution.errors
    return kept(execution, world.runs)


def writes(world):
    return [f"{line.method} {line.path}" for line in world.server.log() if line.method != "GET"]


def files(world):
    folder = world.folder / "objects"
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_the_work_of_every_raster_sync_is_what_its_plan_said(world):
    for types in (RASTERS, ["integrated_alerts"], [INTDIST]):
        before, lying = writes(world), files(world)
        plan = planned(world, sync(*types))
        assert (writes(world), files(world)) == (before, lying)
        assert world.run(sync(*types)).status == "succeeded"
        requests = [str(write.detail["request"]) for write in plan.writes if write.system == "data_api"]
        assert sorted(requests) == sorted(writes(world)[len(before) :])
        assert len(requests) > len(types)
        uploads = [write.target for write in plan.writes if write.system == "objects"]
        assert [uri.rsplit("/", 1)[-1] for uri in uploads] == (
            ["intdist.vrt", "intdistintensity.vrt"] if types == [INTDIST] else []
        )
    plan = planned(world, sync(*RASTERS, "integrated_alerts", INTDIST))
    assert plan.writes == []
    assert len(plan.notes) >= 6
