"""A Data API that is killed while it makes rasters takes them up again: the same files, and nothing beside them."""

import hashlib

import pytest

from datapump.embedded.data_api import writes
from datapump.embedded.data_api.assets import listing
from datapump.embedded.data_api.models.assets import AssetCreateIn
from datapump.embedded.data_api.models.requests import DatasetCreateIn, VersionCreateIn
from tests.datapump.embedded.data_api.rasters.test_tile_sets import OPTIONS
from tests.datapump.embedded.data_api.test_resume import Crash, Crasher, asked, service_in
from tests.support.tifs import write_tile

POINTS = ["registering", "registered", "reading", "written", "loaded", "finished"]
CACHE = {"max_zoom": 13, "min_zoom": 13, "max_static_zoom": 13, "symbology": {"type": "date_conf_intensity"}}


def ask(service):
    """A version, then a COG and a cache of it."""
    writes.create_dataset(service, asked("/d"), "alerts", DatasetCreateIn(metadata={}))
    body = VersionCreateIn(creation_options={**OPTIONS, "source_uri": ["s3://sources/a/"]})
    writes.create_version(service, asked("v1"), "alerts", "v1", body)


def ask_more(service):
    with service.read() as sql:
        source = listing(sql, dataset="alerts", version="v1")[0].asset_id
    for kind, options in (("COG", {}), ("Raster tile cache", CACHE)):
        body = AssetCreateIn(asset_type=kind, creation_options={"source_asset_id": source, **options})
        writes.create_asset(service, asked(kind), "alerts", "v1", body)


def carry_out(service):
    while service.loader.register_next() or service.loader.load_next():
        pass


def day(folder, crasher):
    """Live until all is made, however often killed; returns what is left and the number of lives."""
    write_tile(folder / "objects" / "s3" / "sources" / "a" / "10N_010E.tif", {(5, 5): [[20_005] * 9] * 9})
    todo = [ask, carry_out, ask_more, carry_out]
    lives = 0
    while todo:
        service = service_in(folder, crasher)
        service.open()
        lives += 1
        try:
            while todo:
                todo[0](service)
                todo.pop(0)
            found = outcome(service, folder)
        except Crash:
            continue
        finally:
            service.stop()
    return found, lives


def outcome(service, folder):
    with service.read() as sql:
        assets = [(one.asset_type, one.asset_uri, one.status) for one in listing(sql, dataset="alerts")]
        stages = [tuple(row) for row in sql.execute("SELECT kind, stage, reason FROM tasks ORDER BY task_id")]
    buckets = folder / "objects" / "s3"
    files = {
        str(path.relative_to(buckets)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in buckets.rglob("*")
        if path.is_file() and path.suffix != ".geojson"
    }
    work = folder / "api" / "work"
    assert not work.exists() or not list(work.iterdir())
    return sorted(assets), stages, files


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    return day(tmp_path_factory.mktemp("calm"), Crasher())


def test_the_undisturbed_day_makes_all(calm):
    (assets, stages, files), lives = calm
    assert {status for *_, status in assets} == {"saved"}
    assert [stage for _, stage, _ in stages] == ["done"] * 3
    assert any(name.endswith(".png") for name in files)
    assert lives == 1


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_it_makes_the_same(tmp_path, calm, point):
    found, lives = day(tmp_path, Crasher(point))
    assert found == calm[0]
    assert lives > 1


def test_a_stop_in_the_middle_of_a_tile_leaves_it_to_the_next_start(tmp_path, calm):
    write_tile(tmp_path / "objects" / "s3" / "sources" / "a" / "10N_010E.tif", {(5, 5): [[20_005] * 9] * 9})
    service = service_in(tmp_path, lambda point, _: service.loader.interrupt() if point == "reading" else None)
    service.open()
    ask(service)
    service.loader.register_next()
    assert not service.loader.load_next()
    service.stop()
    service = service_in(tmp_path, Crasher())
    service.open()
    carry_out(service)
    ask_more(service)
    carry_out(service)
    found = outcome(service, tmp_path)
    service.stop()
    assert found[2] == calm[0][2]
