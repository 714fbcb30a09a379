"""The embedded Data API on a free port of this machine, held up and let go on as a test wants it."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

import uvicorn
from pydantic import SecretStr

from datapump.clients.data_api import DataApi
from datapump.clock import SystemClock
from datapump.embedded.data_api.app import create_data_api
from datapump.embedded.data_api.settings import DataApiSettings
from tests.support.live import Server

TOKEN = "token"


class DataApiServer:
    """The embedded Data API on a free port of this machine, in a thread.

    `at` says what to do at points of its background work, by their names; `patience_s` how long that may take.
    """

    patience_s = 20

    def __init__(self, folder, objects, **settings):
        self._settings = {"folder": folder, "tokens": {TOKEN: {"role": "ADMIN", "user_id": "datapump"}}, **settings}
        self._objects = objects
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        settings = DataApiSettings.model_validate({**self._settings, "public_url": self.url})
        self._loading = threading.Event()
        self._loading.set()
        self._moved = threading.Condition()
        self.at = {}
        self.app = create_data_api(settings, objects, SystemClock(), self._checkpoint)
        self._server = Server(uvicorn.Config(self.app, log_level="warning", lifespan="on"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def __enter__(self):
        self._socket.listen(128)
        self._thread.start()
        assert self._server.is_up.wait(20)
        return self

    def __exit__(self, *_):
        self._loading.set()
        self._server.should_exit = True
        self._thread.join()
        self.close()

    def close(self):
        self._socket.close()

    def _checkpoint(self, point, _task_id):
        if point == "reading":
            self._loading.wait()
        self.at.get(point, lambda: None)()
        with self._moved:
            self._moved.notify_all()

    def settle(self):
        """Wait until the background work that was asked for is done, unless it is held."""
        with self._moved:
            assert self._moved.wait_for(lambda: not (self._loading.is_set() and self._at_work()), self.patience_s)

    def _at_work(self):
        if not self._server.is_up.is_set():
            return None
        with self.app.state.service.read() as sql:
            return sql.execute("SELECT 1 FROM tasks WHERE stage NOT IN ('done', 'failed')").fetchone()

    def hold(self):
        """From now on no load begins: what is asked for stays pending."""
        self._loading.clear()

    @contextmanager
    def held(self):
        """As long as the block lasts, no load begins."""
        self.hold()
        yield
        self.load()

    def load(self):
        """Go on with what is held."""
        self._loading.set()

    def client(self):
        key = next(iter(self._settings.get("query_keys", ())), None)
        return DataApi(self.url, SecretStr(TOKEN), 30, api_key=None if key is None else SecretStr(key))

    def log(self):
        return self.app.state.service.request_log()
