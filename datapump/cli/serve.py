"""`datapump serve`: the whole deployment on this machine."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import uvicorn

from datapump.cli.output import DATA, out, told
from datapump.errors import DatapumpError, RemoteUnavailableError
from datapump.secret_files import secret_file
from datapump.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from datapump.settings import Settings

# How long the end of the server waits for requests that wait for events.
PARTING_S = 3
ISO_8601 = "%Y-%m-%dT%H:%M:%S"


def serve(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port to listen on; otherwise DATAPUMP_PORT, or 8000.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help=DATA)] = None,
) -> None:
    """Run API, orchestrator, engine and Data API on 127.0.0.1 until Ctrl-C."""
    chosen = {name: value for name, value in (("port", port), ("data_dir", data)) if value is not None}
    settings = get_settings().model_copy(update=chosen)
    address = f"http://{settings.host}:{settings.port}"

    def announce() -> None:
        out.print(f"datapump listens on {address}; its Data API on {address}/data-api", soft_wrap=True)
        out.print(f"the owner's key is in {secret_file(settings.data_dir, 'admin-key')}", soft_wrap=True)

    _log()
    with told():
        run(make_server(settings, announce))


def _log() -> None:
    """Write to stderr what a night has to say: a line for each execution that ends, and whatever goes wrong; in UTC."""
    lines = logging.StreamHandler()
    lines.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", ISO_8601))
    lines.formatter.converter = time.gmtime  # type: ignore[union-attr] # set in the line before
    logging.getLogger().addHandler(lines)
    for package in ("datapump", "state_machine"):
        logging.getLogger(package).setLevel(logging.INFO)


class Server(uvicorn.Server):
    """A server that tells when it listens."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: Any = None) -> None:  # noqa: ANN401 - uvicorn's own argument
        """Listen, then tell."""
        await super().startup(sockets)
        if self.started:
            self._listening()


def run(server: Server) -> None:
    """Serve until the end.

    Raises:
        DatapumpError: It did not start: it could not listen, or what the application itself said.
    """
    # uvicorn exits the process when it cannot listen; `started` tells.
    with suppress(SystemExit):
        server.run()
    if not server.started:
        raise _cannot_serve(server)


def make_server(settings: Settings, listening: Callable[[], None]) -> Server:
    """The embedded deployment under uvicorn.

    Raises:
        ConflictError: Another server runs on the data folder.
    """
    # The place where a deployment is put together is found by name: this package does not depend on it.
    app: Any = import_module("state_machine.embedded").create_embedded(settings).app
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        lifespan="on",
        timeout_graceful_shutdown=PARTING_S,
    )
    return Server(config, listening)


@contextmanager
def in_background(settings: Settings) -> Iterator[None]:
    """The embedded deployment in a thread of this process, as long as the block lasts.

    Raises:
        RemoteUnavailableError: It could not listen, for instance because the port is taken.
    """
    settled = threading.Event()
    server = make_server(settings, settled.set)
    thread = threading.Thread(target=_run, args=(server, settled), name="server")
    thread.start()
    settled.wait()
    try:
        if not server.started:
            raise _cannot_serve(server)
        yield
    finally:
        server.should_exit = True
        thread.join()


def _cannot_serve(server: Server) -> DatapumpError:
    """Why the server did not start: what the deployment itself said, else that it could not listen."""
    trouble: DatapumpError | None = getattr(server.config.app.state, "trouble", None)  # type: ignore[union-attr] # make_server's app
    if trouble is not None:
        return trouble
    address = f"{server.config.host}:{server.config.port}"
    return RemoteUnavailableError(f"cannot serve on {address}: is the port taken? choose another (--port, or PORT=)")


def _run(server: Server, settled: threading.Event) -> None:
    try:
        # uvicorn exits its thread when it cannot listen; `started` tells.
        with suppress(SystemExit):
            server.run()
    finally:
        settled.set()
