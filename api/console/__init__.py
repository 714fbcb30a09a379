"""The operators' web page: files for the browser. All that they show comes from the API, with the caller's key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from datapump.charts import SPECS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATH = "/console"
PAGES = Path(__file__).parent / "pages"
SMALLEST_COMPRESSED = 500
# Nothing but the console's own files runs, and nothing but this API is asked.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # The files change with the program: ask whether they have, by their entity tags.
    "Cache-Control": "no-cache",
}


class _Headers:
    """ASGI middleware: the headers of every file."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, answer_with)


def console() -> Starlette:
    """The app that serves the files, to be mounted at `PATH`."""
    return Starlette(
        routes=[Mount("/specs", StaticFiles(directory=SPECS)), Mount("/", StaticFiles(directory=PAGES, html=True))],
        middleware=[Middleware(_Headers), Middleware(GZipMiddleware, minimum_size=SMALLEST_COMPRESSED)],
    )
