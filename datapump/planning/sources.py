"""Whether the files that a raster version would be made from are there: the Data API refuses those that are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.errors import RemoteError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from datapump.objects import Objects

SUFFIXES = (".csv", ".geojson", ".gpkg", ".ndjson", ".shp", ".tif", ".tsv", ".zip")


def missing_sources(uris: Iterable[str], objects: Objects) -> list[str]:
    """Those of which there is no file; one that may not be listed from here is taken to be there.

    Args:
        uris: Files, folders, or beginnings of names that end in `*`.
        objects: The buckets.
    """
    listed: dict[str, list[str] | None] = {}
    missing = []
    for uri in uris:
        is_file = uri.endswith(SUFFIXES)
        prefix = uri.removesuffix("*") if is_file or uri.endswith("*") else uri.rstrip("/") + "/"
        folder = prefix.rsplit("/", 1)[0]
        if folder not in listed:
            listed[folder] = _names(folder, objects)
        names = listed[folder]
        if names is not None and not any(name.startswith(prefix) and name.endswith(SUFFIXES) for name in names):
            missing.append(uri)
    return missing


def _names(folder: str, objects: Objects) -> list[str] | None:
    try:
        return [info.uri for info in objects.listing(folder)]
    except (RemoteError, StorageError):
        return None
