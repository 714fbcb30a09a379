"""What the handlers decide by themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from datapump.analyses import SyncType
from datapump.executions import Execution, ExecutionStatus
from state_machine.handlers import _message, _reason, synced
from tests.support.jobs import ended, set_latest_job, sync_job


def execution(*types, errors=(), command="sync", **changes):
    return Execution(
        id="0" * 32,
        command={"command": command, "parameters": {"types": list(types)}},
        fingerprint="",
        caller="test",
        created=datetime(2026, 2, 1, tzinfo=UTC),
        errors=list(errors),
        **changes,
    )


@pytest.mark.parametrize(
    ("told", "jobs", "expected"),
    [
        (execution("viirs"), [], ["viirs"]),
        (execution("viirs"), [ended(sync_job())], ["viirs"]),
        (execution("viirs", "modis"), [ended(sync_job(), "failed")], ["modis"]),
        (execution("viirs", "modis"), [ended(sync_job(sync_type=SyncType.MODIS), "failed")], ["viirs"]),
        (execution("viirs", "modis", errors=["modis: the feed cannot be read"]), [ended(sync_job())], ["viirs"]),
        (execution("viirs", "modis", errors=["the command could not be dispatched: no room"]), [], []),
        (execution("viirs", errors=["internal error (KeyError) in postprocessing"]), [ended(sync_job())], []),
        (execution("viirs", stop_reason="no"), [ended(sync_job(), "failed")], []),
        (execution(command="set_latest"), [ended(set_latest_job("job-3", "geostore__viirs__all"))], []),
    ],
    ids=[
        "no news",
        "complete",
        "one failed",
        "another failed",
        "feed broken",
        "not dispatched",
        "not recorded",
        "stopped",
        "no sync",
    ],
)
def test_a_sync_has_succeeded_where_nothing_of_its_type_failed(told, jobs, expected):
    assert synced(told, jobs) == expected


def test_a_failure_names_the_first_jobs_and_counts_the_rest():
    failed = [f"job-{number}" for number in range(30)]
    told = _message(ExecutionStatus.FAILED, failed, 1000, ["modis: no"])
    assert told.startswith("30 of 1000 jobs failed: job-0, job-1, ")
    assert told.endswith("job-19 and 10 more; modis: no")
    assert _message(ExecutionStatus.SUCCEEDED, [], 3, []) == ""


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ({"Error": "KeyError", "Cause": '{"errorType": "KeyError", "errorMessage": "no x"}'}, "KeyError: no x"),
        ({"Error": "States.Timeout", "Cause": ""}, "States.Timeout"),
        ({"Error": "States.Runtime", "Cause": "not {json"}, "States.Runtime: not {json"),
        ({"Error": "E", "Cause": "[1]"}, "E: [1]"),
    ],
)
def test_what_the_state_machine_caught_is_put_into_words(problem, words):
    assert _reason(problem) == words
