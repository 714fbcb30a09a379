import hashlib
import json
import os
import re
import subprocess
import sys

import pyogrio
import pytest
import shapely

from datapump.analyses import FeatureType
from datapump.embedded.sample import world as sample
from datapump.embedded.sample.region import draw_region
from datapump.errors import StorageError
from datapump.names import check_dataset, check_version

POLYGON_KINDS = {"Polygon", "MultiPolygon"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("world")


@pytest.fixture(scope="module")
def world(folder):
    return sample.write(folder)


def hashes(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def feature_sets(world):
    return [world.gadm, world.wdpa, world.farms, world.user_areas]


def test_two_writes_and_a_write_in_another_process_give_the_same_bytes(world, folder, tmp_path):
    sample.write(tmp_path / "second")
    program = "import sys, pathlib; from datapump.embedded.sample.world import write; write(pathlib.Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", program, tmp_path / "third"], check=True, env=environment)
    expected = hashes(folder)
    assert len(expected) == 6
    assert hashes(tmp_path / "second") == expected
    assert hashes(tmp_path / "third") == expected


def test_a_second_write_leaves_right_files_alone_and_mends_others(tmp_path):
    first = sample.write(tmp_path)
    before = hashes(tmp_path)
    untouched = first.wdpa.path.stat().st_ino
    first.gadm.path.write_text("half a fi")
    first.fire_feed.unlink()
    assert sample.write(tmp_path) == first
    assert hashes(tmp_path) == before
    assert first.wdpa.path.stat().st_ino == untouched


def test_all_files_together_are_small(folder, world):
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 2_000_000


def test_names_and_versions_keep_to_the_rules_and_mean_their_feature_types(world):
    for features in feature_sets(world):
        check_dataset(features.dataset)
        check_version(features.version)
    assert [FeatureType.of_dataset(features.dataset) for features in feature_sets(world)] == [
        FeatureType.GADM,
        FeatureType.WDPA,
        FeatureType.FEATURE,
        FeatureType.GEOSTORE,
    ]
    assert world.gadm.version not in {"v3.6", "v4.1"}


@pytest.mark.parametrize(
    ("name", "count", "attributes"),
    [
        ("gadm", 22, ["gid_0", "gid_1", "gid_2", "name_0", "name_1", "name_2"]),
        ("wdpa", 6, ["site_id", "name", "iucn_cat", "iso3", "status"]),
        ("farms", 5, ["fid", "name"]),
    ],
)
def test_feature_files_read_as_vector_data_with_their_attributes(world, name, count, attributes):
    features = getattr(world, name)
    info = pyogrio.read_info(features.path)
    frame = pyogrio.read_dataframe(features.path)
    assert list(info["fields"]) == attributes
    assert info["crs"] == "EPSG:4326"
    assert len(frame) == features.count == count
    assert set(frame.geometry.geom_type) <= POLYGON_KINDS
    assert frame.geometry.is_valid.all()
    assert not frame.isna().to_numpy().any()


def test_numbers_are_written_as_numbers(world):
    parks = json.loads(world.wdpa.path.read_text())["features"]
    farms = json.loads(world.farms.path.read_text())["features"]
    assert all(type(park["properties"]["site_id"]) is int for park in parks)
    assert [farm["properties"]["fid"] for farm in farms] == [1, 2, 3, 4, 5]


def test_files_hold_exactly_the_areas_of_the_region(world):
    region = draw_region()
    pairs = [(world.gadm, region.divisions.adm2), (world.wdpa, region.parks), (world.farms, region.farms)]
    for features, items in pairs:
        written = [shapely.geometry.shape(row["geometry"]) for row in _features(features.path)]
        assert all(one.equals_exact(item.polygon, 0) for one, item in zip(written, items, strict=True))


def test_user_areas_are_cut_by_degree_cells_and_lose_nothing(world):
    header, *lines = world.user_areas.path.read_text().splitlines()
    assert header.split("\t") == ["geostore_id", "geom", "tcl", "glad"]
    rows = [line.split("\t") for line in lines]
    pieces = {}
    for geostore_id, geom, tcl, glad in rows:
        assert re.fullmatch(r"[0-9a-f]{32}", geostore_id)
        assert (tcl, glad) == ("True", "True")
        pieces.setdefault(geostore_id, []).append(shapely.from_wkb(geom))
    areas = {area.geostore_id: area.polygon for area in draw_region().user_areas}
    assert pieces.keys() == areas.keys()
    assert len(rows) > len(areas)
    for geostore_id, parts in pieces.items():
        assert all(part.is_valid and part.geom_type in POLYGON_KINDS and _in_one_cell(part) for part in parts)
        assert sum(part.area for part in parts) == pytest.approx(areas[geostore_id].area, abs=1e-9)
        assert shapely.union_all(parts).symmetric_difference(areas[geostore_id]).area < 1e-9


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "features").write_text("in the way")
    with pytest.raises(StorageError, match=re.escape(str(tmp_path / "features"))):
        sample.write(tmp_path)


def test_a_failed_write_leaves_the_old_file_and_no_parts(tmp_path, monkeypatch):
    first = sample.write(tmp_path)
    first.gadm.path.write_text("older")

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(first.gadm.path), "replace", full)
    with pytest.raises(StorageError, match="No space left"):
        sample.write(tmp_path)
    assert first.gadm.path.read_text() == "older"
    assert not list(tmp_path.rglob(".*"))


def test_the_days_overlap_by_five(world):
    assert (world.saved_days[1] - world.feed_days[0]).days == 4
    assert (world.feed_days[1] - world.saved_days[1]).days == 2


def _features(path):
    return json.loads(path.read_text())["features"]


def _in_one_cell(part):
    west, south, east, north = part.bounds
    return int(west) >= east - 1 and int(south) >= north - 1
