"""Wherever an execution is stopped, no cluster goes on."""

from __future__ import annotations

import itertools

import pytest

from datapump.engines import RunState, RunStatus
from tests.support.deployment import ANALYSIS, TABLE
from tests.support.twins import AwsTwin

ENDLESS = RunStatus(state=RunState.RUNNING)
MOST_TICKS = 60


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with AwsTwin(tmp_path_factory.mktemp("stops")) as d:
        d.prepare()
        yield d


def analysis(dataset):
    return {"command": "analysis", "parameters": {**ANALYSIS["parameters"], "tables": [{**TABLE, "dataset": dataset}]}}


def stopped_before_tick(d, number, dataset):
    """Stop an analysis before one of its ticks; how it ended."""
    ticks = itertools.count()

    def stop(execution_id):
        if next(ticks) == number:
            d.stop(execution_id)

    d.hooks.clear()
    d.before_tick(None, stop, times=MOST_TICKS)
    execution = d.run(analysis(dataset))
    assert d.running() == [], f"stopped before tick {number}"
    return execution.status


@pytest.mark.parametrize("number", [0, 1, 2, pytest.param(3, marks=pytest.mark.soak), 7])
def test_a_stop_while_a_cluster_goes_on_and_on_ends_it(world, number):
    dataset = f"geostore_endless_{number}"
    world.ends(dataset, ENDLESS)
    assert stopped_before_tick(world, number, dataset) == "stopped"
    assert [job.status for job in world.jobs(world.runs.list_executions().items[0].id)] == ["failed"]


@pytest.mark.soak
def test_a_stop_before_any_tick_of_an_analysis_leaves_no_cluster(world):
    for number in range(MOST_TICKS):
        status = stopped_before_tick(world, number, f"geostore_{number}")
        if status == "succeeded":
            # There was no such tick.
            break
        assert status == "stopped"
    assert 5 < number < MOST_TICKS - 1


def test_a_stop_before_anything_is_dispatched_starts_no_cluster(world):
    world.hooks.clear()
    before = len(world.account.geotrellis.started)
    execution_id = super(AwsTwin, world).submit(analysis("geostore_early"))
    world.stop(execution_id)
    assert world.carry(execution_id).status == "stopped"
    assert len(world.account.geotrellis.started) == before
