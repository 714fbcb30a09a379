"""A world of all ten feeds on one machine: buckets of tiny rasters, fires, user areas, and what follows them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from datapump.analyses import Analysis
from datapump.schedules import Scheduler, slots
from tests.support.alert_night import GADM, GLAD_COLUMNS, INTEGRATED_COLUMNS, table
from tests.support.areas import areas_server
from tests.support.clock import FakeClock
from tests.support.deployment import SQUARE, Deployment
from tests.support.raster_nights import NAME, Releases, small_recipes

NOON = datetime(2026, 1, 17, 12, 0, tzinfo=UTC)
TABLES = (
    ("geostore", "viirs"),
    ("geostore", "modis"),
    ("geostore", "glad"),
    ("geostore", "integrated_alerts"),
    ("gadm", "integrated_alerts"),
)
MODIS_HEADER = (
    "latitude,longitude,brightness,scan,track,acq_date,acq_time,satellite,confidence,version,bright_t31,frp,daynight"
)


class WholeNight:
    """A deployment that all feeds are followed on, and the hours of its nights."""

    def __init__(self, deployment, areas):
        self.deployment = deployment
        self.areas = areas
        self.releases = Releases(deployment.objects)
        self._scheduler = None

    def prepare(self):
        """What the operators ask for first: the tables, which then follow their feeds."""
        world = self.deployment
        world.put_areas()
        self.put_countries()
        for fires in ("viirs", "modis"):
            self.put_saved_fires(fires)
        self._let_engine_make_alert_tables()
        tables = [{"dataset": dataset, "version": "v4.1", "analysis": analysis} for dataset, analysis in TABLES]
        parameters = {"analysis_version": "v20260101", "sync": True, "geotrellis_version": "2.6.20", "tables": tables}
        execution = world.run({"command": "analysis", "parameters": parameters})
        assert execution.status == "succeeded", [job.message for job in world.jobs(execution.id)]
        world.run({"command": "set_latest", "parameters": {"analysis_version": "v20260101"}})

    def put_countries(self):
        header = "fid\tgid_0\tgid_1\tgid_2\ttile_id\ttcl\tglad\tgeom\n"
        self.deployment.objects.put(GADM, header.encode())

    def put_saved_fires(self, kind):
        version, columns = {"viirs": ("v1", "bright_ti4\tbright_ti5"), "modis": ("v6", "brightness\tbright_t31")}[kind]
        folder = f"s3://gfw-data-lake/nasa_{kind}_fire_alerts/{version}/vector/epsg-4326/tsv/near_real_time"
        confidence = "n" if kind == "viirs" else "50"
        text = f"latitude\tlongitude\tacq_date\tacq_time\tconfidence\t{columns}\tfrp\n"
        text += f"10.0\t10.05\t2026-01-15\t0000\t{confidence}\t300.5\t290.5\t1.5\n"
        self.deployment.objects.put(f"{folder}/2026-01-15-0000_2026-01-15-0000.tsv", text.encode())

    def put_modis_feed(self):
        rows = "10.0,10.05,300.5,1,1,2026-01-16,0100,Terra,50,6.1NRT,290.5,1.5,N\n"
        (self.deployment.folder / "modis.csv").write_text(f"{MODIS_HEADER}\n{rows}")

    def put_feeds(self):
        """What the satellites have seen: fires, and a release of each of the four alerts."""
        self.deployment.put_feed("2026-01-15", "2026-01-16")
        self.put_modis_feed()
        releases = self.releases
        releases.radd("v20260115", {(0, 0): 24_000})
        releases.glad_l("2025/final", 25, {(4, 4): (3, 100)})
        releases.glad_l("2026/01_16", 26, {(4, 4): (1, 5)})
        releases.s2("Fri Jan 16 14:27:01 2026", {(30, 30): (2, 2_500)})
        releases.dist("2026-01-16", {NAME: {(0, 0): (50, 1_800, 9)}, "50N_010E": {(7, 7): (99, 1_700, 9)}})

    def _let_engine_make_alert_tables(self):
        def tables(columns, request):
            if request.feature_type == "gadm":
                return {(level, "daily_alerts"): table(level, columns) for level in ("iso", "adm1", "adm2")}
            made = {("geostore", "daily_alerts"): table("geostore", columns)}
            if columns is GLAD_COLUMNS and not request.change_only:
                made |= {("geostore", name): table("geostore", ()) for name in ("summary", "whitelist")}
            return made

        engine = self.deployment.engine
        engine.tables[Analysis.GLAD] = lambda request: tables(GLAD_COLUMNS, request)
        engine.tables[Analysis.INTEGRATED_ALERTS] = lambda request: tables(INTEGRATED_COLUMNS, request)

    def ask_for_first_versions(self):
        """A night by hand: each slot's syncs at its hour, as the schedule would ask for what is followed already."""
        for slot in sorted(slots(self.deployment.ports), key=lambda slot: slot.before(NOON + timedelta(days=1))):
            self._until(slot.before(NOON + timedelta(days=1)))
            self.deployment.submit({"command": "sync", "parameters": {"types": list(slot.types)}})
            self.carry_all()
        self._until(NOON + timedelta(days=1))

    def sleep(self):
        """A night by the schedule, from noon to noon."""
        world = self.deployment
        self._scheduler = self._scheduler or Scheduler(world.ports)
        for _ in range(48):
            self._scheduler.submit_due()
            self.carry_all()
            self._until(world.clock.now() + timedelta(minutes=30))

    def _until(self, moment):
        self.deployment.clock.moment = max(self.deployment.clock.moment, moment)

    def carry_all(self):
        while self.deployment.step():
            pass

    def executions(self):
        """All executions, oldest first."""
        return list(reversed(self.deployment.runs.list_executions(limit=500).items))

    def writes(self, since=0):
        """What was written in the Data API, in order."""
        lines = self.deployment.server.log()[since:]
        return [f"{line.method} {line.path}" for line in lines if line.method != "GET"]

    def became_latest(self, since=0):
        """The versions that became latest, in order."""
        lines = self.deployment.server.log()[since:]
        return [
            tuple(line.path.split("/")[2:4])
            for line in lines
            if line.method == "PATCH" and (line.body or {}).get("is_latest")
        ]


@contextmanager
def whole_night(folder):
    """The world at noon before its first night, with feeds that have news and nothing published."""
    settings = {
        "recipes": small_recipes(folder / "recipes"),
        "viirs_url": str(folder / "feed.csv"),
        "modis_url": str(folder / "modis.csv"),
    }
    clock = FakeClock(NOON)
    with areas_server(folder / "areas_api", clock) as areas, Deployment(folder, clock, **settings) as deployment:
        client = areas.client()
        deployment.ports = replace(deployment.ports, areas_api=client)
        areas.add(SQUARE)
        night = WholeNight(deployment, areas)
        night.put_feeds()
        night.prepare()
        yield night
        client.close()
