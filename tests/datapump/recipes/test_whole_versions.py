"""A whole version of each recipe, made on tiny sources through sync, job and Data API; each pixel against the formulas.

The expected values are plain arithmetic, a pixel at a time, from what is known of the datasets; no formula of a recipe
takes part in them.
"""

from __future__ import annotations

import json
import random
from datetime import date

import pytest
import rasterio
from pydantic import TypeAdapter

from datapump.embedded.data_api.models.assets import OPTIONS_OF, AssetCreateIn
from datapump.embedded.data_api.models.rasters import RasterSource
from datapump.embedded.data_api.models.requests import DatasetCreateIn, VersionCreateIn, VersionUpdateIn
from tests.support.deployment import Deployment
from tests.support.plans import made, planned, requests
from tests.support.raster_nights import NAME, RASTERS, Releases, small_recipes
from tests.support.tifs import data

RADD, GLAD_L, S2, DIST = RASTERS
INTEGRATED, INTDIST = "gfw_integrated_alerts", "gfw_integrated_dist_alerts"
NORTH = "50N_010E"
SIDE = 30
COARSE = 12
# Days that are just inside and just outside of 180 from each other, counted from 2014-12-31.
BASE = 3900
DAYS = [BASE + off for off in (-181, -180, -179, -1, 0, 1, 179, 180, 181)]
VERSIONS = {
    RADD: "v20260125", GLAD_L: "v20260130", S2: "v20260130", DIST: "v20260131", INTEGRATED: "v20260201",
    INTDIST: "v20260201",
}  # fmt: skip


class World:
    """Sources of random pixels, and what should become of them."""

    def __init__(self, seed):
        self._random = random.Random(seed)
        self.plans = []
        self.radd = self.pixels(SIDE, self.radd_value)
        self.s2 = self.pixels(SIDE, lambda: (self.one_of(1, 2, 4), self.day() - 1461))
        self.glad = {
            year: self.pixels(COARSE, self.glad_value) for year in (2025, 2026)
        }  # fmt: skip
        self.dist = [self.pixels(COARSE, self.dist_value) for _ in range(2)]
        self.north = [self.pixels(COARSE, self.dist_value) for _ in range(2)]

    def one_of(self, *values):
        return self._random.choice(values)

    def day(self):
        return self.one_of(*DAYS)

    def pixels(self, side, value, share=0.6):
        return {
            (row, column): value()
            for row in range(side)
            for column in range(side)
            if self._random.random() < share
        }  # fmt: skip

    def radd_value(self):
        return self.one_of(19_999, 20_000 + self.day(), 30_000 + self.day(), 40_000, 7)

    def glad_value(self):
        return self.one_of(1, 2, 3, 4), self.one_of(1, 60, 200, 365)

    def dist_value(self):
        day = self.day() - 2192
        return self.one_of(29, 30, 99, 254, 255), self.one_of(day, day, day, 0), self.one_of(1, 2, 3, 4, 9, 255)

    def expected_glad(self):
        found = {}
        for year in (2026, 2025):
            start = (date(year, 1, 1) - date(2015, 1, 1)).days
            for place, (confidence, day) in self.glad[year].items():
                found[place] = 20_000 + (10_000 if confidence > 2 else 0) + start + day
        return found

    def expected_dist(self, pixels):
        """This week's, counted from 2020-12-31."""
        return {
            place: (20_000 if count < 4 else 30_000) + day
            for place, (anomaly, day, count) in pixels.items()
            if 30 <= anomaly < 255 and day > 0 and 2 <= count < 255
        }


