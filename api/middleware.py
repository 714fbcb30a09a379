"""Around every request: its id, the headers of every answer, HEAD, and the errors that nobody foresaw."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.auditing import record
from api.problems import allowed_methods, answer
from api.threads import one_by_one

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from datapump.rate_limits import Allowance

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
NO_CONTENT = 204
NOT_ALLOWED = 405
ALWAYS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
logger = logging.getLogger(__name__)


class Envelope:
    """ASGI middleware, the outermost of the app's own.

    - `X-Request-Id`: the caller's if it is safe to write into a log, otherwise a new one.
    - Headers that every answer has, unless the endpoint has set its own.
    - HEAD is GET without the body; OPTIONS tells the methods, and allows no other origin anything.
    - What the caller may still ask for, and an audit record of what could change something.
    - An exception that no handler took becomes a problem of type `internal-error`, logged with its traceback.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; anything else, as the start of the server, passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        one_by_one.set(scope["app"].state.services.one_by_one)
        request_id = _request_id(scope)
        bodiless = scope["method"] == "HEAD"
        inner = {**scope, "method": "GET"} if bodiless else scope
        inner["state"] = {**scope.get("state", {}), "request_id": request_id, "bodiless": bodiless}
        started = False

        async def answer_with(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in ALWAYS.items():
                    headers.setdefault(name, value)
                headers.update(_rate_limit(inner))
                await record(scope, inner["state"], message["status"])
            elif bodiless and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await _app_for(scope, self._app)(inner, receive, answer_with)
        except ClientDisconnect:
            logger.info("request %s: the caller has left", request_id)
        except Exception as error:  # whatever broke it, the caller gets a problem and the log the cause
            if started:
                raise
            response = await answer(Request(inner, receive), error)
            await response(inner, receive, answer_with)


def _app_for(scope: Scope, app: ASGIApp) -> ASGIApp:
    """What answers the request: the app, or for OPTIONS of an address that there is, the methods that it knows.

    Raises:
        HTTPException: The address is a literal one, and has no such method; a route whose parameter it could be is not
            asked.
    """
    method = scope["method"]
    known = scope["app"].state.literal_methods.get(scope["path"])
    asked = "GET" if method == "HEAD" else method
    if method == "OPTIONS":
        allowed = allowed_methods(Request(scope))
        return Response(status_code=NO_CONTENT, headers={"Allow": ", ".join(allowed)}) if allowed else app
    if known is not None and asked not in known:
        raise HTTPException(NOT_ALLOWED)
    return app


def _rate_limit(scope: Scope) -> dict[str, str]:
    """What the caller may still ask for (draft-ietf-httpapi-ratelimit-headers-10)."""
    allowance: Allowance | None = scope["state"].get("allowance")
    if allowance is None:
        return {}
    return {
        "RateLimit-Policy": f'"caller";q={allowance.quota};w={allowance.window_s}',
        "RateLimit": f'"caller";r={allowance.remaining};t={allowance.full_in_s}',
    }


def _request_id(scope: Scope) -> str:
    request = Request(scope)
    given = request.headers.get("x-request-id", "")
    if REQUEST_ID.fullmatch(given):
        return given
    new: str = request.app.state.services.clock.new_id()
    return new
