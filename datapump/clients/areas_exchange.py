"""Exchanges with the Areas API: what is sent, when it is asked again, and what its errors mean."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from datapump.errors import (
    InvalidInputError,
    RemoteBusyError,
    RemoteInvalidError,
    RemoteRefusedError,
    RemoteUnavailableError,
)
from datapump.tls import trusted

if TYPE_CHECKING:
    from pydantic import SecretStr

JSON = dict[str, Any]
READ_TRIES = 3
MAX_BYTES = 512 * 2**20
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 - compared with, not listened on


class Answer(NamedTuple):
    """What the service answered: to which request, with which status, and the JSON document."""

    where: str
    status: int
    document: object


class AreasExchange:
    """The Areas API at one address.

    Args:
        url: Base URL. With a token it must be https, unless it is this machine.
        token: Bearer token of an admin.
        timeout_s: Time limit of one request, seconds.
        api_key: Sent as `x-api-key` where the gateway asks for one.
        max_bytes: Largest answer taken.

    Raises:
        InvalidInputError: The token would be sent in the clear.
    """

    def __init__(
        self,
        url: str,
        token: SecretStr | None,
        timeout_s: float,
        *,
        api_key: SecretStr | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in _LOOPBACK):
            raise InvalidInputError(
                f"the Areas API's address {parts.scheme}://{parts.hostname} is not https: its token would be readable "
                "on the way; set DATAPUMP_AREAS_API_URL to an https address"
            )
        self.url = url.rstrip("/")
        self._token = token
        self._api_key = api_key
        self._max_bytes = max_bytes
        self._client = httpx.Client(verify=trusted(), timeout=timeout_s, follow_redirects=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: JSON | None = None,
        read: bool = False,
    ) -> Answer:
        """One exchange; a read that gets no answer is asked again at once."""
        tries = READ_TRIES if read or method == "GET" else 1
        for left in reversed(range(tries)):
            try:
                return self._exchange(method, path, query, body, read=read)
            except RemoteBusyError:
                raise
            except RemoteUnavailableError:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _exchange(
        self, method: str, path: str, query: dict[str, str] | None, body: JSON | None, *, read: bool
    ) -> Answer:
        where = f"{method} {path}"
        try:
            with self._client.stream(
                method, self.url + path, params=query, json=body, headers=self._headers()
            ) as response:
                content = self._read(response, where)
        except httpx.HTTPError as error:
            raise RemoteUnavailableError(f"the Areas API did not answer {where}: {type(error).__name__}") from error
        document = _parsed(content)
        if response.is_success:
            if document is None:
                raise RemoteInvalidError(
                    f"the Areas API answered {where} with something that is no JSON: is the address right?"
                )
            return Answer(where, response.status_code, document)
        if read and response.status_code == httpx.codes.NOT_FOUND and "No GeoStores found" in _reason(document):
            return Answer(where, response.status_code, document)
        raise _error(where, response.status_code, _reason(document))

    def _headers(self) -> dict[str, str]:
        headers = {}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        if self._api_key is not None:
            headers["x-api-key"] = self._api_key.get_secret_value()
        return headers

    def _read(self, response: httpx.Response, where: str) -> bytes:
        parts = []
        size = 0
        for part in response.iter_bytes():
            size += len(part)
            if size > self._max_bytes:
                raise RemoteInvalidError(f"the Areas API answered {where} with more than {self._max_bytes} bytes")
            parts.append(part)
        return b"".join(parts)


def _parsed(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _reason(document: object) -> str:
    errors = document.get("errors") if isinstance(document, dict) else None
    if not isinstance(errors, list):
        return "no reason given"
    details = [str(error.get("detail") or error.get("title") or "") for error in errors if isinstance(error, dict)]
    return "; ".join(filter(None, details))[:500] or "no reason given"


def _error(where: str, status: int, reason: str) -> RemoteUnavailableError | RemoteRefusedError:
    text = f"the Areas API answered {where} with {status}: {reason}"
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return RemoteBusyError(text, status=status)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in {408, 425}:
        return RemoteUnavailableError(text, status=status)
    return RemoteRefusedError(text, status=status)
