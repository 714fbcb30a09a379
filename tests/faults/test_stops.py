"""Nights that somebody stops at any moment: the next sync makes up for them, and no row is lost or doubled."""

from __future__ import annotations

import random

import pytest

from datapump.executions import ExecutionStatus
from tests.support.deployment import AREA, SYNC, copied, published_night

DAYS = ("2026-01-16", "2026-01-17", "2026-01-18", "2026-01-19")
QUICK, MANY = 3, 100


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return published_night(tmp_path_factory.mktemp("template"))


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[] if seed < QUICK else [pytest.mark.soak]) for seed in range(MANY)]
)
def test_nights_that_are_stopped_anywhere_are_made_up_for(template, tmp_path, seed):
    chance = random.Random(seed)
    with copied(template, tmp_path) as world:
        for number in range(1, len(DAYS) + 1):
            world.put_feed(*DAYS[:number], count=2)
            identity = world.submit(SYNC)
            for _ in range(chance.randrange(1, 60)):
                if not world.runs.get_execution(identity).ended:
                    world.step()
            if not world.runs.get_execution(identity).ended:
                world.runs.request_stop(identity, "the operator wants to sleep")
            stopped = world.carry(identity)
            assert stopped.status in {ExecutionStatus.STOPPED, ExecutionStatus.SUCCEEDED}
            assert all(job.ended for job in world.jobs(identity))
            if chance.random() < 0.3:
                world.reborn()
        for _ in range(2):
            assert world.run(SYNC).status is ExecutionStatus.SUCCEEDED
        assert world.rows() == [(AREA, "2026-01-15", 3), *((AREA, day, 2) for day in DAYS)]
