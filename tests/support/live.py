"""An app under uvicorn on a free port of this machine, in a thread."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

import uvicorn


class Server(uvicorn.Server):
    """A server that tells when it has started."""

    def __init__(self, config):
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.is_up.set()


@contextmanager
def serving(app):
    """The app's address, as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        config = uvicorn.Config(app, log_level="error", ws="none", lifespan="off", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            # Also when the block fails: a thread that nobody ends keeps the whole process from ending.
            server.should_exit = True
            thread.join(20)
        assert not thread.is_alive()
