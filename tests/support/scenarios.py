"""Scenarios: each runs on both deployments, and what is left for good is compared."""

from __future__ import annotations

import difflib
import json
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from datapump.engines import RunState, RunStatus
from tests.support.raster_nights import small_recipes
from tests.support.twins import ENGINE, AwsTwin, EmbeddedTwin

LOST = RunStatus(state=RunState.FAILED, message=ENGINE, retryable=True)
ENDED_BY_HAND = RunStatus(state=RunState.CANCELLED, message=ENGINE)
ENDLESS = RunStatus(state=RunState.RUNNING, message=ENGINE)


class Scenarios:
    """Functions of a twin, each of which returns the executions it ran and how each, or all, are to have ended."""

    def __init__(self):
        self.params = []

    def __call__(self, *marks, like=None):
        """Keep a function as a scenario; `like` is one that does the same on one machine."""

        def keep(function):
            one = (function, like or function)
            self.params.append(pytest.param(one, id=function.__name__, marks=marks))
            return function

        return keep


def difference(scenario, folder):
    """How what a scenario leaves on AWS differs from what it leaves on one machine, line by line."""
    on_aws, on_one_machine = scenario
    aws, embedded = _lines(final(AwsTwin, folder, on_aws)), _lines(_on_one_machine(on_one_machine))
    return "\n".join(difflib.unified_diff(embedded, aws, "embedded", "aws", n=1, lineterm=""))


@lru_cache
def _on_one_machine(run):
    with TemporaryDirectory() as folder:
        return final(EmbeddedTwin, Path(folder), run)


def final(twin, folder, run):
    """What a scenario leaves on one deployment."""
    settings = {
        "viirs_url": str(folder / "feed.csv"),
        "modis_url": str(folder / "modis.csv"),
        "recipes": small_recipes(folder / "recipes"),
    }
    with twin(folder, **settings) as d:
        d.prepare()
        executions, expected = run(d)
        ended = [str(d.runs.get_execution(one).status) for one in executions]
        assert ended == ([expected] * len(ended) if isinstance(expected, str) else expected)
        assert d.running() == []
        assert not d.endings, "a run that was to end badly never ran"
        assert d.refused() == []
        return d.final(*executions)


def _lines(told):
    return json.dumps(told, indent=1, sort_keys=True).splitlines()
