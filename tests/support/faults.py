"""Ports that break when a test wants them to."""

from __future__ import annotations

import random
from dataclasses import replace

from pydantic import SecretStr

from datapump.clients.data_api import DataApi
from datapump.errors import RemoteUnavailableError
from tests.support.data_api_server import TOKEN
from tests.support.disk import largest_file

WRITES = {
    "runs": (
        "create_execution",
        "begin",
        "finish",
        "save_job",
        "add_event",
        "intend",
        "complete",
        "withdraw",
        "acquire",
    ),
    "sync_configs": ("put", "move", "patch", "record_freshness"),
    "objects": ("put",),
    "engine": ("start", "cancel"),
}


class Crash(BaseException):
    """The process dies here: no handler of errors may see it."""


class Tap:
    """Counts calls by name and number, and breaks the one before or after it is performed.

    `plan` is asked at every call for `before`, `after` or None; `error` makes what is raised.
    """

    def __init__(self, plan, error):
        self.plan = plan
        self.error = error
        self.calls = []

    def __call__(self, name, perform):
        self.calls.append(name)
        when = self.plan(len(self.calls), name)
        if when == "before":
            raise self.error(name)
        result = perform()
        if when == "after":
            raise self.error(name)
        return result


class Tapped:
    """A port whose named methods go through a tap."""

    def __init__(self, port, names, tap):
        self._port = port
        self._names = names
        self._tap = tap

    def __getattr__(self, name):
        method = getattr(self._port, name)
        if name not in self._names:
            return method
        return lambda *args, **kwargs: self._tap(name, lambda: method(*args, **kwargs))


class TappedDataApi(DataApi):
    """The client; every request, or only those that write, go through a tap."""

    def __init__(self, url, tap, *, reads=True):
        super().__init__(url, SecretStr(TOKEN), 30)
        self._tap = tap
        self._reads = reads

    def _send(self, method, path, **arguments):
        def perform():
            return super(TappedDataApi, self)._send(method, path, **arguments)

        return perform() if method == "GET" and not self._reads else self._tap(f"{method} {path}", perform)


def unavailable(name):
    return RemoteUnavailableError(f"the Data API did not answer {name}: ReadTimeout", status=None)


def tapped_writes(deployment, tap, data_api):
    """Ports of which every write goes through a tap; `data_api` is a tapped client that outlives them."""
    ports = deployment.ports
    changed = {name: Tapped(getattr(ports, name), methods, tap) for name, methods in WRITES.items()}
    return replace(ports, **changed, data_api=data_api)


def once_at_each(names, when):
    """A plan that breaks each kind of call the first time, and the set of those that have not come yet."""
    left = set(names)

    def plan(_, name):
        if name in left:
            left.remove(name)
            return when
        return None

    return plan, left


def at_random(seed, count, calls):
    """A plan that breaks so many of the first calls, before or after; and by number which."""
    chosen = random.Random(seed)
    # Calls made again after a crash count too, so the last of these numbers still fall into the night.
    moments = {number: chosen.choice(["before", "after"]) for number in chosen.sample(range(1, calls), count)}
    return lambda number, _: moments.get(number), moments


def carried(deployment, execution_id, ports):
    """An execution that is gone on with after each crash; `ports` makes what each new process works with."""
    while True:
        try:
            return deployment.carry(execution_id, ports())
        except Crash:
            deployment.reborn()


class OnFullDisk:
    """A port whose named methods find the disk full as long as `full` is set."""

    def __init__(self, port, *names):
        self.full = True
        self.refused = 0
        self._port = port
        self._names = names

    def __getattr__(self, name):
        method = getattr(self._port, name)
        if name not in self._names or not self.full:
            return method

        def refused(*args, **kwargs):
            self.refused += 1
            with largest_file(0):
                return method(*args, **kwargs)

        return refused
