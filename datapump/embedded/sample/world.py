"""Write the sample world as files: features to load, fires that are kept already, and a feed with newer ones."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from shapely import box, get_parts, get_type_id, intersection, to_wkb
from shapely.geometry import MultiPolygon, mapping

from datapump.embedded.sample import fires as sample_fires
from datapump.embedded.sample.region import Area, Region, draw_region
from datapump.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

# Not a version of the real GADM: v3.6 and v4.1 have feature files of their own, any other its 1x1 grid.
VERSION = "v0.1"

_POLYGON = 3  # the geometry type's number in shapely


@dataclass(frozen=True)
class FeatureSet:
    """A dataset of areas.

    Attributes:
        dataset: Its name in the Data API.
        version: The version's name.
        title: What it is, for people.
        path: The file that holds it.
        count: Number of areas.
    """

    dataset: str
    version: str
    title: str
    path: Path
    count: int


@dataclass(frozen=True)
class World:
    """Where the sample world's files are.

    Attributes:
        gadm: Smallest divisions with the ids of all three levels; GeoJSON, EPSG:4326.
        wdpa: Parks; GeoJSON.
        farms: Features of no special type; GeoJSON.
        user_areas: User areas; TSV of `geostore_id geom tcl glad`, one row for an area and 1-degree cell.
        saved_fires: VIIRS fires of the week that is kept already; TSV, named as such files are named.
        fire_feed: VIIRS fires as FIRMS offers them, zipped shapefile: the kept week's last five days and two more.
        saved_days: First and last day of the kept week, both included.
        feed_days: The same of the feed.
    """

    gadm: FeatureSet
    wdpa: FeatureSet
    farms: FeatureSet
    user_areas: FeatureSet
    saved_fires: Path
    fire_feed: Path
    saved_days: tuple[date, date]
    feed_days: tuple[date, date]


def write(folder: Path) -> World:
    """Write every file of the sample world into a folder; files that are there and right are left alone.

    A reader sees a file whole or not at all.

    Raises:
        StorageError: The disk refused a write.
    """
    region = draw_region()
    fires = sample_fires.draw_fires(region)
    saved = fires.between(sample_fires.SAVED_FIRST, sample_fires.SAVED_LAST)
    feed = fires.between(sample_fires.FEED_FIRST, sample_fires.FEED_LAST)
    features = folder / "features"
    world = World(
        gadm=FeatureSet("gadm", VERSION, "Administrative areas", features / "gadm.geojson", len(region.divisions.adm2)),
        wdpa=FeatureSet("wdpa_protected_areas", VERSION, "Parks", features / "wdpa.geojson", len(region.parks)),
        farms=FeatureSet("sample_farms", VERSION, "Farms", features / "farms.geojson", len(region.farms)),
        user_areas=FeatureSet("geostore", VERSION, "User areas", features / "geostore.tsv", len(region.user_areas)),
        saved_fires=folder / "fires" / sample_fires.saved_name(saved),
        fire_feed=folder / "feed" / f"{sample_fires.FEED_LAYER}.zip",
        saved_days=(sample_fires.SAVED_FIRST, sample_fires.SAVED_LAST),
        feed_days=(sample_fires.FEED_FIRST, sample_fires.FEED_LAST),
    )
    _place(world.gadm.path, _gadm_geojson(region))
    _place(world.wdpa.path, _wdpa_geojson(region))
    _place(world.farms.path, _geojson((farm.polygon, {"fid": farm.fid, "name": farm.name}) for farm in region.farms))
    _place(world.user_areas.path, _geostore_tsv(region))
    _place(world.saved_fires, sample_fires.saved_tsv(saved))
    _place(world.fire_feed, sample_fires.feed_zip(feed))
    return world


def _gadm_geojson(region: Region) -> bytes:
    names = ("gid_0", "gid_1", "gid_2", "name_0", "name_1", "name_2")
    return _geojson((area.polygon, {name: getattr(area, name) for name in names}) for area in region.divisions.adm2)


def _wdpa_geojson(region: Region) -> bytes:
    names = ("site_id", "name", "iucn_cat", "iso3", "status")
    return _geojson((park.polygon, {name: getattr(park, name) for name in names}) for park in region.parks)


def _geojson(features: Iterator[tuple[Area, dict[str, str | int]]]) -> bytes:
    """A feature collection, one feature a line."""
    lines = [
        json.dumps({"type": "Feature", "properties": properties, "geometry": mapping(area)}, separators=(",", ":"))
        for area, properties in features
    ]
    return ('{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n").encode()


def _geostore_tsv(region: Region) -> bytes:
    """Every user area cut by 1-degree cells; all of these lie in tiles with both the tcl and the glad flag."""
    lines = ["geostore_id\tgeom\ttcl\tglad"]
    for area in region.user_areas:
        for piece in _cut_by_degrees(area.polygon):
            wkb = to_wkb(piece, hex=True, byte_order=1, output_dimension=2)
            lines.append(f"{area.geostore_id}\t{wkb}\tTrue\tTrue")
    return "\n".join([*lines, ""]).encode()


def _cut_by_degrees(area: Area) -> Iterator[Area]:
    """The part of the area in each 1-degree cell that it reaches into, from south-west to north-east."""
    west, south, east, north = area.bounds
    for row in range(int(np.floor(south)), int(np.ceil(north))):
        for column in range(int(np.floor(west)), int(np.ceil(east))):
            parts = get_parts(intersection(area, box(column, row, column + 1, row + 1)))
            polygons = [part for part in parts if get_type_id(part) == _POLYGON]
            if polygons:
                yield polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)


def _place(path: Path, content: bytes) -> None:
    try:
        if path.is_file() and path.read_bytes() == content:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"{path} of the sample world could not be written: {error.strerror or error}; "
            "make room or choose a folder that can be written to, then run again"
        ) from error
