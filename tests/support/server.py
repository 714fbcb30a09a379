"""The real server in a process of its own, to be killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from pydantic import SecretStr

from datapump.client import Client
from datapump.clients.data_api import DataApi
from datapump.secret_files import read, secret_file

ROOT = Path(__file__).parent.parent.parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ServerProcess:
    """`datapump serve` on a data folder.

    The port stays the same over restarts, as a client expects of a server.
    """

    def __init__(self, data, **settings):
        self.data = Path(data)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = settings
        self._process = None
        # A file, not a pipe: one that nobody reads holds the server up when it is full.
        self.log = self.data.with_name(f"{self.data.name}.log")

    def start(self):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DATAPUMP_")}
        environment["DATAPUMP_NIGHTLY"] = "false"
        environment |= {f"DATAPUMP_{name.upper()}": str(value) for name, value in self._settings.items()}
        program = [sys.executable, "-c", "from datapump.cli import main; main()"]
        arguments = ["serve", "--port", str(self.port), "--data", str(self.data)]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [*program, *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        for line in self._process.stdout:
            if "listens on" in line:
                return self
        self._process.wait()
        raise AssertionError("the server did not start: " + self.log.read_text())

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self._end()

    def stop(self):
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._end()

    def _end(self):
        if self._process is not None:
            self._process.stdout.close()
            self._process.wait(timeout=30)

    def lives_for(self, seconds):
        """Wait; True if the process is still there afterwards."""
        try:
            self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    @property
    def key(self):
        """The owner's."""
        return read(secret_file(self.data, "admin-key"))

    def client(self):
        return Client(self.url, SecretStr(self.key))

    def data_api(self):
        token = SecretStr(read(secret_file(self.data, "data-api-token")))
        return DataApi(f"{self.url}/data-api", token, 30)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
