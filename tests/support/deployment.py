"""A whole deployment in one process, step by step: a clock that stands still, no loop, the real Data API over HTTP."""

from __future__ import annotations

import json
import re
import shutil
import time
from dataclasses import replace
from itertools import count

import shapely

from datapump.clients.webhooks import Webhooks
from datapump.commands import parse_command
from datapump.executions import Execution
from datapump.objects import Objects
from datapump.ports import Ports
from datapump.settings import Settings
from datapump.stores.sqlite import Database, SqliteRunStore, SqliteSyncConfigStore
from state_machine.flow import take_dispatch, take_postprocess, take_tick
from tests.support.clock import FakeClock
from tests.support.data_api_server import DataApiServer
from tests.support.inline_engine import InlineEngine

GEOSTORES = "s3://gfw-pipelines/geotrellis/features/geostore/areas.tsv"
FIRES = "s3://gfw-data-lake/nasa_viirs_fire_alerts/v1/vector/epsg-4326/tsv/near_real_time"
HEADER = "latitude\tlongitude\tacq_date\tacq_time\tconfidence\tbright_ti4\tbright_ti5\tfrp"
FEED_HEADER = (
    "latitude,longitude,bright_ti4,scan,track,acq_date,acq_time,satellite,confidence,version,bright_ti5,frp,daynight"
)
AREA = "a" * 32
SQUARE = shapely.box(9, 9, 11, 11)
TABLE = {"dataset": "geostore", "version": "v1", "analysis": "viirs"}
ANALYSIS = {
    "command": "analysis",
    "parameters": {"analysis_version": "v1", "sync": True, "geotrellis_version": "2.6.20", "tables": [TABLE]},
}
SYNC = {"command": "sync", "parameters": {"types": ["viirs"], "sync_version": "v20260117"}}


