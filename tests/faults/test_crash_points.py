"""The process dies at any call that writes something, before or after it: in the end everything is as if it had not."""

from __future__ import annotations

import random

import pytest

from datapump.executions import ExecutionStatus
from tests.support.deployment import ANALYSIS, SYNC, night
from tests.support.faults import Crash, Tap, TappedDataApi, tapped_writes

COMMANDS = [ANALYSIS, SYNC, {"command": "set_latest", "parameters": {"analysis_version": "v1"}}]
SEED = 20260115
QUICK = 4
LONG = 200
CRASHES = 12


def play(folder, plan):
    """A night that is gone on with after each crash; returns what it leaves, and the calls that it made."""
    tap = Tap(plan, Crash)
    with night(folder) as deployment:
        api = TappedDataApi(deployment.server.url, tap, reads=False)
        for command in COMMANDS:
            execution = carry(deployment, deployment.submit(command), tap, api)
            assert execution.status is ExecutionStatus.SUCCEEDED, (execution, deployment.jobs(execution.id))
        api.close()
        return deployment.outcome(), tap.calls


def carry(deployment, execution_id, tap, api):
    while True:
        try:
            return deployment.carry(execution_id, tapped_writes(deployment, tap, api))
        except Crash:
            deployment.reborn()


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """What an undisturbed night leaves, and the calls that it makes."""
    return play(tmp_path_factory.mktemp("calm"), lambda *_: None)


def test_all_kinds_of_writes_are_crashed_at(calm):
    _, calls = calm
    assert {"begin", "finish", "save_job", "intend", "complete", "put", "move", "start"} <= set(calls)
    assert {call.split()[0] for call in calls if " " in call} == {"PUT", "POST", "PATCH"}
    assert len(calls) > 100


@pytest.mark.parametrize("when", ["before", "after"])
def test_crashing_at_each_kind_of_call_once(tmp_path, calm, when):
    left = set(calm[1])

    def plan(_, name):
        if name in left:
            left.remove(name)
            return when
        return None

    assert play(tmp_path, plan)[0] == calm[0]
    assert left == set()


@pytest.mark.parametrize("number", range(QUICK))
def test_crashing_at_random_calls(tmp_path, calm, number):
    check_crashes(tmp_path, calm, SEED + number)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(QUICK, LONG))
def test_crashing_at_many_more_random_calls(tmp_path, calm, number):
    check_crashes(tmp_path, calm, SEED + number)


def check_crashes(folder, calm, seed):
    chosen = random.Random(seed)
    # Calls made again after a crash count too, so the last of these numbers still fall into the night.
    moments = {number: chosen.choice(["before", "after"]) for number in chosen.sample(range(1, len(calm[1])), CRASHES)}
    outcome, calls = play(folder, lambda number, _: moments.get(number))
    assert len(calls) > max(moments)
    assert outcome == calm[0], moments
