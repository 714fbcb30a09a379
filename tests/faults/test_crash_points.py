"""The process dies at any call that writes something, before or after it: in the end everything is as if it had not."""

from __future__ import annotations

from functools import partial

import pytest

from datapump.executions import ExecutionStatus
from tests.support.deployment import ANALYSIS, SYNC, night
from tests.support.faults import Crash, Tap, TappedDataApi, at_random, carried, once_at_each, tapped_writes

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
            ports = partial(tapped_writes, deployment, tap, api)
            execution = carried(deployment, deployment.submit(command), ports)
            assert execution.status is ExecutionStatus.SUCCEEDED, (execution, deployment.jobs(execution.id))
        api.close()
        return deployment.outcome(), tap.calls


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
    plan, left = once_at_each(calm[1], when)
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
    plan, moments = at_random(seed, CRASHES, len(calm[1]))
    outcome, calls = play(folder, plan)
    assert len(calls) > max(moments)
    assert outcome == calm[0], moments
