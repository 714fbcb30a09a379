import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import uvicorn

from api.examples import COMMANDS
from datapump.executions import ExecutionStatus
from datapump.jobs.documents import AnalysisJob, JobStatus

REQUESTS = 50


@pytest.fixture
def address(world):
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        server = uvicorn.Server(uvicorn.Config(world.app, log_level="error", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def test_the_same_command_with_the_same_key_50_times_at_once_is_one_execution(world, address):
    barrier = threading.Barrier(REQUESTS)
    headers = {"Authorization": "Bearer dp_operate-secret"}

    def submit(number):
        key = "nightly" if number % 2 else '"nightly"'
        barrier.wait(20)
        return httpx.post(
            f"{address}/commands", json=COMMANDS["analysis"], headers={**headers, "Idempotency-Key": key}, timeout=60
        )

    with ThreadPoolExecutor(REQUESTS) as pool:
        responses = list(pool.map(submit, range(REQUESTS)))

    assert [response.status_code for response in responses] == [202] * REQUESTS
    assert len({response.headers["location"] for response in responses}) == 1
    assert sum("idempotency-replayed" not in response.headers for response in responses) == 1
    assert len(world.runs.list_executions().items) == 1
    assert len(world.runs.list_events(responses[0].json()["id"])) == 1


def test_many_keys_at_once_make_one_execution_each(world, address):
    headers = {"Authorization": "Bearer dp_operate-secret"}
    with httpx.Client(base_url=address, headers=headers, timeout=60) as client, ThreadPoolExecutor(16) as pool:

        def submit(number):
            key = f"night-{number % 20}"
            response = client.post("/commands", json=COMMANDS["sync"], headers={"Idempotency-Key": key})
            return key, response.status_code, response.json()["id"]

        answers = list(pool.map(submit, range(400)))
    assert {status for _, status, _ in answers} == {202}
    assert len({(key, identity) for key, _, identity in answers}) == 20
    assert len(world.runs.list_executions(limit=200).items) == 20


def test_one_execution_is_retried_once_however_many_ask_at_once(world, address):
    headers = {"Authorization": "Bearer dp_operate-secret"}
    with httpx.Client(base_url=address, headers=headers, timeout=60) as client, ThreadPoolExecutor(16) as pool:
        failed = client.post("/commands", json=COMMANDS["continue_jobs"]).json()["id"]
        job = AnalysisJob.model_validate(COMMANDS["continue_jobs"]["parameters"]["jobs"][0], strict=False)
        world.runs.begin(failed, [job], [], [])
        world.runs.save_job(failed, job.model_copy(update={"status": JobStatus.FAILED}), 1)
        world.runs.finish(failed, ExecutionStatus.FAILED)
        asked = list(pool.map(lambda _: client.post(f"/executions/{failed}/retry").status_code, range(32)))
    assert sorted(set(asked)) == [202, 409]
    assert asked.count(202) == 1
    assert len(world.runs.list_executions().items) == 2


def test_head_and_refusals_work_over_a_real_connection(address):
    with httpx.Client(base_url=address, timeout=20) as client:
        assert client.head("/health").status_code == 200
        assert client.get("/executions").status_code == 401
        assert client.head("/executions").status_code == 401
        headers = {"Authorization": "Bearer dp_operate-secret", "Content-Type": "application/json"}
        assert client.post("/commands", content=b" " * (2**20 + 1), headers=headers).status_code == 413
        assert client.get("/health").json()["status"] == "ok"
