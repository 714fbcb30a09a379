"""The Data API does not answer, at every request in turn: in the end everything is as if it always had."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from datapump.executions import ExecutionStatus
from tests.support.deployment import ANALYSIS, SYNC, night
from tests.support.faults import Tap, TappedDataApi, unavailable

COMMANDS = [ANALYSIS, SYNC, {"command": "set_latest", "parameters": {"analysis_version": "v1"}}]
SEED = 20260115
QUICK = 2


def play(folder, plan):
    """Analysis, sync, set_latest through a client that a plan breaks; returns what is left, and the requests made."""
    tap = Tap(plan, unavailable)
    with night(folder) as deployment:
        api = TappedDataApi(deployment.server.url, tap)
        ports = replace(deployment.ports, data_api=api)
        executions = [deployment.run(command, ports) for command in COMMANDS]
        api.close()
        assert [execution.status for execution in executions] == [ExecutionStatus.SUCCEEDED] * 3, executions
        return deployment.outcome(), tap.calls


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """What an undisturbed night leaves, and the requests it makes."""
    return play(tmp_path_factory.mktemp("calm"), lambda *_: None)


def test_the_undisturbed_night_publishes_something(calm):
    outcome, calls = calm
    rows = {dataset: len(rows) for (dataset, _), (*_, rows) in outcome["tables"].items()}
    assert rows == {
        f"geostore__viirs__{name}": rows for name, rows in (("daily_alerts", 2), ("weekly_alerts", 2), ("whitelist", 1))
    }
    assert len(outcome["log"]) == 13
    assert len(calls) > 50


@pytest.mark.parametrize("when", ["before", "after"])
def test_every_request_fails_when_it_is_made_first(tmp_path, calm, when):
    seen = Counter()

    def plan(_, name):
        seen[name] += 1
        return when if seen[name] == 1 else None

    assert play(tmp_path, plan)[0] == calm[0]
    assert set(calm[1]) <= set(seen)


@pytest.mark.parametrize("when", ["before", "after"])
def test_every_write_fails_three_times(tmp_path, calm, when):
    """Also one that was performed at the first: what is not repeated cannot fail again."""
    seen = Counter()

    def plan(_, name):
        seen[name] += not name.startswith("GET")
        return when if 1 <= seen[name] <= 3 else None

    assert play(tmp_path, plan)[0] == calm[0]


@pytest.mark.parametrize("number", range(QUICK))
def test_an_outage_begins_at_any_request(tmp_path, calm, number):
    chosen = random.Random(SEED + number)
    check_outage(
        tmp_path, calm, chosen.randint(1, len(calm[1])), chosen.randint(1, 6), chosen.choice(["before", "after"])
    )


@pytest.mark.soak
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_outage_begins_at_each_request(tmp_path, calm, when):
    for first in range(1, len(calm[1]) + 1):
        check_outage(tmp_path / str(first), calm, first, 1, when)


def check_outage(folder, calm, first, length, when):
    folder.mkdir(exist_ok=True)
    outcome, _ = play(folder, lambda number, _: when if first <= number < first + length else None)
    assert outcome == calm[0], (first, length, when)
