"""A retry carried to its end on the real Data API: what succeeded is not touched, what failed is made."""

from __future__ import annotations

from hashlib import sha256

import pytest

from datapump.engines import RunState, RunStatus
from datapump.executions import Execution, ExecutionStatus
from datapump.jobs.documents import JobStatus
from datapump.retries import plan_retry, retry_fingerprint
from tests.support.deployment import ANALYSIS, night


def command(count):
    """Analyse so many datasets."""
    names = [f"geostore_{number:03d}" for number in range(count)]
    tables = [{"dataset": name, "version": "v1", "analysis": "viirs"} for name in names]
    return {**ANALYSIS, "parameters": {**ANALYSIS["parameters"], "sync": False, "tables": tables}}


@pytest.fixture
def deployment(tmp_path):
    with night(tmp_path) as made:
        yield made


def break_runs(deployment, monkeypatch, names):
    """Let the engine fail the runs of some datasets for good."""
    real = deployment.engine.start

    def start(request):
        if any(name in request.output for name in names):
            deployment.engine.runs[request.name] = RunStatus(state=RunState.FAILED, message="no space left")
        else:
            real(request)

    monkeypatch.setattr(deployment.engine, "start", start)


def published(deployment):
    api = deployment.data_api
    return {
        (known["dataset"], version): (api.version(known["dataset"], version)["updated_on"], digest(api, known, version))
        for known in api.datasets()
        for version in known["versions"]
    }


def digest(api, known, version):
    """SHA-256 of a table's rows."""
    rows = sorted(str(row) for row in api.query(known["dataset"], version, "select * from data"))
    assert rows
    return sha256("\n".join(rows).encode()).hexdigest()


@pytest.mark.parametrize(
    ("count", "numbers"),
    [(8, {2, 5}), pytest.param(100, {0, 13, 29, 41, 57, 83, 99}, marks=pytest.mark.soak)],
)
def test_exactly_the_failed_jobs_run_again_and_nothing_else_changes(deployment, monkeypatch, count, numbers):
    deployment.server.patience_s = 20 + 3 * count
    names = {f"geostore_{number:03d}" for number in numbers}
    with monkeypatch.context() as broken:
        break_runs(deployment, broken, names)
        first = deployment.run(command(count))
    assert first.status is ExecutionStatus.FAILED
    failed = [job for job in deployment.jobs(first.id) if job.status is JobStatus.FAILED]
    assert {job.table.dataset for job in failed} == names
    before = published(deployment)
    lost = [name for name, status in deployment.engine.runs.items() if status.state is RunState.FAILED]
    for name in lost:
        del deployment.engine.runs[name]
    asked = len(deployment.engine.runs)

    planned = plan_retry(first, deployment.runs)
    retry = Execution(
        id=deployment.clock.new_id(),
        command=planned.command.model_dump(mode="json"),
        fingerprint=retry_fingerprint(first.id),
        caller="test",
        created=deployment.clock.now(),
        retry_of=first.id,
    )
    deployment.runs.create_execution(retry)
    done = deployment.carry(retry.id)

    assert (done.status, done.errors) == (ExecutionStatus.SUCCEEDED, [])
    assert [job.id for job in deployment.jobs(retry.id)] == [job.id for job in failed]
    assert len(deployment.engine.runs) == asked + len(names)
    after = published(deployment)
    assert {key: after[key] for key in before} == before
    assert {dataset.split("__")[0] for dataset, _ in set(after) - set(before)} == names
    assert {dataset.split("__")[0] for dataset, _ in before} == {f"geostore_{n:03d}" for n in range(count)} - names
    assert deployment.runs.get_execution(first.id).retried_by == retry.id
