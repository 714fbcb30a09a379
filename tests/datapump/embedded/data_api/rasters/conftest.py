"""A Data API with a dataset for rasters."""

import pytest

from tests.support.tifs import write_tile

LAKE = "s3/gfw-data-lake/alerts/v1/raster/epsg-4326"
OPTIONS = {
    "source_type": "raster",
    "source_driver": "GeoTIFF",
    "pixel_meaning": "date_conf",
    "data_type": "uint16",
    "grid": "10/100000",
    "no_data": 0,
}


class Rasters:
    """Makes versions of tiny sources and reads what came of them."""

    def __init__(self, api):
        self.api = api
        self.buckets = api.buckets

    def source(self, uri, patches, **changes):
        """A source tile; returns its name."""
        write_tile(self.buckets / "s3" / "sources" / uri, patches, **changes)
        return f"s3://sources/{uri}"

    def make(self, uris, version="v1", **options):
        return self.api.version(version, {**OPTIONS, "source_uri": uris, **options}, "alerts")

    def asset(self, asset_type, options, version="v1"):
        return self.api.asset(version, asset_type, options, "alerts")

    def tile_set(self, options, version="v1"):
        """Make an auxiliary tile set; returns its asset."""
        return self.asset("Raster tile set", {**aux(), **options}, version)

    def default(self, version="v1"):
        return self.api.data(f"/dataset/alerts/{version}/assets")[0]

    def path(self, asset, name="10N_010E"):
        uri = asset["asset_uri"].replace("{tile_id}", name)
        return self.buckets / uri.replace("://", "/")

    def reason(self, version="v1"):
        return self.api.reason(version, "alerts")


def aux():
    return {name: value for name, value in OPTIONS.items() if not name.startswith("source_")}


@pytest.fixture
def rasters(api):
    api.dataset("alerts")
    return Rasters(api)
