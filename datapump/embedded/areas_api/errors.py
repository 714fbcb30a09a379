"""How the Areas API says no: JSON:API errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import JSONResponse

if TYPE_CHECKING:
    from fastapi import Request

MEDIA_TYPE = "application/vnd.api+json"
UNAUTHORIZED, FORBIDDEN = 401, 403


class RefusalError(Exception):
    """An answer other than success.

    Attributes:
        status: HTTP status.
        detail: What was wrong, in the service's words.
        told_status: The status in the body, where the service tells another one there.
    """

    def __init__(self, status: int, detail: str, told_status: int | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.told_status = told_status or status


async def refused(_request: Request, error: Exception) -> JSONResponse:
    """The answer that an error becomes."""
    assert isinstance(error, RefusalError)  # noqa: S101 - registered for this class alone
    body = {"errors": [{"status": error.told_status, "detail": error.detail}]}
    return JSONResponse(body, error.status, media_type=MEDIA_TYPE)
