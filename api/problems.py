"""Errors to problems (RFC 9457): the one map of the error tree, and the answer made from it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import quote

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from api import errors as http
from api import problem_types as types
from api.schemas.problems import Problem, ProblemError
from api.validation import words
from datapump import errors
from datapump.targets import TargetBusyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from api.problem_types import ProblemType

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 100
MAX_TEXT = 1000
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
CHALLENGE = 'Bearer realm="datapump"'
logger = logging.getLogger(__name__)

# The nearest class of an error's own ancestry decides.
TYPES: Mapping[type[Exception], ProblemType] = {
    errors.DatapumpError: types.INTERNAL_ERROR,
    errors.UserError: types.BAD_REQUEST,
    errors.InvalidInputError: types.INVALID_INPUT,
    errors.NotFoundError: types.NOT_FOUND,
    errors.ConflictError: types.CONFLICT,
    errors.UnauthorizedError: types.UNAUTHORIZED,
    errors.ForbiddenError: types.FORBIDDEN,
    errors.UnsupportedError: types.NOT_AVAILABLE,
    errors.RemoteError: types.REMOTE_FAILURE,
    errors.RemoteUnavailableError: types.REMOTE_UNAVAILABLE,
    errors.RemoteBusyError: types.REMOTE_UNAVAILABLE,
    errors.RemoteRefusedError: types.REMOTE_FAILURE,
    errors.RemoteInvalidError: types.REMOTE_FAILURE,
    errors.DataError: types.UNUSABLE_DATA,
    errors.StorageError: types.STORE_UNAVAILABLE,
    errors.InternalError: types.INTERNAL_ERROR,
    TargetBusyError: types.TARGET_BUSY,
    http.MalformedJsonError: types.MALFORMED_JSON,
    http.InvalidParameterError: types.INVALID_PARAMETER,
    http.InvalidHeaderError: types.INVALID_HEADER,
    http.InvalidCursorError: types.INVALID_CURSOR,
    http.UnexpectedParameterError: types.INVALID_PARAMETER,
    http.ContentTooLargeError: types.CONTENT_TOO_LARGE,
    http.MediaTypeError: types.UNSUPPORTED_MEDIA_TYPE,
    http.RateLimitedError: types.RATE_LIMITED,
    http.StaleError: types.STALE,
    http.PreconditionRequiredError: types.PRECONDITION_REQUIRED,
    http.KeyReusedError: types.KEY_REUSED,
    http.InsufficientScopeError: types.FORBIDDEN,
    RequestValidationError: types.INVALID_PARAMETER,
}
# What the framework itself refuses.
BY_STATUS = {
    404: types.NOT_FOUND,
    405: types.METHOD_NOT_ALLOWED,
    413: types.CONTENT_TOO_LARGE,
    415: types.UNSUPPORTED_MEDIA_TYPE,
}


def type_of(error: Exception) -> ProblemType:
    """The type of problem that an error is."""
    if isinstance(error, HTTPException):
        return BY_STATUS.get(error.status_code, types.BAD_REQUEST)
    return next((TYPES[kind] for kind in type(error).__mro__ if kind in TYPES), types.INTERNAL_ERROR)


async def answer(request: Request, error: Exception) -> Response:
    """The response to a request that ended in an error; what is ours or a remote system's fault is logged.

    Any exception will do: one outside the error tree is an internal error.
    """
    problem_type = type_of(error)
    request_id: str = request.state.request_id
    if problem_type.status >= types.INTERNAL_ERROR.status and problem_type is not types.NOT_AVAILABLE:
        logger.error("request %s failed: %s", request_id, problem_type.title, exc_info=error)
    problem = Problem(
        type=problem_type.uri,
        title=problem_type.title,
        status=problem_type.status,
        detail=problem_type.meaning if problem_type.concealed else _cut(_detail(request, error, problem_type)),
        instance=quote(_path(request), errors="replace"),
        request_id=request_id,
        errors=_errors(error) or None,
        holder=_execution(error.holder) if isinstance(error, TargetBusyError) else None,
    )
    body = json.dumps(problem.model_dump(exclude_none=True, by_alias=True)).encode()
    headers = _headers(request, error, problem_type)
    return Response(body, problem_type.status, headers, media_type=MEDIA_TYPE)


def _path(request: Request) -> str:
    # Not that of request.url, which is parsed again and loses what looks like a query, and control characters.
    return cast("str", request.scope["path"])


def _detail(request: Request, error: Exception, problem_type: ProblemType) -> str:
    if isinstance(error, errors.DatapumpError):
        return error.message
    if problem_type is types.NOT_FOUND:
        return f"there is nothing at {_path(request)!r}"
    if problem_type is types.METHOD_NOT_ALLOWED:
        return f"{request.method} is not a method of {_path(request)!r}: see the Allow header"
    return problem_type.meaning


def _execution(execution_id: str) -> str:
    return f"/executions/{execution_id}"


def _errors(error: Exception) -> list[ProblemError]:
    if isinstance(error, errors.InvalidInputError):
        found = [ProblemError(pointer=_cut(fault.pointer), detail=_cut(fault.message)) for fault in error.faults]
    elif isinstance(error, http.InvalidParameterError):
        found = [_parameter(error.location, error.name, error.message)]
    elif isinstance(error, RequestValidationError):
        found = [_parameter(str(item["loc"][0]), _name(item["loc"]), words(item)) for item in error.errors()]
    else:
        found = []
    return found[:MAX_ERRORS]


def _name(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location[1:])


def _parameter(location: str, name: str, detail: str) -> ProblemError:
    where = cast('Literal["query", "path", "header"]', location)
    return ProblemError(parameter=_cut(name), location=where, detail=_cut(detail))


def _headers(request: Request, error: Exception, problem_type: ProblemType) -> dict[str, str]:
    headers: dict[str, str] = {}
    if problem_type.retry_after_s is not None:
        headers["Retry-After"] = str(problem_type.retry_after_s)
    if isinstance(error, http.RateLimitedError):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, errors.UnauthorizedError):
        headers["WWW-Authenticate"] = CHALLENGE
    if isinstance(error, http.InsufficientScopeError):
        headers["WWW-Authenticate"] = f'{CHALLENGE}, error="insufficient_scope", scope="{error.scope}"'
    if isinstance(error, http.MediaTypeError):
        headers["Accept"] = ", ".join(error.accepted)
    if isinstance(error, TargetBusyError):
        headers["Link"] = f'<{_execution(error.holder)}>; rel="related"'
    if problem_type is types.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(allowed_methods(request))
    return headers


def allowed_methods(request: Request) -> list[str]:
    """The methods that some route answers at the request's path; the framework names those of one route only."""
    here: dict[str, Any] = {
        "type": "http",
        "method": "OPTIONS",
        "path": request.scope["path"],
        "root_path": request.scope.get("root_path", ""),
        "headers": [],
    }
    routes = request.app.state.api_routes
    # What has an address of its own, as `pause`, is none of the things beside it, though it could be one's id.
    known = request.app.state.literal_methods.get(request.scope["path"]) or {
        method for route in routes if route.matches(here)[0] != Match.NONE for method in route.methods
    }
    # HEAD is answered wherever GET is, and OPTIONS wherever there is something: see the middleware.
    answered = known | ({"HEAD"} if "GET" in known else set()) | ({"OPTIONS"} if known else set())
    return [method for method in METHODS if method in answered]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "..."
