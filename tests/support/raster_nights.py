"""Releases of all alert rasters, of a few pixels each, and recipes that count fewer tiles."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from datapump.recipes import BUILT_IN
from tests.support.tifs import write_tile

HANSEN = "gs://earthenginepartners-hansen"
NAME = "10N_010E"
FEWER = {"tiles = [208, 209]": "tiles = [1]", "tiles = 115": "tiles = 1", "first_year = 2021": "first_year = 2025"}
RASTERS = ["wur_radd_alerts", "umd_glad_landsat_alerts", "umd_glad_sentinel2_alerts", "umd_glad_dist_alerts"]


def small_recipes(folder):
    """The recipes that come with datapump, for releases of one tile."""
    folder.mkdir(exist_ok=True)
    for path in BUILT_IN.glob("*.toml"):
        text = path.read_text()
        for long, short in FEWER.items():
            text = text.replace(long, short)
        (folder / path.name).write_text(text)
    return folder


class Releases:
    """Writes releases into a deployment's buckets; pixels are (row, column) on the grid of 10 m."""

    def __init__(self, objects):
        self._objects = objects

    def radd(self, version, pixels):
        self._tile(f"gs://gfw_gee_export/wur_radd_alerts/{version}/{NAME}.tif", pixels)

    def glad_l(self, folder, year, pixels):
        """By pixel, (confidence, day of the year)."""
        root = f"{HANSEN}/GLADalert/C2/{folder}"
        coarse = {"grid": "10/40000"}
        self._tile(f"{root}/alert{year}_{NAME}.tif", first(pixels), dtype="uint8", **coarse)
        self._tile(f"{root}/alertDate{year}_{NAME}.tif", second(pixels), **coarse)

    def s2(self, text, pixels):
        """By pixel, (confidence, day since 2018-12-31)."""
        self._tile(f"{HANSEN}/S2alert/alert/{NAME}.tif", first(pixels), dtype="uint8")
        self._tile(f"{HANSEN}/S2alert/alertDate/{NAME}.tif", second(pixels))
        self._objects.put(f"{HANSEN}/S2alert/uploadDate.txt", f"Updated {text} UTC".encode())

    def dist(self, day, tiles):
        """By tile and pixel of the 30 m grid, (anomaly, day since 2020-12-31, count)."""
        for name, pixels in tiles.items():
            for index, folder in enumerate(("VEG-ANOM-MAX", "VEG-DIST-DATE", "VEG-DIST-COUNT")):
                band = {place: values[index] for place, values in pixels.items()}
                dtype = "int16" if index == 1 else "uint8"
                uri = f"{HANSEN}/DIST-ALERT/{folder}/{name}.tif"
                self._tile(uri, band, dtype=dtype, grid="10/40000", name=name)
        self._objects.put(f"{HANSEN}/DIST-ALERT/uploadDate.txt", f"Updated Sat Jan 17 13:43:05 {day} UTC".encode())

    def _tile(self, uri, pixels, *, dtype="uint16", grid="10/100000", name=NAME):
        patches = {place: [[value]] for place, value in pixels.items()}
        with TemporaryDirectory() as folder:
            path = write_tile(Path(folder) / "tile.tif", patches, grid=grid, dtype=dtype, name=name)
            self._objects.put(uri, path)


def put_releases(releases):
    """A first release of each."""
    # The same place is (0, 0) on every grid, and (10, 10) on that of 10 m is (4, 4) on that of 30 m.
    releases.radd("v20260118", {(0, 0): 33990, (10, 10): 24000, (20, 20): 15000})
    releases.glad_l("2025/final", 25, {(4, 4): (3, 100)})
    releases.glad_l("2026/01_30", 26, {(4, 4): (1, 5)})
    releases.s2("Fri Jan 30 14:27:01 2026", {(0, 0): (1, 2530), (30, 30): (2, 2560)})
    dist = {(0, 0): (50, 1800, 5), (12, 12): (40, 1850, 2), (16, 16): (40, 1850, 9)}
    releases.dist("2026-01-31", {NAME: dist, "50N_010E": {(7, 7): (99, 1700, 9)}})


def first(pixels):
    return {place: values[0] for place, values in pixels.items()}


def second(pixels):
    return {place: values[1] for place, values in pixels.items()}
