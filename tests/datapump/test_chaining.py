"""A new version of a raster starts the syncs that come after it: once, whatever happens in between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from datapump.analyses import SyncType
from datapump.chaining import followers, start_followers
from datapump.executions import Execution, ExecutionStatus
from datapump.jobs.documents import JobStatus, RasterJob
from datapump.jobs.raster_assets import AssetKind, RasterAsset
from datapump.stores.sqlite import SqliteTargetStore
from tests.support.alert_night import put_config, sync
from tests.support.deployment import Deployment
from tests.support.faults import Crash, Tap, Tapped


@pytest.fixture
def world(tmp_path):
    deployment = Deployment(tmp_path)
    yield deployment
    deployment.close()


def raster(dataset, status="complete", *, sync_type=None):
    return RasterJob(
        id=f"job-{dataset.replace('_', '-')}",
        dataset=dataset,
        version="v20260131",
        sync_type=SyncType(sync_type or dataset),
        assets=[RasterAsset(name="default", kind=AssetKind.SOURCE)],
        status=JobStatus(status),
    )


def published(world, **more):
    """An execution; returns its id."""
    execution = Execution(
        id=world.clock.new_id(),
        command=sync("wur_radd_alerts") | {"labels": {"team": "forest"}},
        fingerprint="",
        caller="ada",
        created=world.clock.now(),
        **more,
    )
    return world.runs.create_execution(execution)[0].id


def start(world, identity, *jobs, ports=None):
    """Start what follows an execution whose jobs have ended so."""
    return start_followers(world.runs.get_execution(identity), jobs, ports or world.ports)


def started(world):
    found = world.runs.list_executions(caller="datapump").items
    return sorted(tuple(execution.command["parameters"]["types"]) for execution in found)


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ("umd_glad_landsat_alerts", ["glad", "integrated_alerts"]),
        ("umd_glad_sentinel2_alerts", ["integrated_alerts"]),
        ("wur_radd_alerts", ["integrated_alerts"]),
        ("gfw_integrated_alerts", ["gfw_integrated_dist_alerts"]),
        ("gfw_integrated_dist_alerts", []),
        ("anything_else", []),
    ],
)
def test_what_comes_after_each_raster(world, dataset, expected):
    assert followers({dataset}, world.ports) == expected


def test_the_syncs_that_follow_are_started_once_with_a_link_to_what_triggered_them(world):
    put_config(world)
    put_config(world, "integrated_alerts")
    identity = published(world)
    jobs = [raster("umd_glad_landsat_alerts"), raster("wur_radd_alerts")]
    triggered = start(world, identity, *jobs)
    assert started(world) == [("glad",), ("integrated_alerts",)]
    made = [world.runs.get_execution(name) for name in triggered]
    assert {one.triggered_by for one in made} == {identity}
    assert {one.command["labels"]["team"] for one in made} == {"forest"}
    events = [event.data["execution"] for event in world.runs.list_events(identity) if event.kind == "triggered"]
    assert tuple(events) == triggered
    assert start(world, identity, *jobs) == triggered
    assert len(started(world)) == 2


def test_nothing_follows_what_failed_or_was_stopped_or_where_it_is_switched_off(world):
    put_config(world)
    good = raster("umd_glad_landsat_alerts")
    assert start(world, published(world), raster("umd_glad_landsat_alerts", "failed")) == ()
    assert start(world, published(world, stop_reason="by hand"), good) == ()
    off = replace(world.ports, settings=world.settings.model_copy(update={"chaining": False}))
    assert start(world, published(world), good, ports=off) == ()
    assert started(world) == []


def test_what_nobody_follows_or_an_operator_paused_is_not_started(world):
    config = put_config(world)
    world.sync_configs.patch(config.id, {"sync": False})
    start(world, published(world), raster("umd_glad_landsat_alerts"))
    # The raster of integrated alerts has never been made, and nobody has switched it off.
    assert started(world) == [("integrated_alerts",)]
    paused = put_config(world, "integrated_alerts")
    world.sync_configs.patch(paused.id, {"sync": False})
    start(world, published(world), raster("wur_radd_alerts"))
    assert started(world) == [("integrated_alerts",)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_crash_in_between_starts_nothing_twice_and_forgets_nothing(world, when, number):
    put_config(world)
    put_config(world, "integrated_alerts")
    identity = published(world)
    tap = Tap(lambda call, _: when if call == number else None, Crash)
    tapped = replace(world.ports, runs=Tapped(world.runs, ("create_execution",), tap))
    with pytest.raises(Crash):
        start(world, identity, raster("umd_glad_landsat_alerts"), ports=tapped)
    assert len(start(world, identity, raster("umd_glad_landsat_alerts"))) == 2
    assert started(world) == [("glad",), ("integrated_alerts",)]


def test_what_has_ended_tells_again_what_it_triggered_and_starts_nothing_new(world):
    put_config(world)
    identity = published(world)
    triggered = start(world, identity, raster("umd_glad_sentinel2_alerts"))
    world.runs.finish(identity, ExecutionStatus.SUCCEEDED)
    assert start(world, identity, raster("umd_glad_sentinel2_alerts")) == triggered
    assert start(world, identity, raster("umd_glad_landsat_alerts")) == triggered
    assert len(started(world)) == 1


def test_a_command_that_is_not_to_wait_is_refused_for_a_sync_that_follows(world):
    put_config(world, "integrated_alerts")
    targets = SqliteTargetStore(world.database, world.clock)
    ports = replace(world.ports, targets=targets)
    (follower,) = start(world, published(world), raster("wur_radd_alerts"), ports=ports)
    assert targets.note("another", {"feed integrated_alerts"}, alone=True) == follower
    world.clock.advance(3600)
    assert targets.note("another", {"feed integrated_alerts"}, alone=True) == follower
    world.runs.finish(follower, ExecutionStatus.SUCCEEDED)
    assert targets.note("another", {"feed integrated_alerts"}, alone=True) is None
