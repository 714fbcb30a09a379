"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.clock import FakeClock

# Examples are counted, not timed: a busy machine must not fail a test.
settings.register_profile("counted", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("counted")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data; tests that need it skip, saying why, where there is none."""
    folder = os.environ.get("DATAPUMP_TEST_DATA")
    if not folder:
        pytest.skip("needs real data: set DATAPUMP_TEST_DATA to the folder that holds it")
    return Path(folder)
