"""Whether the sources that a request names are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.embedded.data_api.errors import ApiError
from datapump.errors import DatapumpError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from datapump.objects import Objects

SUFFIXES = (".csv", ".geojson", ".gpkg", ".ndjson", ".shp", ".tif", ".tsv", ".zip")


def check(objects: Objects, uris: Iterable[str]) -> None:
    """Refuse sources that cannot be read.

    A name with a known suffix, or ending in `*`, is a prefix of what is meant; any other is a folder.

    Raises:
        ApiError: 400, listing those at which there is no object with a known suffix.
    """
    invalid = [uri for uri in uris if not _is_there(objects, uri)]
    if invalid:
        raise ApiError(
            400,
            "Cannot access all of the source files (non-existent or access denied)."
            f" Invalid sources: {invalid}",
        )  # fmt: skip


def _is_there(objects: Objects, uri: str) -> bool:
    known = uri.endswith(SUFFIXES)
    prefix = uri.removesuffix("*") if uri.endswith("*") or known else uri.rstrip("/") + "/"
    try:
        if known and objects.exists(uri):
            return True
        found = objects.listing(prefix.rsplit("/", 1)[0] + "/")
    except (DatapumpError, ValueError):  # no bucket can hold such a name, or the bucket denies access
        return False
    return any(info.uri.startswith(prefix) and info.uri.endswith(SUFFIXES) for info in found)
