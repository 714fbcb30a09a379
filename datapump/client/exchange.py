"""What both clients do alike: building requests, and following an execution."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from datapump.client.answers import Patience
from datapump.client.operations import Answer, Operations

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from pydantic import SecretStr

    from datapump.client.operations import JSON, Request
    from datapump.errors import RemoteUnavailableError

POLL_S = 20
AWAY_S = 1.0
AWAY_TIMES = 60


class Asking(TypedDict):
    """Which events to ask for next."""

    after: int
    wait: int


class Exchange(Operations[Answer]):
    """Requests of one caller to one address.

    Args:
        http: What sends them.
        timeout_s: Time limit of one request, on top of what it waits on purpose.
        patience: How requests are repeated.
    """

    def __init__(self, http: httpx.Client | httpx.AsyncClient, timeout_s: float, patience: Patience | None) -> None:
        self._builder = http
        self._timeout_s = timeout_s
        self._patience = patience or Patience()

    def _build(self, request: Request) -> httpx.Request:
        return self._builder.build_request(
            request.method,
            request.path,
            params=dict(request.params),
            content=request.body,
            headers=dict(request.headers),
            timeout=self._timeout_s + request.wait_s,
        )


class Following:
    """How far an execution has been followed: each event once, also over a server that is away for a while.

    Args:
        after: The number of the last event that is known.
    """

    def __init__(self, after: int) -> None:
        self.ended = False
        self._after = after
        self._away = 0

    @property
    def asking(self) -> Asking:
        """What to ask for."""
        return {"after": self._after, "wait": POLL_S}

    def news(self, page: JSON) -> Iterator[JSON]:
        """The events of the page that was answered."""
        self._away = 0
        for event in page["items"]:
            self._after = event["seq"]
            yield event
        self.ended = page["next"] is None and page["ended"]

    def away_s(self, error: RemoteUnavailableError) -> float:
        """Seconds to wait for a server that did not answer.

        Raises:
            RemoteUnavailableError: It has been away for more than a minute.
        """
        self._away += 1
        if self._away > AWAY_TIMES:
            raise error
        return AWAY_S


def authorized(key: SecretStr) -> dict[str, str]:
    """The header that says who is asking."""
    return {"Authorization": f"Bearer {key.get_secret_value()}"}
