"""The client that is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TYPE_CHECKING, Self

import httpx

from datapump.client.answers import document
from datapump.client.exchange import Exchange, Following, authorized
from datapump.client.operations import JSON, Request
from datapump.errors import RemoteUnavailableError
from datapump.tls import trusted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pydantic import SecretStr

    from datapump.client.answers import Patience


class AsyncClient(Exchange[Awaitable[JSON]]):
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
        self._http = httpx.AsyncClient(base_url=url, headers=authorized(key), verify=trusted())
        self._sleep = sleep
        super().__init__(self._http, timeout_s, patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def follow(self, execution_id: str, after: int = 0) -> AsyncIterator[JSON]:
        """What happens in an execution, each event once, until it has ended; a server that is away is waited for.

        Raises:
            RemoteUnavailableError: It is away for more than a minute.
        """
        following = Following(after)
        while not following.ended:
            try:
                page = await self.events(execution_id, **following.asking)
            except RemoteUnavailableError as error:
                await self._sleep(following.away_s(error))
                continue
            for event in following.news(page):
                yield event

    async def wait(self, execution_id: str) -> JSON:
        """The execution, once it has ended."""
        async for _ in self.follow(execution_id):
            pass
        return await self.execution(execution_id)

    async def _ask(self, request: Request) -> JSON:
        for attempt in count(1):
            outcome = await self._send(request)
            wait_s = self._patience.wait_s(request, attempt, outcome)
            if wait_s is None:
                break
            await self._sleep(wait_s)
        return document(outcome, str(self._http.base_url))

    async def _send(self, request: Request) -> httpx.Response | httpx.HTTPError:
        try:
            return await self._http.send(self._build(request))
        except httpx.HTTPError as error:
            return error
