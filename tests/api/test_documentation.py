"""The API by hand, as README.md and docs/api.md say: every line is run, in order, by bash and curl."""

import subprocess
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from api.examples import COMMANDS
from datapump.executions import ExecutionStatus
from datapump.jobs.documents import AnalysisJob, JobStatus
from datapump.planning.record import keep
from tests.support.live import serving
from tests.support.plans import plan_of
from tests.support.programs import need

ROOT = Path(__file__).parents[2]


def script(text):
    lines = [line for line in text.splitlines() if line.startswith("    ") or not line.strip()]
    return "set -euo pipefail\nset -x\n" + textwrap.dedent("\n".join(lines))


def run_by_hand(text, app):
    """Run every line of a document against the app, as somebody with a key would."""
    need("curl", "curl")
    with serving(app) as address:
        environment = {"URL": address, "KEY": "dp_admin-secret", "PATH": "/usr/local/bin:/usr/bin:/bin"}
        done = subprocess.run(
            ["bash"], input=script(text), env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture
def carried(world, monkeypatch, published):
    """Executions get a job, which fails when they are stopped; there is a published table."""
    world.services = world.app.state.services = replace(world.services, data_api=lambda: published[0])
    runs = world.runs

    def job(execution_id, **changes):
        document = {**COMMANDS["continue_jobs"]["parameters"]["jobs"][0], "id": f"job-of-{execution_id}", **changes}
        return AnalysisJob.model_validate(document, strict=False)

    def start(execution_id):
        if runs.get_execution(execution_id).plan_only:
            keep(plan_of(execution_id), runs)
            runs.begin(execution_id, [], [], [])
            runs.finish(execution_id, ExecutionStatus.SUCCEEDED)
            return
        runs.begin(execution_id, [job(execution_id)], [], [])

    def stop(execution_id, reason):
        runs.request_stop(execution_id, reason)
        runs.save_job(execution_id, job(execution_id, status=JobStatus.FAILED, step="analyzing"), 1)
        runs.finish(execution_id, ExecutionStatus.STOPPED)

    monkeypatch.setattr(world.orchestrator, "start", start)
    monkeypatch.setattr(world.orchestrator, "stop", stop)
    world.add_config()
    return world


def test_every_line_of_the_documentation_works(carried):
    run_by_hand((ROOT / "docs" / "api.md").read_text(), carried.app)
    planned, first, retry, run = reversed(carried.runs.list_executions().items)
    assert planned.plan_only
    assert (first.status, first.stop_reason, first.retried_by) == ("stopped", "the feed is broken", retry.id)
    assert (retry.retry_of, run.name) == (first.id, "sync")
    (config,) = carried.sync_configs.list().items
    assert config.sync is True
    assert [change.action for change in carried.sync_configs.history(config.id).items] == [
        "resumed",
        "paused",
        "changed",
        "changed",
    ]


def test_every_line_of_the_readmes_section_works(carried):
    _, _, after = (ROOT / "README.md").read_text().partition("With curl, ")
    section, found, _ = after.partition("| route |")
    assert found
    run_by_hand(section, carried.app)
    first, retry = reversed(carried.runs.list_executions().items)
    assert (first.status, first.stop_reason, first.idempotency_key) == ("stopped", "the feed is broken", "tonight")
    assert retry.retry_of == first.id
    (config,) = carried.sync_configs.list().items
    assert [(change.caller, change.reason) for change in carried.sync_configs.history(config.id).items] == [
        ("admin", None),
        ("admin", "the tables are being mended"),
    ]
