import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import uvicorn

from api.examples import COMMANDS

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


def test_head_and_refusals_work_over_a_real_connection(address):
    with httpx.Client(base_url=address, timeout=20) as client:
        assert client.head("/health").status_code == 200
        assert client.get("/executions").status_code == 401
        assert client.head("/executions").status_code == 401
        headers = {"Authorization": "Bearer dp_operate-secret", "Content-Type": "application/json"}
        assert client.post("/commands", content=b" " * (2**20 + 1), headers=headers).status_code == 413
        assert client.get("/health").json()["status"] == "ok"
