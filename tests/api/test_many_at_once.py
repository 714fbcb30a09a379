"""Thousands of submissions at once on the embedded server: as many executions as keys, and no wrong answer."""

import asyncio
import json
from collections import Counter

import pytest
from pydantic import SecretStr

from datapump.client import AsyncClient, Patience
from tests.support.server import ServerProcess

COMMAND = {"command": "sync", "parameters": {"types": ["viirs"]}}


async def submitted(server, requests, keys, at_once):
    """(number of the key, label of the answer, execution id) of so many requests over so many keys."""
    secret = SecretStr(server.key)
    gate = asyncio.Semaphore(at_once)
    # The server may close a connection just when it is used again: then the client repeats.
    async with AsyncClient(server.url, secret, 120, patience=Patience(attempts=8)) as client:

        async def submit(number):
            # The same key always asks for the same; each key for something of its own.
            command = json.dumps({**COMMAND, "labels": {"number": str(number % keys)}})
            async with gate:
                answer = await client.submit(command, f"key {number % keys}")
            return number % keys, int(answer["labels"]["number"]), answer["id"]

        return await asyncio.gather(*(submit(number) for number in range(requests)))


def check(tmp_path, requests, keys, at_once):
    with ServerProcess(tmp_path / "data", rate_limit_requests=10**6) as server:
        answers = asyncio.run(submitted(server, requests, keys, at_once))
        with server.client() as client:
            total = client.executions(total=True, limit=1)["total"]
    assert all(asked == told for asked, told, _ in answers)
    assert len({(asked, identity) for asked, _, identity in answers}) == keys
    assert set(Counter(identity for *_, identity in answers).values()) == {requests // keys}
    assert total == keys


def test_400_submissions_over_20_keys_are_20_executions(tmp_path):
    check(tmp_path, 400, 20, 64)


@pytest.mark.soak
@pytest.mark.timeout(1500)
def test_10000_submissions_over_500_keys_are_500_executions(tmp_path):
    check(tmp_path, 10_000, 500, 100)