class Deployment:
    """Everything that an execution needs, carried by hand with `carry`."""

    def __init__(self, folder, clock=None, **settings):
        self.folder = folder
        self.clock = clock or FakeClock()
        self.objects = Objects(folder / "objects")
        self.settings = Settings(_env_file=None, data_dir=folder, effect_settle_s=0, **settings)
        self.database = Database(folder / "datapump.sqlite")
        self.runs = SqliteRunStore(self.database, self.clock)
        self.sync_configs = SqliteSyncConfigStore(self.database, self.clock)
        self.engine = InlineEngine(self.objects)
        self.server = DataApiServer(folder / "data_api", self.objects)
        self.data_api = self.server.client()
        self.ports = Ports(
            settings=self.settings,
            clock=self.clock,
            runs=self.runs,
            sync_configs=self.sync_configs,
            objects=self.objects,
            data_api=self.data_api,
            engine=self.engine,
            notifier=Webhooks.of(self.settings),
        )

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, *_):
        self.server.__exit__()
        self.close()

    def close(self):
        """Let go of what is open: for a deployment whose server was never started."""
        self.data_api.close()
        self.server.close()
        self.database.close()

    def reborn(self):
        """What a new process has after the old one died: the same files and remote systems, nothing in memory."""
        self.database.close()
        self.database = Database(self.folder / "datapump.sqlite")
        self.runs = SqliteRunStore(self.database, self.clock)
        self.sync_configs = SqliteSyncConfigStore(self.database, self.clock)
        self.ports = replace(self.ports, runs=self.runs, sync_configs=self.sync_configs)
        self.runs.give_back_all()

    def submit(self, command, *, plan_only=False):
        """Store an execution of a command, or of its plan."""
        parsed = parse_command(json.dumps(command))
        execution = Execution(
            id=self.clock.new_id(),
            command=parsed.model_dump(mode="json"),
            fingerprint="",
            caller="test",
            created=self.clock.now(),
            plan_only=plan_only,
        )
        return self.runs.create_execution(execution)[0].id

    def step(self, ports=None):
        """Take all that is due, or move the clock to what falls due next. False if nothing is open."""
        ports = ports or self.ports
        units = self.runs.claim(8)
        for unit in units:
            self.before(unit)
            if unit.phase == "dispatch":
                wait = take_dispatch(unit.execution_id, unit.attempts, ports)
            elif unit.phase == "postprocess":
                wait = take_postprocess(unit.execution_id, unit.attempts, ports)
            else:
                wait = take_tick(unit.execution_id, unit.job_id, ports)
            self.runs.give_back(unit, wait)
        if not units:
            if self.runs.next_due() is None:
                return False
            self.server.settle()
            self.clock.advance(1)
        return True

    def before(self, unit):
        """Called before each step is taken."""

    def carry(self, execution_id, ports=None, steps=20000):
        """Take steps until the execution has ended."""
        for _ in range(steps):
            if self.runs.get_execution(execution_id).ended:
                return self.runs.get_execution(execution_id)
            assert self.step(ports), "the execution is open but nothing is due"
        raise AssertionError(f"not ended: {self.jobs(execution_id)}")

    def carry_until(self, condition, ports=None, steps=20000):
        """Take steps until something is so."""
        for _ in range(steps):
            if condition():
                return
            assert self.step(ports), "nothing is due"
        raise AssertionError("it never came to be so")

    def run(self, command, ports=None):
        """Submit a command and carry it to its end."""
        return self.carry(self.submit(command), ports)

    def jobs(self, execution_id):
        return [stored.job for stored in self.runs.list_jobs(execution_id)]

    def rows(self, dataset="geostore__viirs__daily_alerts", version="v1"):
        sql = "select geostore__id, alert__date, alert__count from data order by geostore__id, alert__date"
        return [tuple(row.values()) for row in self.data_api.query(dataset, version, sql)]

    def outcome(self):
        """What is left for good: tables, sync configs, and what the Data API was asked to write, in order."""
        tables = {}
        for dataset in self.data_api.datasets():
            for version in dataset["versions"] or []:
                told = self.data_api.version(dataset["dataset"], version)
                tables[dataset["dataset"], version] = (
                    told["status"],
                    told["is_latest"],
                    (told["metadata"] or {}).get("content_date_range"),
                    self.content(dataset["dataset"], version),
                )
        timed = {"revision": True, "updated": True, "metadata": {"freshness": {"at"}}}
        configs = [config.model_dump(exclude=timed) for config in self.sync_configs.list().items]
        log = [f"{line.method} {line.path} {line.status} {anonymous(line.body)}" for line in self.server.log()]
        return {"tables": tables, "configs": configs, "log": log}

    def content(self, dataset, version):
        """What a version holds."""
        rows = self.data_api.query(dataset, version, "select * from data")
        return sorted(json.dumps(row, sort_keys=True) for row in rows)

    def put_features(self, dataset, version, *, grid):
        """A vector dataset version of one area, with or without the asset that analyses read."""
        feature = {"type": "Feature", "properties": {"fid": 1}, "geometry": shapely.geometry.mapping(SQUARE)}
        uri = f"s3://gfw-data-lake/{dataset}/{version}/areas.geojson"
        self.objects.put(uri, json.dumps({"type": "FeatureCollection", "features": [feature]}).encode())
        if self.data_api.dataset(dataset) is None:
            self.data_api.create_dataset(dataset, {})
        options = {"source_type": "vector", "source_driver": "GeoJSON", "source_uri": [uri]}
        self.data_api.create_version(dataset, version, {**options, "create_dynamic_vector_tile_cache": False})
        self.until_saved(dataset, version, 1)
        if grid:
            self.data_api.create_asset(dataset, version, "1x1 grid", {"field_attributes": ["fid"]})
            self.until_saved(dataset, version, 2)

    def until_saved(self, dataset, version, assets=1):
        """Wait until a version is saved and has so many saved assets."""

        def saved():
            states = [asset["status"] for asset in self.data_api.assets(dataset, version)]
            return self.data_api.version(dataset, version)["status"] == "saved" and states == ["saved"] * assets

        self.until(saved)

    def until(self, condition):
        """Ask again until something is so that the Data API does in the background."""
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "it never came to be so"

    def put_areas(self, areas=None):
        """User areas: id -> polygon; by default one of 2 by 2 degrees around (10, 10)."""
        areas = areas or {AREA: SQUARE}
        lines = ["geostore_id\tgeom\ttcl\tglad"]
        lines += [f"{name}\t{shapely.to_wkb(shape, hex=True)}\tTrue\tTrue" for name, shape in areas.items()]
        self.objects.put(GEOSTORES, ("\n".join(lines) + "\n").encode())

    def put_saved_fires(self, day="2026-01-15", count=3):
        """A night that is kept already."""
        rows = [f"{10 + number / 10}\t10.05\t{day}\t0{number}00\tn\t300.5\t290.5\t1.5" for number in range(count)]
        name = f"{FIRES}/{day}-0000_{day}-0{count - 1}00.tsv"
        self.objects.put(name, ("\n".join([HEADER, *rows]) + "\n").encode())

    def put_feed(self, *days, count=2):
        """A feed of some days, as FIRMS CSV; returns its path."""
        rows = [
            f"{10 + number / 10},10.05,300.5,0.4,0.4,{day},0{number}00,N,nominal,2.0NRT,290.5,1.5,N"
            for day in days
            for number in range(count)
        ]
        path = self.folder / "feed.csv"
        path.write_text("\n".join([FEED_HEADER, *rows]) + "\n")
        return path


def anonymous(body):
    """A request's body without the names that time or the number of tries makes."""
    text = re.sub(r"firealerts_viirs_\d{8}_\d{4}(_\d+)?", "RUN", json.dumps(body, sort_keys=True))
    return re.sub(r"part-00000-[0-9a-f-]{36}", "PART", text)


def night(folder, **settings):
    """A deployment with an area, a night of saved fires, and a feed that brings a further day."""
    deployment = Deployment(folder, viirs_url=str(folder / "feed.csv"), **settings)
    deployment.put_areas()
    deployment.put_saved_fires()
    deployment.put_feed("2026-01-15", "2026-01-16", count=3)
    return deployment


def published_night(folder):
    """The folder of a night whose analysis is published: to be copied, which is quicker than to run it again."""
    with night(folder) as deployment:
        execution = deployment.run(ANALYSIS)
        assert execution.status == "succeeded", execution.errors
    return folder


def copied(template, folder, **settings):
    """A deployment that goes on where the one in another folder stood."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    deployment = Deployment(folder, **{"viirs_url": str(folder / "feed.csv"), **settings})
    deployment.clock._ids = count(10**6)
    return deployment
