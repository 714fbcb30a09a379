from __future__ import annotations

import pytest

from datapump.analyses import Analysis
from datapump.engines.local.catalog import load_catalog
from datapump.engines.local.resolving import resolved
from datapump.errors import NotFoundError, UnsupportedError

PEAT, RADD = "gfw_peatlands", "wur_radd_alerts"
GRID = "10/100000"


class DataApi:
    """Answers as the Data API does, and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.newest = {PEAT: "v3", RADD: "v20260101"}
        self.sets = []

    def latest(self, dataset):
        self.asked.append(dataset)
        return self.newest.get(dataset)

    def assets(self, dataset, version):
        return [asset for asset in self.sets if asset["asset_uri"].startswith(f"s3://lake/{dataset}/{version}/")]

    def add(self, dataset, version, grid, meaning, status="saved", kind="Raster tile set"):
        uri = f"s3://lake/{dataset}/{version}/raster/epsg-4326/{grid}/{meaning}/geotiff/{{tile_id}}.tif"
        self.sets.append({"asset_type": kind, "status": status, "asset_uri": uri})
        return uri


def catalog(tmp_path, text):
    (tmp_path / "layers.toml").write_text(text)
    return load_catalog(tmp_path / "layers.toml").of(Analysis.INTEGRATED_ALERTS)


def test_latest_in_an_address_is_the_version_that_the_data_api_marks_and_is_asked_once(tmp_path):
    text = f'[layers.{PEAT}]\nuri = "s3://lake/{PEAT}/latest/{{grid}}/{{tile_id}}.tif"\n'
    text += f'[layers.{RADD}]\nuri = "s3://lake/{PEAT}/latest/x/{{tile_id}}.tif"\n'
    api = DataApi()
    found = resolved(catalog(tmp_path, text), GRID, api)
    assert found.layer(PEAT).uri == f"s3://lake/{PEAT}/v3/{{grid}}/{{tile_id}}.tif"
    assert found.layer(RADD).uri == f"s3://lake/{PEAT}/v3/x/{{tile_id}}.tif"
    assert api.asked == [PEAT]


@pytest.mark.parametrize("version", ["", 'version = "v1"\n'])
def test_a_dataset_s_tile_set_is_that_of_its_meaning_on_the_grid(tmp_path, version):
    api = DataApi()
    name = "v1" if version else "v20260101"
    api.add(RADD, name, "10/40000", "date_conf")
    api.add(RADD, name, GRID, "default")
    api.add(RADD, name, GRID, "date_conf", status="pending")
    wanted = api.add(RADD, name, GRID, "date_conf")
    text = f'[layers.{RADD}]\ndataset = "{RADD}"\npixel_meaning = "date_conf"\n{version}'
    assert resolved(catalog(tmp_path, text), GRID, api).layer(RADD).uri == wanted


def test_a_tile_set_that_is_not_there_is_told_with_those_that_are(tmp_path):
    api = DataApi()
    other = api.add(RADD, "v20260101", GRID, "default")
    text = f'[layers.{RADD}]\ndataset = "{RADD}"\npixel_meaning = "date_conf"\n'
    with pytest.raises(NotFoundError, match=f"no raster tile set of date_conf on the grid {GRID}; there are ") as error:
        resolved(catalog(tmp_path, text), GRID, api)
    assert other in error.value.message


def test_a_dataset_without_a_latest_version_is_told(tmp_path):
    api = DataApi()
    api.newest.clear()
    text = f'[layers.{RADD}]\ndataset = "{RADD}"\npixel_meaning = "date_conf"\n'
    with pytest.raises(NotFoundError, match=f"the dataset {RADD} has no latest version"):
        resolved(catalog(tmp_path, text), GRID, api)


def test_without_a_data_api_plain_addresses_work_and_others_are_refused(tmp_path):
    plain = catalog(tmp_path, f'[layers.{RADD}]\nuri = "radd/{{tile_id}}.tif"\n')
    assert resolved(plain, GRID, None) == plain
    with pytest.raises(UnsupportedError, match="no Data API is configured"):
        resolved(catalog(tmp_path, f'[layers.{RADD}]\nuri = "s3://a/b/latest/{{tile_id}}.tif"\n'), GRID, None)
