"""What the console has to show: the deployment that `make run` makes, a month of nights, and a last one that failed."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

from datapump.objects import Objects
from tests.support.raster_jobs import cog, intensity, put_source, raster_job, source, vrt
from tests.support.server import ROOT, free_port

NIGHTS = 29
# Nights ago that are not as the others.
FAILED, NONE = {12, 13}, {21}
FEED_DAY = "2026-01-19"
FEED_HEADER = (
    "latitude,longitude,bright_ti4,scan,track,acq_date,acq_time,satellite,confidence,version,bright_ti5,frp,daynight"
)
SYNC = {"command": "sync", "parameters": {"types": ["viirs"]}, "labels": {"ticket": "gfw-2144"}}
SLOW = {
    "command": "sync",
    "parameters": {"types": ["viirs"], "tables": [{"dataset": "gadm", "version": "v0.1", "analysis": "viirs"}]},
}
HOLDER = "019b0c2d7e4f7a1c8d3e5f60718293a4"
BACKFILL = {"types": ["viirs"], "dates": {"start_date": "2026-01-10", "end_date": "2026-01-16"}, "at_once": 2}
TABLES = [
    {"dataset": "gadm", "version": "v0.1", "analysis": "viirs"},
    {"dataset": "sample_farms", "version": "v0.1", "analysis": "viirs"},
]
ANALYSIS = {
    "command": "analysis",
    "parameters": {"analysis_version": "v20260201", "sync": False, "geotrellis_version": "2.6.20", "tables": TABLES},
}
BROKEN = "geostore__viirs__weekly_alerts"


def sample(folder):
    """The data that `make run ONCE=1` leaves."""
    program = "from datapump.cli import main; main()"
    command = [sys.executable, "-c", program, "demo", "--once", "--port", str(free_port())]
    subprocess.run(command, check=True, env={"DATAPUMP_DATA_DIR": str(folder), "PATH": "/usr/bin:/bin"}, cwd=ROOT)


def prepare(folder):
    """Before the server starts: the nights of a month, a feed with one day more, and a release of a raster."""
    _nights(folder / "datapump.sqlite")
    _feed(folder)
    put_source(type("Deployment", (), {"folder": folder}))


def _nights(database):
    with closing(sqlite3.connect(database)) as connection, connection:
        (text,) = connection.execute("SELECT document FROM executions WHERE command = 'sync'").fetchone()
        for ago in range(1, NIGHTS + 1):
            if ago in NONE:
                continue
            created = datetime.now(UTC).replace(hour=2, minute=0, second=4) - timedelta(days=ago)
            document = json.loads(text)
            status = "failed" if ago in FAILED else "succeeded"
            identity = f"{int(created.timestamp() * 1000):012x}{ago:020x}"
            moments = {"created": created, "started": created, "finished": created + timedelta(minutes=3 + ago % 4)}
            document |= {name: moment.isoformat().replace("+00:00", "Z") for name, moment in moments.items()}
            document |= {"id": identity, "status": status, "idempotency_key": None, "caller": "datapump"}
            if ago in FAILED:
                document |= {"errors": ["the feed answered 503 for two hours"], "retried_by": "f" * 32}
            connection.execute(
                "INSERT INTO executions (id, command, status, created, caller, document, due) VALUES (?,?,?,?,?,?,?)",
                (identity, "sync", status, document["created"], "datapump", json.dumps(document), document["created"]),
            )


def _feed(folder):
    """A further day of fires, near those that the sample world had."""
    objects = Objects(folder / "objects")
    files = [info.uri for info in objects.listing("s3://gfw-pipelines/geotrellis/results") if "places" in info.uri]
    days = [day for uri in files for day in json.loads(objects.get(uri))["features"]]
    places = [place for day in days for place in day["geometry"]["coordinates"]][:400]
    rows = [
        f"{north + 0.01:.5f},{east - 0.01:.5f},330.1,0.4,0.4,{FEED_DAY},0{number % 10}12,N,nominal,2.0NRT,290.5,1.5,N"
        for number, (east, north) in enumerate(places)
    ]
    (folder / "feed.csv").write_text("\n".join([FEED_HEADER, *rows]) + "\n")


def raster_command():
    """A raster version with a graph of assets, of which one cannot be made."""
    broken = intensity().model_copy(update={"options": {**intensity().options, "calc": "A.no_such_band"}})
    job = raster_job(source(), broken, cog(), cog("intensity", "intensity"), vrt("default", "intensity"))
    return {"command": "continue_jobs", "parameters": {"jobs": [job.model_dump(mode="json")]}}


def ended(client, execution_id):
    """Wait for an execution's end; returns its id."""
    after = 0
    while True:
        page = client.events(execution_id, after=after, wait=10)
        after = max([after, *(event["seq"] for event in page["items"])])
        if page["ended"]:
            return execution_id


def last_night(server):
    """A sync of which a table fails, a raster version, a backfill, and a sync that waits; their ids by name."""
    with closing(server.data_api()) as data_api:
        data_api.delete_version(BROKEN, "v20260101")
    with server.client() as client:
        failed = ended(client, client.submit(json.dumps(SYNC))["id"])
        raster = ended(client, client.submit(json.dumps(raster_command()))["id"])
        plan = ended(client, client.submit(json.dumps(ANALYSIS), plan=True)["id"])
        backfill = client.make_backfill(BACKFILL)["id"]
        _more_news(server.data)
        _hold(server.data / "datapump.sqlite")
        running = client.submit(json.dumps(SLOW))["id"]
        return {
            "plan": plan,
            "backfill": backfill,
            "failed": failed,
            "raster": raster,
            "running": running,
            "execution": next(
                item["id"] for item in client.executions(command="analysis")["items"] if not item["plan_only"]
            ),
            "config": client.sync_configs(dataset="gadm", limit=1)["items"][0]["id"],
        }


def _more_news(folder):
    """The feed has yet another day."""
    with (folder / "feed.csv").open("a") as feed:
        first = (folder / "feed.csv").read_text().splitlines()[1]
        feed.write(first.replace(FEED_DAY, "2026-01-20") + "\n")


def _hold(database):
    """From now on the syncs of a table wait for their turn."""
    with closing(sqlite3.connect(database, timeout=20)) as connection, connection:
        connection.execute("INSERT INTO leases VALUES ('gadm__viirs', ?, ?)", (HOLDER, HOLDER))
