"""Raster tile caches: the tile sets of every level, and map tiles where data is."""

import warnings

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from tests.support.tifs import data

SYMBOLOGY = {"type": "date_conf_intensity"}
# A block of high alerts of day 300 and one of low alerts of day 7.
ALERTS = {(50_000, 50_000): np.full((40, 40), 30_300), (20_000, 20_000): np.full((40, 40), 20_007)}


def make(rasters, **options):
    known = {"source_asset_id": rasters.default()["asset_id"], "symbology": SYMBOLOGY, "resampling": "med"}
    return rasters.asset(
        "Raster tile cache", {**known, "max_zoom": 12, "max_static_zoom": 11, "min_zoom": 10, **options}
    )


@pytest.fixture
def alerts(rasters):
    rasters.source("a/10N_010E.tif", ALERTS)
    assert rasters.make(["s3://sources/a/"]) == "saved"
    return rasters


def test_a_cache_adds_three_tile_sets_a_level(alerts):
    cache = make(alerts)
    assert cache["status"] == "saved", alerts.reason()
    assert cache["asset_uri"].endswith("/tiles/alerts/v1/default/{z}/{x}/{y}.png")
    found = alerts.api.data("/dataset/alerts/v1/assets")
    assert [asset["status"] for asset in found] == ["saved"] * 11
    extra = {asset["asset_uri"].split("/epsg-3857/")[1] for asset in found if "/epsg-3857/" in asset["asset_uri"]}
    assert extra == {
        f"zoom_{zoom}/{name}/geotiff/{{tile_id}}.tif"
        for zoom in (10, 11, 12)
        for name in ("date_conf_default", "intensity_default", "default")
    }
    assert [asset["asset_type"] for asset in found].count("Raster tile set") == 10
    message = alerts.api.data("/dataset/alerts/v1/change_log")[-1]["message"]
    assert "map tiles of levels 10 to 11" in message
    assert "levels 12 to 12 have tile sets but no map tiles" in message


def test_map_tiles_tell_day_confidence_and_intensity(alerts):
    make(alerts, max_zoom=12, max_static_zoom=12, min_zoom=11)
    folder = alerts.buckets / "s3" / "gfw-tiles" / "alerts" / "v1" / "default"
    assert {path.name for path in folder.iterdir()} == {"11", "12"}
    colours = set()
    for path in (folder / "12").rglob("*.png"):
        with picture_file(path) as file:
            assert (file.count, file.width, file.height) == (4, 256, 256)
            picture = file.read().reshape(4, -1)
            colours |= {tuple(one) for one in picture[:, picture[3] > 0].T.tolist()}
            assert not picture[:3, picture[3] == 0].any()
    assert colours == {(1, 45, 255, 255), (0, 7, 155, 255)}


def picture_file(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path)


def test_only_map_tiles_with_data_are_written(alerts):
    make(alerts, max_zoom=12, max_static_zoom=8, min_zoom=8)
    folder = alerts.buckets / "s3" / "gfw-tiles" / "alerts" / "v1" / "default"
    # 15 degrees east and 5 north, 12 east and 8 north, as the slippy map counts.
    places = {str(path.relative_to(folder)) for path in folder.rglob("*.png")}
    assert places == {"8/138/124.png", "8/136/122.png"}


def test_map_tiles_are_served_where_the_cache_says(alerts):
    cache = make(alerts, max_zoom=12, max_static_zoom=12, min_zoom=12)
    address = cache["asset_uri"].replace("{z}", "12")
    folder = alerts.buckets / "s3" / "gfw-tiles" / "alerts" / "v1" / "default" / "12"
    path = next(folder.rglob("*.png"))
    answer = alerts.api.client.get(address.replace("{x}", path.parent.name).replace("{y}", path.stem))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content == path.read_bytes()
    empty = alerts.api.client.get(address.replace("{x}", "0").replace("{y}", "0"))
    assert (empty.status_code, empty.json()["message"]) == (404, "Tile not found")
    outside = alerts.api.client.get("/tiles/alerts/v1/%2e%2e/12/0/0.png")
    assert outside.status_code == 404


def test_the_highest_level_is_the_source_in_web_mercator(alerts):
    make(alerts, max_zoom=14, max_static_zoom=0, min_zoom=14)
    folder = alerts.buckets / "s3" / "gfw-data-lake" / "alerts" / "v1" / "raster" / "epsg-3857" / "zoom_14"
    tiles = list((folder / "date_conf_default" / "geotiff").glob("*.tif"))
    assert [path.stem for path in tiles] == ["031R_034C", "030R_034C"] or len(tiles) == 2
    found = [value for path in tiles for value in data(path).values()]
    assert set(found) == {30_300, 20_007}
    assert len(found) == pytest.approx(2 * 47 * 47, rel=0.05)
    assert all(path.stat().st_size < 200_000 for path in tiles)


def test_a_lonely_pixel_is_drawn_as_far_up_as_it_is_seen(rasters):
    rasters.source("a/10N_010E.tif", {(50_000, 50_000): [[30_300]]})
    rasters.make(["s3://sources/a/"])
    cache = make(rasters, resampling="med", max_zoom=14, max_static_zoom=14, min_zoom=6)
    assert cache["status"] == "saved", rasters.reason()
    folder = rasters.buckets / "s3" / "gfw-tiles" / "alerts" / "v1" / "default"
    blues = {}
    for path in folder.rglob("*.png"):
        with picture_file(path) as file:
            picture = file.read().reshape(4, -1)
            blues[int(path.relative_to(folder).parts[0])] = int(picture[2].max())
    assert blues[14] == 255
    assert all(200 <= blue <= 255 for blue in blues.values())
    assert blues[min(blues)] < 210


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"min_zoom": 9, "max_zoom": 3}, "min_zoom 9 is above max_zoom 3"),
        ({"symbology": {"type": "gradient"}}, "symbology gradient are not drawn by the embedded Data API"),
    ],
)
def test_a_cache_that_cannot_be_drawn_says_so(alerts, options, reason):
    assert make(alerts, **options)["status"] == "failed"
    assert reason in alerts.reason()
    assert alerts.api.assets("v1", "alerts") == [("Raster tile set", "saved"), ("Raster tile cache", "failed")]


def test_deleting_the_version_removes_all_of_it(alerts):
    make(alerts)
    assert list((alerts.buckets / "s3" / "gfw-tiles").rglob("*.png"))
    alerts.api.delete("/dataset/alerts/v1")
    alerts.make(["s3://sources/a/"], "v2")
    assert not list((alerts.buckets / "s3" / "gfw-tiles").rglob("*.png"))
    assert not [
        path for path in (alerts.buckets / "s3" / "gfw-data-lake" / "alerts" / "v1").rglob("*") if path.is_file()
    ]
