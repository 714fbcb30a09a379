"""What the API's answers mean to its clients: documents, errors, and whether to ask again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from datapump.errors import (
    ConflictError,
    DatapumpError,
    Fault,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    RemoteInvalidError,
    RemoteUnavailableError,
    UnauthorizedError,
    UnsupportedError,
    UserError,
)

if TYPE_CHECKING:
    from datapump.client.operations import JSON, Request

ERRORS: dict[int, type[UserError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    412: ConflictError,
    501: UnsupportedError,
}
TOO_MANY = 429
LATER = frozenset({502, 503, 504})
# What has not been sent for sure.
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True)
class Patience:
    """How often a request is sent again, and after how long.

    Attributes:
        attempts: How often it is sent at most.
        first_s: The first wait, which doubles; each is spread by up to a half.
        longest_s: The longest wait, also where the answer asks for more.
    """

    attempts: int = 4
    first_s: float = 0.2
    longest_s: float = 30.0

    def wait_s(self, request: Request, attempt: int, outcome: httpx.Response | httpx.HTTPError) -> float | None:
        """Seconds until a request is sent again, after its attempt of that number (from 1); None if it is not."""
        if attempt >= self.attempts:
            return None
        if isinstance(outcome, httpx.HTTPError):
            again = request.repeatable or isinstance(outcome, UNSENT)
        else:
            # Beyond the rate limit nothing has been done.
            again = outcome.status_code == TOO_MANY or (request.repeatable and outcome.status_code in LATER)
        if not again:
            return None
        spread = 0.5 + random.random() / 2  # noqa: S311 - keeps callers from coming back all at once
        wait_s = self.first_s * float(2 ** (attempt - 1)) * spread
        asked = "" if isinstance(outcome, httpx.HTTPError) else outcome.headers.get("Retry-After", "")
        return min(max(wait_s, float(asked) if asked.isdecimal() else 0.0), self.longest_s)


def document(outcome: httpx.Response | httpx.HTTPError, address: str) -> JSON:
    """The document that was answered.

    Raises:
        DatapumpError: It is a problem, as the tree of errors knows it; or there is no answer, or none of datapump's.
    """
    if isinstance(outcome, httpx.UnsupportedProtocol):
        raise InvalidInputError(f"{address.rstrip('/')!r} is no http or https URL: set DATAPUMP_URL") from None
    if isinstance(outcome, httpx.HTTPError):
        raise RemoteUnavailableError(
            f"there is no answer from {address} ({type(outcome).__name__}): is the server running (datapump serve)?"
        ) from outcome
    try:
        found = outcome.json()
    except ValueError as error:
        raise RemoteInvalidError(f"{outcome.url} did not answer with JSON: is this datapump?") from error
    if outcome.is_success and isinstance(found, dict):
        return found
    problem = found if isinstance(found, dict) else {}
    detail = str(problem.get("detail") or problem.get("title") or problem.get("message") or "no reason given")
    if "type" not in problem:
        detail = (
            f"{outcome.url} answered {outcome.status_code}, not as datapump does ({detail}): is DATAPUMP_URL right?"
        )
    raise _error(outcome.status_code, detail, problem)


def _error(status: int, detail: str, problem: JSON) -> DatapumpError:
    faults = [
        Fault(str(one.get("pointer") or one.get("parameter") or ""), str(one.get("detail", "")))
        for one in problem.get("errors", [])
    ]
    if faults:
        return InvalidInputError(detail, faults=faults)
    if status in ERRORS:
        return ERRORS[status](detail)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == TOO_MANY:
        return RemoteUnavailableError(detail, status=status)
    return InvalidInputError(detail)
