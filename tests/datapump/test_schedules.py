"""The nightly schedule of one machine: every slot once, and missed nights made up for once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from datapump.commands import parse_command
from datapump.schedules import Scheduler, slots
from datapump.stores.sqlite import SqliteTargetStore
from datapump.targets import TargetBusyError, note_targets
from tests.support.alert_night import put_config
from tests.support.clock import FakeClock
from tests.support.deployment import Deployment

HOUR = 3600
DAY = 24 * HOUR
NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


@pytest.fixture
def world(tmp_path):
    deployment = Deployment(tmp_path, clock=FakeClock(NOON))
    yield deployment
    deployment.close()


def submitted(world):
    """By hour and types, what was submitted, oldest first."""
    found = world.runs.list_executions(caller="datapump", limit=200).items
    return [
        (f"{execution.created:%d %H:%M}", *execution.command["parameters"]["types"]) for execution in reversed(found)
    ]


def follow(world, *types):
    for sync_type in types:
        put_config(world, "viirs", dataset=f"geostore_{sync_type}", sync_type=sync_type)


def hours(world, scheduler, count):
    """Let so many hours pass, looking twice in each."""
    for _ in range(count):
        world.clock.advance(HOUR)
        scheduler.submit_due()
        scheduler.submit_due()


def test_the_schedule_is_that_of_the_recipes_and_of_the_tables(world):
    assert {(slot.at, slot.types) for slot in slots(world.ports)} == {
        (time(1), ("glad",)),
        (time(2), ("viirs",)),
        (time(2), ("modis",)),
        (time(2), ("integrated_alerts",)),
        (time(10, 30), ("gfw_integrated_dist_alerts",)),
        (time(19), ("umd_glad_dist_alerts",)),
        (time(22), ("rw_areas",)),
        (time(22), ("umd_glad_landsat_alerts", "umd_glad_sentinel2_alerts", "wur_radd_alerts")),
    }


def test_each_slot_is_submitted_once_a_night_at_its_time(world):
    follow(world, "viirs", "rw_areas", "wur_radd_alerts", "umd_glad_landsat_alerts", "gfw_integrated_dist_alerts")
    scheduler = Scheduler(world.ports)
    hours(world, scheduler, 46)
    night = [
        ("15 22:00", "rw_areas"),
        ("15 22:00", "umd_glad_landsat_alerts", "wur_radd_alerts"),
        ("16 02:00", "viirs"),
        ("16 11:00", "gfw_integrated_dist_alerts"),
    ]
    assert submitted(world)[:4] == night
    assert [line[1:] for line in submitted(world)[4:]] == [line[1:] for line in night[:3]]


def test_what_nobody_follows_is_not_submitted(world):
    follow(world, "glad")
    config = put_config(world, "viirs", dataset="geostore_viirs", sync_type="viirs")
    world.sync_configs.patch(config.id, {"sync": False})
    hours(world, Scheduler(world.ports), 24)
    assert submitted(world) == [("16 01:00", "glad")]


def test_a_restart_submits_nothing_twice(world):
    follow(world, "viirs")
    hours(world, Scheduler(world.ports), 15)
    hours(world, Scheduler(world.ports), 3)
    assert submitted(world) == [("16 02:00", "viirs")]


def test_missed_nights_are_made_up_for_once_at_the_next_start(world):
    follow(world, "viirs", "glad")
    hours(world, Scheduler(world.ports), 15)
    assert len(submitted(world)) == 2
    world.clock.advance(5 * DAY)
    Scheduler(world.ports).submit_due()
    assert submitted(world)[2:] == [("21 03:00", "glad"), ("21 03:00", "viirs")]
    hours(world, Scheduler(world.ports), 20)
    assert len(submitted(world)) == 4


def test_a_deployment_that_is_new_has_no_night_to_make_up_for(world):
    follow(world, "viirs")
    Scheduler(world.ports).submit_due()
    assert submitted(world) == []


def test_a_night_that_somebody_synced_by_hand_was_not_missed(world):
    follow(world, "viirs", "glad")
    hours(world, Scheduler(world.ports), 15)
    world.clock.advance(DAY)
    world.submit({"command": "sync", "parameters": {"types": ["viirs"]}})
    Scheduler(world.ports).submit_due()
    assert submitted(world)[2:] == [("17 03:00", "glad")]


def test_what_it_submits_runs_like_any_other_sync(world):
    follow(world, "glad")
    hours(world, Scheduler(world.ports), 14)
    (execution,) = world.runs.list_executions().items
    assert (execution.caller, execution.idempotency_key) == ("datapump", "nightly 2026-01-16T01:00Z glad")
    assert execution.command["parameters"] == {"types": ["glad"], "sync_version": None, "tables": None, "engine": None}


def test_a_command_that_is_not_to_wait_is_refused_for_a_sync_of_the_schedule(world):
    follow(world, "viirs")
    targets = SqliteTargetStore(world.database, world.clock)
    hours(world, Scheduler(replace(world.ports, targets=targets)), 15)
    (scheduled,) = world.runs.list_executions(caller="datapump").items
    command = '{"command": "sync", "parameters": {"types": ["viirs"]}, "on_conflict": "refuse"}'
    with pytest.raises(TargetBusyError) as refused:
        note_targets("another", parse_command(command), world.sync_configs, targets)
    assert refused.value.holder == scheduled.id
