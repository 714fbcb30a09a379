"""Who holds a GFW token: asked of the ResourceWatch API, remembered for a minute.

Source: its `GET /auth/check-logged`, as the GFW Data API asks it: 401 for a token that is not good, else the user with
`id` and `role`, and in `extraUserData.apps` the applications that the user belongs to.
"""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

import httpx

from datapump.errors import InvalidInputError, RemoteError, RemoteInvalidError, RemoteUnavailableError
from datapump.keys import ApiKey, Scope, digest
from datapump.sources.http_deadline import Deadline, DeadlineTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from datapump.clock import Clock
    from datapump.settings import Settings

SCOPES: Final = {"ADMIN": Scope.ADMIN, "MANAGER": Scope.OPERATE, "USER": Scope.READ}
APP: Final = "gfw"
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
LONGEST: Final = 8192
MOST_BYTES: Final = 65536
MOST_REMEMBERED: Final = 10_000
GOOD_FOR: Final = timedelta(seconds=60)
BAD_FOR: Final = timedelta(seconds=10)
AWAY_FOR: Final = timedelta(seconds=5)
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class _Known(NamedTuple):
    """What was learnt of a token, and until when it holds."""

    key: ApiKey | None
    until: datetime


class GfwAccounts:
    """The holders of GFW tokens. A token is kept as its hash only.

    Args:
        url: Base URL of the ResourceWatch API; https, unless it is this machine.
        timeout_s: Time limit of one whole question, seconds.
        api_key: Sent as `x-api-key` where the gateway asks for one.

    Raises:
        InvalidInputError: Tokens would be sent in the clear.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        timeout_s: float,
        api_key: SecretStr | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in LOOPBACK):
            raise InvalidInputError("DATAPUMP_RW_API_URL is not https: tokens would be readable on the way")
        self._url = url.rstrip("/") + "/auth/check-logged"
        self._clock = clock
        self._timeout_s = timeout_s
        self._headers = {} if api_key is None else {"x-api-key": api_key.get_secret_value()}
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._away: tuple[datetime, RemoteError] | None = None

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> Self | None:
        """The accounts of a deployment, None where its settings name no ResourceWatch API."""
        if settings.rw_api_url is None:
            return None
        return cls(settings.rw_api_url, clock, timeout_s=settings.rw_api_timeout_s, api_key=settings.rw_api_key)

    def find(self, token: str) -> ApiKey | None:
        """The key that a token stands for; None if it is not good, or its holder may do nothing here.

        Raises:
            RemoteUnavailableError: The ResourceWatch API did not answer; for some seconds it is not asked again.
            RemoteInvalidError: It answered what breaks its contract.
        """
        if len(token) > LONGEST or not TOKEN.fullmatch(token):
            return None
        name, now = digest(token), self._clock.now()
        with self._lock:
            known = self._known.get(name)
            if known is not None and known.until > now:
                return known.key
            if self._away is not None and self._away[0] > now:
                raise self._away[1]
        try:
            key = self._ask(token, name)
        except RemoteError as error:
            with self._lock:
                self._away = (now + AWAY_FOR, error)
            raise
        with self._lock:
            self._remember(name, _Known(key, now + (BAD_FOR if key is None else GOOD_FOR)), now)
        return key

    def _remember(self, name: str, known: _Known, now: datetime) -> None:
        self._away = None
        if len(self._known) >= MOST_REMEMBERED:
            self._known = {other: one for other, one in self._known.items() if one.until > now}
        if len(self._known) < MOST_REMEMBERED:
            self._known[name] = known

    def _ask(self, token: str, name: str) -> ApiKey | None:
        status, body = self._get(token)
        if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            return None
        if status != httpx.codes.OK:
            raise RemoteUnavailableError(f"the ResourceWatch API could not check the token ({status})", status=status)
        return self._key(body, name)

    def _get(self, token: str) -> tuple[int, bytes]:
        # The transport by itself: nothing is logged, and no redirect takes the token elsewhere.
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "datapump", **self._headers}
        request = httpx.Request("GET", self._url, headers=headers)
        request.extensions["timeout"] = httpx.Timeout(self._timeout_s).as_dict()
        transport = DeadlineTransport(Deadline(self._timeout_s, self._monotonic))
        body = bytearray()
        try:
            with closing(transport), closing(transport.handle_request(request)) as response:
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise RemoteInvalidError("the ResourceWatch API answered more than a user")
                return response.status_code, bytes(body)
        except httpx.HTTPError as error:
            raise RemoteUnavailableError(f"the ResourceWatch API did not answer: {type(error).__name__}") from None

    def _key(self, body: bytes, name: str) -> ApiKey | None:
        try:
            user: Any = json.loads(body)
        except ValueError:
            user = None
        identity = user.get("id") if isinstance(user, dict) else None
        if not isinstance(identity, str) or not ID.fullmatch(identity):
            raise RemoteInvalidError("the ResourceWatch API did not say whose token it is")
        scope = SCOPES.get(str(user.get("role")))
        if scope is None or not _belongs(user.get("extraUserData")):
            return None
        # No name that datapump keys make has a colon: an account can be taken for no key's caller.
        return ApiKey(digest=name, caller=f"gfw:{identity}", scope=scope, created=self._clock.now())


def _belongs(extra: object) -> bool:
    """Whether a user belongs to GFW: to the application, where the answer names applications."""
    apps = extra.get("apps") if isinstance(extra, dict) else None
    return apps is None or (isinstance(apps, list) and APP in apps)
