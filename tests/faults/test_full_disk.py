"""The real server while the disk is full: it says so, answers what it can, and goes on when there is room again."""

from __future__ import annotations

import json
import resource
import threading
from contextlib import closing, contextmanager

import pytest

from datapump.errors import RemoteUnavailableError
from tests.support.deployment import ANALYSIS, SYNC, night
from tests.support.server import ServerProcess

QUICK = {"poll_min_s": 0.05, "poll_max_s": 0.2, "backoff_s": 0.05, "effect_settle_s": 0}
PATIENCE_S = 60


@pytest.fixture
def server(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    night(data).close()
    with ServerProcess(data, viirs_url=data / "feed.csv", **QUICK) as server:
        yield server


@contextmanager
def full(server):
    """The system refuses every write of the server to a file."""
    pid = server._process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limits[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def carried(client, identity):
    """The execution when it has ended; one that failed for want of room is continued, as its operator would."""
    pause = threading.Event()
    for _ in range(PATIENCE_S * 20):
        execution = client.execution(identity)
        if execution["status"] in {"succeeded", "failed"}:
            break
        pause.wait(0.05)
    if execution["status"] == "failed":
        jobs = [client.job(identity, job["id"]) for job in execution["jobs"]]
        assert jobs, execution["errors"]
        assert all("room" in job["message"] or "disk" in job["message"] for job in jobs), execution
        command = {"command": "continue_jobs", "parameters": {"jobs": jobs}}
        return carried(client, client.submit(json.dumps(command))["id"])
    return execution


def test_work_stands_still_while_the_disk_is_full_and_goes_on_afterwards(server):
    with server.client() as client, closing(server.data_api()) as api:
        for command, days in ((ANALYSIS, 1), (SYNC, 2)):
            identity = client.submit(json.dumps(command))["id"]
            with full(server):
                with pytest.raises(RemoteUnavailableError, match="could not be read or written"):
                    client.submit(json.dumps(command))
                assert client.execution(identity)["id"] == identity
                assert not threading.Event().wait(0.5)
                assert client.executions()["items"][0]["id"] == identity
            assert carried(client, identity)["status"] == "succeeded"
            sql = "select alert__date, alert__count from data order by alert__date"
            rows = [tuple(row.values()) for row in api.query("geostore__viirs__daily_alerts", "v1", sql)]
            assert rows == [("2026-01-15", 3), ("2026-01-16", 3)][:days]
