"""What happens around routes: the size limit, the redirect of `latest`, and the cache header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse, Response

from datapump.embedded.data_api import versions
from datapump.embedded.data_api.errors import TooLargeError, failure, too_large

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from datapump.embedded.data_api.service import Service

_OK = 200
_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_LATEST = "latest"


class BodyLimit:
    """Refuses bodies over a size with 413, before or while they arrive."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._limit:
            answer = too_large(self._limit)
            await answer(scope, receive, send)
            return
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > self._limit:
                raise TooLargeError(self._limit)
            return message

        await self._app(scope, counted, send)


class Latest:
    """Answers paths with `latest` in them: redirected where it is safe, refused where it is not.

    As the service does, this also takes a dataset whose name contains `latest` for such a path.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = route_path(scope) if scope["type"] == "http" else ""
        answer: Response | None = None
        if _LATEST in path and (scope["method"] == "GET" or scope["method"] in _CHANGES):
            answer = await run_in_threadpool(self._answer, scope, path)
        await (answer or self._app)(scope, receive, send)

    def _answer(self, scope: Scope, path: str) -> Response:
        readable = scope["method"] == "POST" and ("query" in path or "download" in path)
        if scope["method"] != "GET" and not readable:
            return failure(400, "You must list version name explicitly for this operation.")
        items = path.split("/")
        at = items.index(_LATEST) if _LATEST in items else len(items) - 1
        with self._service.read() as sql:
            version = versions.latest(sql, items[at - 1])
        if version is None:
            return failure(404, f"Dataset {items[at - 1]} has no latest version.")
        items[at] = version
        query = scope["query_string"].decode("latin-1")
        return redirect(scope, "/".join(items) + (f"?{query}" if query else ""), 307)


class NoCache:
    """Tells that answers of GET may not be kept, unless the route told otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == _OK:
                MutableHeaders(scope=message).setdefault("Cache-Control", "max-age=0")
            await send(message)

        wanted = scope["type"] == "http" and scope["method"] == "GET"
        await self._app(scope, receive, told if wanted else send)


def route_path(scope: Scope) -> str:
    """The path below the place where the Data API is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def redirect(scope: Scope, path: str, status: int) -> RedirectResponse:
    """A redirect to another path of the Data API, wherever it is mounted."""
    return RedirectResponse(scope.get("root_path", "") + path, status)
