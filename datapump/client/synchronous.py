"""The client that waits for its answers."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING, Self

import httpx

from datapump.client.answers import document
from datapump.client.exchange import Exchange, Following, authorized
from datapump.client.operations import JSON, Request
from datapump.errors import RemoteUnavailableError
from datapump.tls import trusted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import SecretStr

    from datapump.client.answers import Patience


class Client(Exchange[JSON]):
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
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx.Client(base_url=url, headers=authorized(key), verify=trusted())
        self._sleep = sleep
        super().__init__(self._http, timeout_s, patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def follow(self, execution_id: str, after: int = 0) -> Iterator[JSON]:
        """What happens in an execution, each event once, until it has ended; a server that is away is waited for.

        Raises:
            RemoteUnavailableError: It is away for more than a minute.
        """
        following = Following(after)
        while not following.ended:
            try:
                page = self.events(execution_id, **following.asking)
            except RemoteUnavailableError as error:
                self._sleep(following.away_s(error))
                continue
            yield from following.news(page)

    def wait(self, execution_id: str) -> JSON:
        """The execution, once it has ended."""
        for _ in self.follow(execution_id):
            pass
        return self.execution(execution_id)

    def _ask(self, request: Request) -> JSON:
        for attempt in count(1):
            outcome = self._send(request)
            wait_s = self._patience.wait_s(request, attempt, outcome)
            if wait_s is None:
                break
            self._sleep(wait_s)
        return document(outcome, str(self._http.base_url))

    def _send(self, request: Request) -> httpx.Response | httpx.HTTPError:
        try:
            return self._http.send(self._build(request))
        except httpx.HTTPError as error:
            return error
