"""The client that waits for its answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

import httpx

from datapump.client.answers import Patience, document
from datapump.client.operations import JSON, Operations, Request
from datapump.errors import RemoteUnavailableError
from datapump.tls import trusted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import SecretStr

POLL_S = 20
AWAY_S = 1.0
AWAY_TIMES = 60


class Client(Operations[JSON]):
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
        headers = {"Authorization": f"Bearer {key.get_secret_value()}"}
        self._http = httpx.Client(base_url=url, headers=headers, verify=trusted())
        self._timeout_s = timeout_s
        self._patience = patience or Patience()
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def follow(self, execution_id: str, after: int = 0) -> Iterator[JSON]:
        """What happens in an execution, each event once, until it has ended; a server that is away is waited for.

        Raises:
            RemoteUnavailableError: It is away for more than a minute.
        """
        away = 0
        while True:
            try:
                page = self.events(execution_id, after=after, wait=POLL_S)
            except RemoteUnavailableError:
                away += 1
                if away > AWAY_TIMES:
                    raise
                self._sleep(AWAY_S)
                continue
            away = 0
            for event in page["items"]:
                after = event["seq"]
                yield event
            if page["next"] is None and page["ended"]:
                return

    def wait(self, execution_id: str) -> JSON:
        """The execution, once it has ended."""
        for _ in self.follow(execution_id):
            pass
        return self.execution(execution_id)

    def _ask(self, request: Request) -> JSON:
        attempt = 0
        while True:
            attempt += 1
            outcome = self._send(request)
            wait_s = self._patience.wait_s(request, attempt, outcome)
            if wait_s is None:
                return document(outcome, str(self._http.base_url))
            self._sleep(wait_s)

    def _send(self, request: Request) -> httpx.Response | httpx.HTTPError:
        try:
            return self._http.request(
                request.method,
                request.path,
                params=dict(request.params),
                content=request.body,
                headers=dict(request.headers),
                timeout=self._timeout_s + request.wait_s,
            )
        except httpx.HTTPError as error:
            return error
