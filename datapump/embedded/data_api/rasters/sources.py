"""The GeoTIFFs behind the names of a raster's sources: folders, prefixes, single files, lists of tiles."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import rasterio
from affine import Affine  # noqa: TC002 - a field of a dataclass
from rasterio.crs import CRS  # noqa: TC002 - a field of a dataclass
from rasterio.errors import RasterioError

from datapump.errors import DataError, NotFoundError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from datapump.objects import Objects

MOST_FILES = 20_000
_CACHE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class RasterFile:
    """What the header of one GeoTIFF tells."""

    path: Path
    crs: CRS
    transform: Affine
    width: int
    height: int
    dtypes: tuple[str, ...]
    nodata: float | None
    blocks: tuple[int, int]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in its coordinate system."""
        west, north = self.transform @ (0, 0)
        east, south = self.transform @ (self.width, self.height)
        return west, south, east, north


@dataclass(frozen=True)
class Source:
    """One source: its files lie beside each other and have the same bands."""

    uri: str
    files: tuple[RasterFile, ...]

    @cached_property
    def bands(self) -> int:
        """How many bands it gives."""
        return len(self.files[0].dtypes)


def open_source(uri: str, objects: Objects, *, unify_projection: bool) -> Source:
    """Find the files of a source, and look at the header of each.

    Args:
        uri: A GeoTIFF; a `.geojson` list of tiles; a prefix that ends in `*`; else a folder.
        objects: Where they are.
        unify_projection: Whether the files may have different coordinate systems.

    Raises:
        DataError: No file, a broken one, or files that do not belong together.
        UnsupportedError: The files lie in a real bucket.
    """
    paths = [_path(name, objects) for name in source_files(uri, objects)]
    if not paths:
        raise DataError(f"{uri}: there is no .tif file")
    files = tuple(_header(path) for path in paths)
    _check_alike(uri, files, unify_projection=unify_projection)
    return Source(uri, files)


def source_files(uri: str, objects: Objects) -> list[str]:
    """The names of the GeoTIFFs that a source's name stands for.

    Raises:
        DataError: A list of tiles that is none.
    """
    if uri.endswith(".tif"):
        return [uri]
    if uri.endswith(".geojson"):
        return listed_tiles(uri, objects)
    prefix = uri.removesuffix("*") if uri.endswith("*") else uri.rstrip("/") + "/"
    infos = objects.listing(prefix.rsplit("/", 1)[0] + "/")
    names = [info.uri for info in infos if info.uri.startswith(prefix) and info.uri.endswith(".tif")]
    if len(names) > MOST_FILES:
        raise DataError(f"{uri}: {len(names)} files, at most {MOST_FILES} are read")
    return names


def listed_tiles(uri: str, objects: Objects) -> list[str]:
    """The tiles that a `tiles.geojson` or a list like it names.

    A list that was copied beside other tiles means those: each is looked for beside the list first.

    Raises:
        DataError: It is missing, or no such list.
    """
    try:
        document = json.loads(objects.get(uri))
        names = [str(feature["properties"]["name"]) for feature in document["features"]]
    except NotFoundError:
        raise DataError(f"{uri} does not exist") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{uri} is not a list of tiles: expected features with a property name") from error
    if len(names) > MOST_FILES:
        raise DataError(f"{uri}: {len(names)} tiles, at most {MOST_FILES} are read")
    folder = uri.rsplit("/", 1)[0]
    beside = {name: f"{folder}/{name.rsplit('/', 1)[-1]}" for name in names}
    there = {info.uri for info in objects.listing(f"{folder}/")}
    return [beside[name] if beside[name] in there else _plain(name) for name in names]


def _plain(name: str) -> str:
    """A name as GDAL writes it, `/vsis3/bucket/key`, as an object's name."""
    for scheme, virtual in (("s3", "/vsis3/"), ("gs", "/vsigs/")):
        if name.startswith(virtual):
            return f"{scheme}://{name.removeprefix(virtual)}"
    return name


def _path(name: str, objects: Objects) -> Path:
    if not objects.is_folder(name):
        raise UnsupportedError(f"{name}: the embedded Data API reads rasters from files, not from buckets")
    return objects.path(name)


def _header(path: Path) -> RasterFile:
    try:
        with rasterio.open(path) as file:
            return _described(path, file)
    except (RasterioError, OSError) as error:
        why = str(error.__cause__ or error).replace(str(path), path.name)
        raise DataError(f"{path.name} is not a GeoTIFF that can be read: {why}") from error


def _described(path: Path, file: Any) -> RasterFile:  # noqa: ANN401 - rasterio has no types
    transform = file.transform
    if file.crs is None:
        raise DataError(f"{path.name} has no coordinate system")
    if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
        raise DataError(f"{path.name} is not north-up")
    return RasterFile(
        path=path,
        crs=file.crs,
        transform=transform,
        width=file.width,
        height=file.height,
        dtypes=tuple(file.dtypes),
        nodata=file.nodata,
        blocks=file.block_shapes[0],
    )


def _check_alike(uri: str, files: Sequence[RasterFile], *, unify_projection: bool) -> None:
    counts = {len(file.dtypes) for file in files}
    if len(counts) > 1:
        raise DataError(f"{uri}: its files have different numbers of bands, {sorted(counts)}")
    projections = {file.crs.to_string() for file in files}
    if len(projections) > 1 and not unify_projection:
        raise DataError(
            f"{uri}: its files have different coordinate systems, {', '.join(sorted(projections))}: ask for "
            "unify_projection"
        )
