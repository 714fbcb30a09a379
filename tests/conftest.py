"""What all tests share."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from tests.support.clock import FakeClock
from tests.support.programs import do_without

# Examples are counted, not timed: a busy machine must not fail a test.
settings.register_profile("counted", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("counted")

# The modules that take longest, first those that take most: one that began last would be waited for alone.
LONG = (
    "tests/api/test_generated_cases.py",
    "tests/api/console",
    "tests/deployments/test_scenarios.py",
    "tests/test_make_run.py",
    "tests/faults/test_kill.py",
    "tests/deployments/test_feeds.py",
    "tests/deployments",
    "tests/datapump/sources/test_areas_owed.py",
    "tests/datapump/sources/test_areas.py",
    "tests/datapump/engines/local/test_worker.py",
    "tests/datapump/engines/local/test_engine.py",
    "tests/test_whole_night.py",
    "tests/datapump/planning/test_all_plans.py",
    "tests/deployment/test_zips.py",
    "tests/datapump/sources/test_raster_nights.py",
    "tests/faults",
    "tests/datapump/cli",
    "tests/api/test_every_route.py",
    "tests/datapump/jobs",
    "tests/datapump/planning",
    "tests/datapump/recipes/test_whole_versions.py",
)


# Their modules share a server or a browser, which one process starts for all of them.
TOGETHER = ("tests/api/console/", "tests/datapump/cli/", "tests/deployment/")


class Modules(LoadFileScheduling):
    """Gives whole modules to the processes, and some folders, in their order."""

    def _split_scope(self, nodeid):
        return next((name for name in TOGETHER if nodeid.startswith(name)), super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A module that is split over processes makes its world in each."""
    return Modules(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Look for no garbage among what is imported and collected, now or later: that took a twentieth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_unconfigure():
    """Let the interpreter take down at its end what it has loaded."""
    gc.unfreeze()


def pytest_collection_modifyitems(items):
    """Let the long modules begin first."""
    items.sort(key=lambda item: next((at for at, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG)))


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data; tests that need it skip or fail, saying why, where there is none."""
    folder = os.environ.get("DATAPUMP_TEST_DATA")
    if not folder:
        do_without("needs real data: set DATAPUMP_TEST_DATA to the folder that holds it")
    return Path(folder)


@pytest.fixture(scope="session")
def night_folder(tmp_path_factory):
    """The folder of a night whose analysis is published, made once: to be copied, never to be worked in."""
    from tests.support.deployment import published_night  # noqa: PLC0415 - most tests need no deployment

    return published_night(tmp_path_factory.mktemp("published"))
