"""A small typed client of datapump's own HTTP API: what the command line uses, and other programs can.

    with Client("http://127.0.0.1:8000", SecretStr(key)) as client:
        execution = client.submit('{"command": "sync", "parameters": {"types": ["viirs"]}}')
        for event in client.follow(execution["id"]):
            print(event["message"])
        assert client.wait(execution["id"])["status"] == "succeeded"

`AsyncClient` is the same, awaited. Whatever can be repeated without being done twice is repeated when there is no
answer, or one that means "later": what starts something has an idempotency key, made for it where none is given.
"""

from datapump.client.answers import Patience
from datapump.client.asynchronous import AsyncClient
from datapump.client.synchronous import Client

__all__ = ["AsyncClient", "Client", "Patience"]
