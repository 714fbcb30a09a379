"""Executions and small jobs for tests of the run store."""

from __future__ import annotations

from datapump.analyses import Analysis
from datapump.executions import Execution
from datapump.jobs.documents import LatestTarget, SetLatestJob


def execution(clock, *, key=None, caller="ada", command=None, **changes):
    return Execution(
        id=clock.new_id(),
        command=command or {"command": "set_latest", "parameters": {"analysis_version": "v1"}},
        fingerprint="f",
        caller=caller,
        idempotency_key=key,
        created=clock.now(),
        **changes,
    )


def job(name="job-1"):
    target = LatestTarget(dataset="gadm__viirs__iso_weekly_alerts", version="v1")
    return SetLatestJob(id=name, dataset="gadm", analysis=Analysis.VIIRS, analysis_version="v1", targets=[target])


def begun(store, clock, *jobs, **changes):
    """The id of an execution that has these jobs."""
    stored, _ = store.create_execution(execution(clock, **changes))
    assert store.begin(stored.id, jobs or [job()], ["a note"], [])
    return stored.id
