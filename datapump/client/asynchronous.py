"""The client that is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Self

import httpx

from datapump.client.answers import Patience, document
from datapump.client.operations import JSON, Operations, Request
from datapump.client.synchronous import AWAY_S, AWAY_TIMES, POLL_S
from datapump.errors import RemoteUnavailableError
from datapump.tls import trusted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pydantic import SecretStr


class AsyncClient(Operations[Awaitable[JSON]]):
    """datapump at one address, for one caller.

    Args:
        url: Its address.
        key: The caller's key.
        timeout_s: Time limit of one request, on top of what it waits on purpose.
        patience: How requests are repeated.
        sleep: What waits.
    """

    def __init__(
        self,
        url: str,
        key: SecretStr,
        timeout_s: float = 30.0,
        *,
        patience: Patience | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        headers = {"Authorization": f"Bearer {key.get_secret_value()}"}
        self._http = httpx.AsyncClient(base_url=url, headers=headers, verify=trusted())
        self._timeout_s = timeout_s
        self._patience = patience or Patience()
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def follow(self, execution_id: str, after: int = 0) -> AsyncIterator[JSON]:
        """What happens in an execution, each event once, until it has ended; a server that is away is waited for.

        Raises:
            RemoteUnavailableError: It is away for more than a minute.
        """
        away = 0
        while True:
            try:
                page = await self.events(execution_id, after=after, wait=POLL_S)
            except RemoteUnavailableError:
                away += 1
                if away > AWAY_TIMES:
                    raise
                await self._sleep(AWAY_S)
                continue
            away = 0
            for event in page["items"]:
                after = event["seq"]
                yield event
            if page["next"] is None and page["ended"]:
                return

    async def wait(self, execution_id: str) -> JSON:
        """The execution, once it has ended."""
        async for _ in self.follow(execution_id):
            pass
        return await self.execution(execution_id)

    async def _ask(self, request: Request) -> JSON:
        attempt = 0
        while True:
            attempt += 1
            outcome = await self._send(request)
            wait_s = self._patience.wait_s(request, attempt, outcome)
            if wait_s is None:
                return document(outcome, str(self._http.base_url))
            await self._sleep(wait_s)

    async def _send(self, request: Request) -> httpx.Response | httpx.HTTPError:
        try:
            return await self._http.request(
                request.method,
                request.path,
                params=dict(request.params),
                content=request.body,
                headers=dict(request.headers),
                timeout=self._timeout_s + request.wait_s,
            )
        except httpx.HTTPError as error:
            return error
