"""`kill -9` of the server at random moments: in the end everything is as if nothing had happened."""

from __future__ import annotations

import json
import random
import re
import sqlite3
import threading
from contextlib import closing

import pytest

from datapump.embedded.sample.loading import load
from datapump.embedded.sample.world import write
from datapump.errors import RemoteUnavailableError
from datapump.objects import Objects
from datapump.settings import Settings
from datapump.sources.fire_files import FireType, near_real_time_folder
from tests.support.server import ServerProcess

KILLS = 20
SEED = 20260115
VERSION = "v20260101"
ENDED = {"succeeded", "failed", "stopped"}
QUICK = {"poll_min_s": 0.1, "poll_max_s": 0.5, "backoff_s": 0.1, "effect_settle_s": 0}


def commands(world):
    tables = [
        {"dataset": features.dataset, "version": features.version, "analysis": "viirs"}
        for features in (world.gadm, world.user_areas)
    ]
    parameters = {"analysis_version": VERSION, "sync": True, "geotrellis_version": "2.6.20", "tables": tables}
    return [
        {"command": "analysis", "parameters": parameters},
        {"command": "sync", "parameters": {"types": ["viirs"], "sync_version": "v20260119"}},
        {"command": "set_latest", "parameters": {"analysis_version": VERSION}},
    ]


def progress(data):
    """How far a night is: what its store holds of events and effects only ever grows."""
    with closing(sqlite3.connect(data / "datapump.sqlite")) as connection:
        query = "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM effects)"
        return connection.execute(query).fetchone()[0]


class Killer:
    """Kills the server at random moments of its work and starts it again.

    A moment is a random one shortly after the night's progress has reached a random count, so that the kills are spread
    over all that the server does, however fast the machine is.
    """

    def __init__(self, server, kills, most):
        self.server = server
        self.random = random.Random(SEED)
        self.moments = sorted(self.random.randrange(most) for _ in range(kills))
        self.killed = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        for moment in self.moments:
            while progress(self.server.data) < moment:
                if self.over.wait(0.0005):
                    return
            # Every other kill comes at once: between an effect's intention and its outcome are only milliseconds.
            if self.killed % 2:
                self.over.wait(self.random.uniform(0.0, 0.15))
            self.server.kill()
            self.killed += 1
            self.server.start()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def until_answered(ask):
    """Ask again until the server is there to answer."""
    pause = threading.Event()
    for _ in range(600):
        try:
            return ask()
        except RemoteUnavailableError:
            pause.wait(0.05)
    raise AssertionError("the server never came back")


def carry(server, command, key):
    """Submit a command and wait for its end, through any number of deaths of the server."""
    pause = threading.Event()
    with server.client() as client:
        execution = until_answered(lambda: client.submit(json.dumps(command), key))
        identity = execution["id"]
        while execution["status"] not in ENDED:
            pause.wait(0.1)
            execution = until_answered(lambda: client.execution(identity))
    return execution


def play(folder, kills=0, most=1):
    """A night: analysis, sync, set_latest. Returns what it left behind, how many kills it took, and its progress."""
    world = write(folder / "sample")
    server = ServerProcess(folder / "data", viirs_url=world.fire_feed, **QUICK)
    with server:
        objects = Objects((folder / "data" / "objects").resolve())
        settings = Settings(_env_file=None)
        api = server.data_api()
        load(world, objects, api, settings)
        saved = near_real_time_folder(FireType.VIIRS, settings.data_lake_bucket)
        objects.put(saved + world.saved_fires.name, world.saved_fires)
        api.close()
        with Killer(server, kills, most) as killer:
            executions = [carry(server, command, command["command"]) for command in commands(world)]
        assert [execution["status"] for execution in executions] == ["succeeded"] * 3, executions
        tables = published(server)
        with server.client() as client:
            configs = client.sync_configs()["items"]
    left = {"tables": tables, "configs": configs_as_told(configs), "log": request_log(folder / "data")}
    return left, killer.killed, progress(folder / "data")


def published(server):
    api = server.data_api()
    found = {}
    for dataset in api.datasets():
        name = dataset["dataset"]
        if "__viirs__" in name:
            rows = api.query(name, VERSION, "select * from data")
            found[name] = (api.latest(name), sorted(json.dumps(row, sort_keys=True) for row in rows))
    api.close()
    return found


def configs_as_told(configs):
    return [
        {name: value for name, value in config.items() if name not in {"updated", "revision"}} for config in configs
    ]


def request_log(data):
    """The writes that the Data API was asked for, without what is named by time or chance."""
    with closing(sqlite3.connect(data / "data_api" / "data_api.sqlite")) as connection:
        rows = connection.execute("SELECT method, path, body, status FROM requests").fetchall()
    return sorted(f"{method} {path} {status} {anonymous(body)}" for method, path, body, status in rows)


def anonymous(body):
    text = re.sub(r"firealerts_viirs_\d{8}_\d{4}(_\d+)?", "RUN", body or "")
    return re.sub(r"part-00000-[0-9a-f-]{36}", "PART", text)


@pytest.mark.timeout(280)
def test_twenty_kills_change_nothing(tmp_path):
    calm, none, most = play(tmp_path / "calm")
    wild, kills, _ = play(tmp_path / "wild", KILLS, most)
    assert (none, kills) == (0, KILLS)
    assert wild["tables"] == calm["tables"]
    assert wild["configs"] == calm["configs"]
    assert wild["log"] == calm["log"]
    assert sum(len(rows) for _, rows in calm["tables"].values()) > 500
