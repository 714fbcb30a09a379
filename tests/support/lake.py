"""What raster syncs read: a Data API that only answers, buckets as folders, and the two as they are on some day."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

from datapump.analyses import Analysis
from datapump.objects import Objects
from datapump.recipes import recipe_of
from datapump.settings import Settings
from datapump.sources.rasters import raster_job
from datapump.stores.sqlite import Database, SqliteRunStore, SqliteSyncConfigStore
from tests.support.clock import FakeClock

LAKE = "s3://gfw-data-lake"
HANSEN = "gs://earthenginepartners-hansen"
RADD = "gs://gfw_gee_export/wur_radd_alerts"
ALERTS = ("umd_glad_landsat_alerts", "umd_glad_sentinel2_alerts", "wur_radd_alerts")


class ReadOnlyDataApi:
    """Answers from what `publish` was told; asking for anything else, or for a change, is an error."""

    def __init__(self):
        self._versions = {}
        self._latest = {}
        self.asked = []

    def publish(self, dataset, version, *, assets=(), sources=(), latest=True, created="2026-01-01T00:00:00.000001"):
        """A version: its assets are `grid/meaning` of tile sets and `name.tif` of COGs, the first made from files."""
        folder = f"{LAKE}/{dataset}/{version}/raster/epsg-4326"
        made = []
        for name in assets:
            cog = name.endswith(".tif")
            uri = f"{folder}/cog/{name}" if cog else f"{folder}/{name}/geotiff/{{tile_id}}.tif"
            made.append(
                {
                    "asset_id": f"{dataset}/{version}/{len(made)}",
                    "asset_type": "COG" if cog else "Raster tile set",
                    "asset_uri": uri,
                    "status": "saved",
                    "options": {"source_uri": list(sources)} if not made else {},
                }
            )
        self._versions[dataset, version] = {"assets": made, "created_on": created}
        if latest:
            self._latest[dataset] = version

    def latest(self, dataset):
        self.asked.append("latest")
        return self._latest.get(dataset)

    def dataset(self, dataset):
        self.asked.append("dataset")
        versions = [version for name, version in self._versions if name == dataset]
        return {"versions": versions} if versions else None

    def version(self, dataset, version):
        self.asked.append("version")
        return self._versions.get((dataset, version))

    def assets(self, dataset, version):
        self.asked.append("assets")
        return self._versions[dataset, version]["assets"]

    def creation_options(self, asset_id):
        self.asked.append("creation_options")
        return next(
            asset["options"]
            for version in self._versions.values()
            for asset in version["assets"]
            if asset["asset_id"] == asset_id
        )


class Lake:
    """A deployment of which only raster syncs are asked."""

    def __init__(self, folder, today="2026-11-22", recipes=None):
        self.clock = FakeClock(datetime.fromisoformat(f"{today}T02:00:00").replace(tzinfo=UTC))
        self.objects = Objects(folder / "objects")
        self.data_api = ReadOnlyDataApi()
        self.database = Database(folder / "datapump.sqlite")
        self.runs = SqliteRunStore(self.database, self.clock)
        self.sync_configs = SqliteSyncConfigStore(self.database, self.clock)
        self.ports = SimpleNamespace(
            settings=Settings(_env_file=None, data_dir=folder, recipes=recipes),
            clock=self.clock,
            objects=self.objects,
            data_api=self.data_api,
            runs=self.runs,
            sync_configs=self.sync_configs,
            engine=SimpleNamespace(analyses=frozenset(Analysis)),
        )

    def close(self):
        self.database.close()

    def put(self, uri, content=b""):
        path = self.objects.path(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def put_radd(self, version, tiles=208):
        for number in range(tiles):
            self.put(f"{RADD}/{version}/tile_{number:03d}.tif")

    def put_glad_l(self, today="11_21", year=2026, tiles=115):
        """The years from 2021 are final, this one's newest release is a day's."""
        for number in range(tiles):
            for past in range(2021, year):
                self.put(f"{HANSEN}/GLADalert/C2/{past}/final/alertDate{past % 100}_{number:03d}.tif")
            self.put(f"{HANSEN}/GLADalert/C2/{year}/{today}/alertDate{year % 100}_{number:03d}.tif")

    def put_s2(self, day="Fri Nov 20 14:27:01 2026"):
        self.put(f"{HANSEN}/S2alert/uploadDate.txt", f"Updated {day} UTC".encode())

    def put_dist(self, day="2026-11-21"):
        self.put(f"{HANSEN}/DIST-ALERT/uploadDate.txt", f"Updated Sat Nov 21 13:43:05 {day} UTC".encode())

    def put_releases(self):
        """One of each."""
        self.put_radd("v20261115")
        self.put_glad_l()
        self.put_s2()
        self.put_dist()

    def publish_alerts(self, dataset, version, **more):
        """One of the three deforestation alerts, with the tile set that integrated alerts are made from."""
        self.data_api.publish(dataset, version, assets=["10/100000/date_conf"], **more)

    def publish_sources(self, **versions):
        """All three, of a version of the same day unless another is given."""
        for dataset in ALERTS:
            self.publish_alerts(dataset, versions.get(dataset, "v20261115"))

    def publish_dist(self, version, **more):
        assets = ["10/40000/currentweek", "10/40000/default", "10/40000/intensity", "10/40000/date_conf"]
        assets += ["10/100000/resample10m", "default.tif", "intensity.tif"]
        self.data_api.publish("umd_glad_dist_alerts", version, assets=assets, **more)

    def publish_integrated(self, version, *sources, **more):
        assets = ["10/100000/date_conf", "10/100000/intensity", "default.tif", "intensity.tif"]
        uris = [tiles(dataset, name) for dataset, name in sources]
        self.data_api.publish("gfw_integrated_alerts", version, assets=assets, sources=uris, **more)

    def publish_intdist(self, version, dist, *cogs, **more):
        assets = ["10/100000/date_conf", "10/100000/intensity", "overlap.tif", "overlapintensity.tif", *cogs]
        uris = [tiles("gfw_integrated_alerts", version), tiles("umd_glad_dist_alerts", dist, "resample10m")]
        self.data_api.publish("gfw_integrated_dist_alerts", version, assets=assets, sources=uris, **more)


def decide(lake, dataset, sync_version="v20261122"):
    """What a sync decides about a dataset."""
    return raster_job(recipe_of(dataset), sync_version, lake.ports)


def tiles(dataset, version, meaning="date_conf"):
    """The list of a tile set's tiles."""
    return f"{LAKE}/{dataset}/{version}/raster/epsg-4326/10/100000/{meaning}/geotiff/tiles.geojson"
