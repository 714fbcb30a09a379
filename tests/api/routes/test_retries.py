import pytest

from api.examples import COMMANDS
from datapump.analyses import Analysis
from datapump.executions import ExecutionStatus
from datapump.jobs.documents import JobStatus, LatestTarget, SetLatestJob

CALLS = {"Idempotency-Key": "again"}


def job(name, **changes):
    targets = [LatestTarget(dataset="gadm__viirs__adm2_daily_alerts", version="v1")]
    values = {"id": name, "dataset": "gadm", "analysis": Analysis.VIIRS, "analysis_version": "v1", "targets": targets}
    return SetLatestJob(**values, **changes)


@pytest.fixture
def failed(world, operator):
    """An execution of four jobs that has ended, two of them failed."""
    identity = operator.post("/commands", json=COMMANDS["set_latest"]).json()["id"]
    world.runs.begin(identity, [job(f"job-{number}") for number in range(4)], [], [])
    for number, status in enumerate([JobStatus.COMPLETE, JobStatus.FAILED, JobStatus.COMPLETE, JobStatus.FAILED]):
        world.runs.save_job(identity, job(f"job-{number}", status=status, step="marking"), 1)
    world.runs.finish(identity, ExecutionStatus.FAILED)
    return identity


def retry(client, identity, **headers):
    return client.post(f"/executions/{identity}/retry", headers=headers)


def test_only_the_failed_jobs_are_taken_up_from_their_step_and_both_sides_are_linked(world, operator, failed):
    response = retry(operator, failed)
    assert response.status_code == 202
    new = response.json()
    assert response.headers["location"] == f"/executions/{new['id']}" == new["links"]["self"]
    assert (new["command"], new["retry_of"]) == ("continue_jobs", failed)
    assert new["links"]["retry_of"] == f"/executions/{failed}"
    assert [(one["id"], one["step"]) for one in new["parameters"]["jobs"]] == [
        ("job-1", "marking"),
        ("job-3", "marking"),
    ]
    original = operator.get(f"/executions/{failed}").json()
    assert (original["retried_by"], original["status"]) == (new["id"], "failed")
    assert original["links"]["retried_by"] == f"/executions/{new['id']}"
    assert world.runs.list_events(failed)[-1].data == {"execution": new["id"]}
    assert world.orchestrator.started[-1] == new["id"]


def test_a_repeated_retry_with_its_key_is_the_same_execution_also_when_it_has_ended(world, operator, failed):
    first = retry(operator, failed, **CALLS).json()
    for _ in range(2):
        again = retry(operator, failed, **{"Idempotency-Key": '"again"'})
        assert (again.status_code, again.json()["id"]) == (202, first["id"])
        assert again.headers["idempotency-replayed"] == "true"
        world.runs.begin(first["id"], [job("job-1", status=JobStatus.FAILED)], [], [])
        world.runs.finish(first["id"], ExecutionStatus.FAILED)
    assert len(world.runs.list_executions().items) == 2


def test_a_key_of_another_request_is_refused(world, operator, failed):
    operator.post("/commands", json=COMMANDS["sync"], headers=CALLS)
    response = retry(operator, failed, **CALLS)
    assert (response.status_code, response.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert world.runs.get_execution(failed).retried_by is None


def test_what_is_being_retried_is_a_conflict_that_names_the_retry(operator, failed):
    first = retry(operator, failed).json()["id"]
    response = retry(operator, failed)
    assert (response.status_code, response.json()["type"]) == (409, "/problems/conflict")
    assert first in response.json()["detail"]


def test_a_retry_that_failed_is_retried_itself(world, operator, failed):
    first = retry(operator, failed).json()["id"]
    world.runs.begin(first, [job("job-1"), job("job-3")], [], [])
    world.runs.save_job(first, job("job-1", status=JobStatus.FAILED), 1)
    world.runs.save_job(first, job("job-3", status=JobStatus.COMPLETE), 1)
    world.runs.finish(first, ExecutionStatus.FAILED)
    response = retry(operator, failed)
    assert response.status_code == 409
    assert f"taken up by {first}: retry that one" in response.json()["detail"]
    second = retry(operator, first).json()
    assert [one["id"] for one in second["parameters"]["jobs"]] == ["job-1"]


def test_a_retry_that_never_had_jobs_leaves_its_place_to_another(world, operator, failed):
    first = retry(operator, failed).json()["id"]
    world.runs.finish(first, ExecutionStatus.FAILED, ["the store was away"])
    assert retry(operator, failed).status_code == 202


def test_a_job_that_another_execution_took_up_is_left_out_and_noted(world, operator, failed):
    other = operator.post("/commands", json=COMMANDS["sync"]).json()["id"]
    world.runs.begin(other, [job("job-1")], [], [])
    new = retry(operator, failed).json()
    assert [one["id"] for one in new["parameters"]["jobs"]] == ["job-3"]
    assert new["notes"][1] == f"1 job left out, taken up already by {other}"


def test_what_has_nothing_to_retry_is_a_conflict(world, operator):
    running = operator.post("/commands", json=COMMANDS["set_latest"]).json()["id"]
    assert "only one that has ended" in retry(operator, running).json()["detail"]
    world.runs.finish(running, ExecutionStatus.FAILED, ["x"])
    assert "submit its command again" in retry(operator, running).json()["detail"]
    done = operator.post("/commands", json=COMMANDS["set_latest"]).json()["id"]
    world.runs.begin(done, [job("job-9", status=JobStatus.COMPLETE)], [], [])
    world.runs.finish(done, ExecutionStatus.SUCCEEDED)
    response = retry(operator, done)
    assert response.status_code == 409
    assert "none of its jobs failed" in response.json()["detail"]
    assert retry(operator, "nope").status_code == 404


def test_a_body_is_refused(operator, failed):
    response = operator.post(f"/executions/{failed}/retry", json={"jobs": ["job-1"]})
    assert response.status_code == 422
    assert "no body" in response.json()["detail"]