def fine(pixels):
    """Pixels of the 30 m grid on that of 10 m: each takes the one that its centre lies in."""
    side = int(COARSE * 2.5)
    places = {(row, column): (row * 2 + 1) // 5 for row in range(side) for column in (0,)}
    across = [places[row, 0] for row in range(side)]
    return {
        (row, column): pixels[across[row], across[column]]
        for row in range(side)
        for column in range(side)
        if (across[row], across[column]) in pixels
    }


def merged(*systems):
    """The integrated alerts of some systems."""
    found = {}
    for place in {place for pixels in systems for place in pixels}:
        values = [pixels[place] for pixels in systems if place in pixels]
        total = sum(value // 10_000 for value in values)
        confidence = 3 if total > 3 else max(total - 1, 0)
        found[place] = 10_000 + 10_000 * confidence + min(value % 10_000 for value in values)
    return found


def both(integrated, dist):
    """Integrated alerts and DIST: one hides the other where it is more than 180 days earlier."""
    found = {}
    for place in integrated.keys() | dist.keys():
        a, b = integrated.get(place, 0), dist.get(place, 0)
        day_a, day_b = a % 10_000, b % 10_000
        if b == 0 or (a and day_a > day_b + 180):
            found[place] = a
        elif a == 0 or day_b > day_a + 180:
            found[place] = b
        else:
            found[place] = 40_000 + min(day_a, day_b)
    return found


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    with Deployment(folder, recipes=small_recipes(folder / "recipes"), chaining=False) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def world(deployment):
    """All recipes, one after what it is made from; DIST twice, for its alerts of all time."""
    world, releases = World(20260201), Releases(deployment.objects)
    releases.dist("2026-01-24", {NAME: world.dist[0], NORTH: world.north[0]})
    sync(deployment, DIST, version="v20260131")
    releases.radd("v20260125", world.radd)
    releases.glad_l("2025/final", 25, world.glad[2025])
    releases.glad_l("2026/01_30", 26, world.glad[2026])
    releases.s2("Fri Jan 30 14:27:01 2026", world.s2)
    releases.dist("2026-01-31", {NAME: world.dist[1], NORTH: world.north[1]})
    for types in (RASTERS, ["integrated_alerts"], [INTDIST]):
        asked = {"command": "sync", "parameters": {"types": types, "sync_version": "v20260201"}}
        plan, _ = planned(deployment, asked)
        before = len(deployment.server.log())
        sync(deployment, *types, version="v20260201")
        world.plans.append((requests(plan), made(deployment, before), plan))
    return world


def sync(deployment, *types, version):
    execution = deployment.run({"command": "sync", "parameters": {"types": list(types), "sync_version": version}})
    assert execution.status == "succeeded", (execution.errors, [job.errors for job in deployment.jobs(execution.id)])


def path(deployment, dataset, place, version=None):
    folder = f"s3://gfw-data-lake/{dataset}/{version or VERSIONS[dataset]}/raster/epsg-4326"
    return deployment.objects.path(f"{folder}/{place}")


def tile(deployment, dataset, place, name=NAME, version=None):
    return data(path(deployment, dataset, f"{place}/geotiff/{name}.tif", version))


def alerts(world):
    """What the three deforestation alerts should hold on the grid of 10 m."""
    radd = {place: value for place, value in world.radd.items() if 20_000 <= value < 40_000}
    s2 = {place: 20_000 + (10_000 if c > 1 else 0) + day + 1461 for place, (c, day) in world.s2.items()}
    return fine(world.expected_glad()), s2, radd


def dist_of_all_time(world, pixels):
    return {**world.expected_dist(pixels[0]), **world.expected_dist(pixels[1])}


def intensity(pixels):
    return dict.fromkeys(pixels, 55)


def test_all_are_published_as_their_latest(deployment, world):
    assert {dataset: deployment.data_api.latest(dataset) for dataset in VERSIONS} == VERSIONS


def test_the_deforestation_alerts(deployment, world):
    glad, s2, radd = alerts(world)
    assert tile(deployment, RADD, "10/100000/date_conf") == radd
    assert tile(deployment, S2, "10/100000/date_conf") == s2
    assert tile(deployment, GLAD_L, "10/40000/date_conf") == world.expected_glad()
    assert tile(deployment, GLAD_L, "10/100000/date_conf") == glad


@pytest.mark.parametrize("name", [NAME, NORTH])
def test_dist(deployment, world, name):
    releases = world.dist if name == NAME else world.north
    all_time = dist_of_all_time(world, releases)
    assert tile(deployment, DIST, "10/40000/currentweek", name) == world.expected_dist(releases[1])
    assert tile(deployment, DIST, "10/40000/default", name) == all_time
    assert tile(deployment, DIST, "10/40000/intensity", name) == intensity(all_time)
    day = {place: value + 2192 for place, value in all_time.items()}
    assert tile(deployment, DIST, "10/40000/date_conf", name) == day
    high = {place: value for place, value in day.items() if value >= 32_192}
    assert tile(deployment, DIST, "10/100000/resample10m", name) == fine(high)


def test_the_integrated_alerts(deployment, world):
    expected = merged(*alerts(world))
    assert len(expected) > 700
    assert tile(deployment, INTEGRATED, "10/100000/date_conf") == expected
    assert tile(deployment, INTEGRATED, "10/100000/intensity") == intensity(expected)


def test_integrated_alerts_with_dist(deployment, world):
    high = {
        name: fine({p: v + 2192 for p, v in dist_of_all_time(world, pixels).items() if v >= 30_000})
        for name, pixels in ((NAME, world.dist), (NORTH, world.north))
    }
    expected = both(merged(*alerts(world)), high[NAME])
    assert {value // 10_000 for value in expected.values()} == {2, 3, 4} | (
        {1} & {v // 10_000 for v in expected.values()}
    )
    assert tile(deployment, INTDIST, "10/100000/date_conf") == expected
    assert tile(deployment, INTDIST, "10/100000/date_conf", NORTH) == high[NORTH]
    assert tile(deployment, INTDIST, "10/100000/intensity") == intensity(expected)
    assert tile(deployment, INTDIST, "10/100000/intensity", NORTH) == intensity(high[NORTH])


def test_the_files_over_all_tiles_hold_the_tiles_pixels(deployment, world):
    overlap = tile(deployment, INTDIST, "10/100000/date_conf")
    assert data(path(deployment, INTDIST, "cog/overlap.tif")) == overlap
    assert data(path(deployment, INTDIST, "cog/intdist_tropics.tif")) == overlap
    assert data(path(deployment, INTEGRATED, "cog/default.tif")) == tile(deployment, INTEGRATED, "10/100000/date_conf")
    north = tile(deployment, INTDIST, "10/100000/date_conf", NORTH)
    assert data(path(deployment, INTDIST, "cog/nonoverlap.tif")) == north
    assert data(path(deployment, INTDIST, "cog/nonoverlapintensity.tif")) == intensity(north)
    # 40 degrees, 160,000 pixels of 30 m, lie between the two tiles.
    merged_rows = {(row + 160_000, column) for row, column in tile(deployment, DIST, "10/40000/default")}
    both_tiles = merged_rows | set(tile(deployment, DIST, "10/40000/default", NORTH))
    assert set(data(path(deployment, DIST, "cog/default.tif"))) == both_tiles


def test_the_virtual_rasters_lie_over_both_files(deployment, world, tmp_path):
    for name, files in (("intdist", ("nonoverlap", "overlap")), ("intdistintensity", ("nonoverlapintensity",))):
        text = path(deployment, INTDIST, f"cog/{name}.vrt").read_text()
        for file in files:
            assert f"/vsis3/gfw-data-lake/{INTDIST}/v20260201/raster/epsg-4326/cog/{file}.tif" in text
        local = tmp_path / f"{name}.vrt"
        local.write_text(text.replace("/vsis3", str(deployment.folder / "objects" / "s3")))
        with rasterio.open(local) as file:
            assert file.bounds == (10, 40, 20, 50)
            (row, column), value = next(iter(data(path(deployment, INTDIST, f"cog/{files[0]}.tif")).items()))
            assert file.read(1, window=rasterio.windows.Window(column, row, 1, 1)).item() == value


def test_the_work_was_what_the_plans_said(deployment, world):
    for planned_requests, made_requests, plan in world.plans:
        assert planned_requests == made_requests
        assert {job.outcome for job in plan.jobs} == {"complete"}
    uploads = [write.target.rsplit("/", 1)[-1] for *_, plan in world.plans for write in plan.writes
               if write.system == "objects"]  # fmt: skip
    assert uploads == ["intdist.vrt", "intdistintensity.vrt"]


def test_map_tiles_are_drawn_of_the_deforestation_alerts(deployment, world):
    for dataset in (RADD, GLAD_L, S2):
        folder = deployment.folder / "objects" / "s3" / "gfw-tiles" / dataset / VERSIONS[dataset] / "default"
        zooms = {int(png.relative_to(folder).parts[0]) for png in folder.rglob("*.png")}
        assert 9 in zooms
        assert max(zooms) == 9
    assert not (deployment.folder / "objects" / "s3" / "gfw-tiles" / DIST).exists()


def test_every_request_is_valid_by_the_models_of_the_data_api(deployment, world):
    """Each asset's options by its own model too: the service takes the first that fits, and breaks later."""
    lines = deployment.server.log()
    assert {line.status for line in lines} <= {200, 201, 202}
    counts = dict.fromkeys(("dataset", "version", "asset", "change"), 0)
    for line in lines:
        body = json.loads(line.body) if isinstance(line.body, str) else line.body
        depth = line.path.strip("/").count("/")
        if line.method == "PUT" and depth == 1:
            DatasetCreateIn.model_validate(body)
            counts["dataset"] += 1
        elif line.method == "PUT":
            version = VersionCreateIn.model_validate(body)
            assert isinstance(version.creation_options, RasterSource)
            counts["version"] += 1
        elif line.method == "POST":
            asset = AssetCreateIn.model_validate(body)
            told = {name: value for name, value in body["creation_options"].items() if value is not None}
            TypeAdapter(OPTIONS_OF[asset.asset_type]).validate_python(told)
            counts["asset"] += 1
        elif line.method == "PATCH":
            VersionUpdateIn.model_validate(body)
            counts["change"] += 1
    assert counts == {"dataset": 6, "version": 7, "asset": 25, "change": 7}
