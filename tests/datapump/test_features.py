"""Where the features of a table are, and what is said where there are none."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from datapump.analyses import Analysis
from datapump.errors import NotFoundError
from datapump.features import find_features
from datapump.jobs.documents import Table
from datapump.objects import Objects

FOLDER = "s3://gfw-pipelines/geotrellis/features"


class Catalogue:
    """A Data API of one dataset."""

    def __init__(self, *assets):
        self._assets = [dict(zip(("asset_type", "status", "asset_uri"), asset, strict=True)) for asset in assets]

    def dataset(self, dataset):
        return {"versions": ["v2", "v1"]} if dataset == "farms" else None

    def version(self, dataset, version):
        return {} if (dataset, version) == ("farms", "v1") else None

    def assets(self, _dataset, _version):
        return self._assets


@pytest.fixture
def ports(tmp_path):
    settings = SimpleNamespace(pipeline_bucket="gfw-pipelines")
    return SimpleNamespace(objects=Objects(tmp_path), settings=settings, data_api=Catalogue())


def table(dataset, version="v1"):
    return Table(dataset=dataset, version=version, analysis=Analysis.VIIRS)


@pytest.mark.parametrize(
    ("wanted", "features", "file"),
    [
        (table("geostore"), f"{FOLDER}/geostore/*.tsv", f"{FOLDER}/geostore/v20260101.tsv"),
        (table("my_geostore_areas"), f"{FOLDER}/geostore/*.tsv", f"{FOLDER}/geostore/v20260101.tsv"),
        (table("gadm", "v4.1"), f"{FOLDER}/gadm41_adm2_1x1.tsv", None),
        (table("gadm", "v3.6"), "s3://gfw-files/2018_update/tsv/gadm36_adm2_1_1.csv", None),
    ],
    ids=["areas", "areas by name", "gadm 4.1", "gadm 3.6"],
)
def test_known_features_have_their_place_and_must_be_there(ports, wanted, features, file):
    with pytest.raises(NotFoundError) as caught:
        find_features(wanted, ports)
    assert caught.value.message == f"the table {wanted} has no feature files: there is nothing at {features}"
    ports.objects.put(file or features, b"x")
    assert find_features(wanted, ports) == features


def test_other_features_are_the_saved_grid_that_was_made_last(ports):
    ports.data_api = Catalogue(
        ("1x1 grid", "saved", "s3://a"),
        ("Geo database table", "saved", "table"),
        ("1x1 grid", "saved", "s3://b"),
        ("1x1 grid", "failed", "s3://c"),
    )
    assert find_features(table("farms"), ports) == "s3://b"


@pytest.mark.parametrize(
    ("wanted", "assets", "told"),
    [
        (table("gadm", "v5.0"), [], "the table gadm v5.0 viirs names an unknown dataset: the Data API has no gadm"),
        (table("farms", "v9"), [], "the table farms v9 viirs names an unknown version; versions of farms: v1, v2"),
        (table("farms"), [], "it has no '1x1 grid' asset; create that asset of the version first"),
        (table("farms"), [("1x1 grid", "pending", "s3://a")], "its '1x1 grid' asset is pending; create that asset"),
    ],
)
def test_what_is_missing_is_told(ports, wanted, assets, told):
    ports.data_api = Catalogue(*assets)
    with pytest.raises(NotFoundError) as caught:
        find_features(wanted, ports)
    assert told in caught.value.message
