"""How the Data API says no: its envelope for refused requests, and the plain text of requests it breaks on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from datapump.embedded.data_api.wording import reword
from datapump.errors import StorageError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

_log = logging.getLogger(__name__)
_SERVER_ERROR = 500


class ApiError(Exception):
    """An answer other than success, in the Data API's envelope.

    Attributes:
        status: HTTP status.
        message: What was wrong: a sentence.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class BreakError(Exception):
    """A request that the real service breaks on: answered with its plain `Internal Server Error`.

    Attributes:
        reason: What it breaks on, for our own log.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooLargeError(HTTPException):
    """A body that went over the limit while it was read; of the class that FastAPI lets pass while it reads."""

    def __init__(self, limit: int) -> None:
        super().__init__(413)
        self.limit = limit


def failure(status: int, message: object) -> JSONResponse:
    """The envelope of a request that was refused (4xx: `failed`) or went wrong (5xx: `error`)."""
    word = "failed" if status < _SERVER_ERROR else "error"
    return JSONResponse({"status": word, "message": message}, status)


def too_large(limit: int) -> JSONResponse:
    """The answer to a body over the limit, in bytes."""
    return failure(413, f"The request body is larger than {limit} bytes.")


def install(app: FastAPI) -> None:
    """Answer the errors that routes raise."""

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)  # noqa: S101 - registered for this class alone
        return failure(error.status, error.message)

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
        return failure(422, reword(error.errors()))

    async def broken(request: Request, error: Exception) -> Response:
        _log.warning("%s %s: %s", request.method, request.url.path, error)
        return PlainTextResponse("Internal Server Error", _SERVER_ERROR)

    async def no_storage(_request: Request, error: Exception) -> Response:
        _log.error("the store refused a write: %s", error)
        return failure(_SERVER_ERROR, str(error))

    async def large(_request: Request, error: Exception) -> Response:
        assert isinstance(error, TooLargeError)  # noqa: S101 - registered for this class alone
        return too_large(error.limit)

    app.add_exception_handler(ApiError, refused)
    app.add_exception_handler(TooLargeError, large)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(BreakError, broken)
    app.add_exception_handler(StorageError, no_storage)
