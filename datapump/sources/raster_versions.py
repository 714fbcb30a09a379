"""What the Data API has of a raster dataset: its versions, their assets, and what they were made from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from datapump.errors import DataError
from datapump.names import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.clients.data_api import DataApi
    from datapump.recipes.assets import TileSetOf
    from datapump.settings import Settings

JSON = dict[str, Any]
TILE_SET, COG = "Raster tile set", "COG"


class Published:
    """The versions of a dataset, as they are when a sync looks. What is asked for is remembered.

    Attributes:
        latest: Name of the version that is marked latest, None if none is.
    """

    def __init__(self, dataset: str, api: DataApi) -> None:
        self.dataset = dataset
        self._api = api
        self.latest = api.latest(dataset)
        self._versions: list[str] | None = None
        self._assets: dict[str, list[JSON]] = {}
        self._sources: dict[str, list[str]] = {}

    @property
    def versions(self) -> list[str]:
        """Names of all its versions, in no order."""
        if self._versions is None:
            found = self._api.dataset(self.dataset)
            self._versions = [] if found is None else [str(name) for name in found.get("versions") or []]
        return self._versions

    def assets(self, version: str) -> list[JSON]:
        """The saved assets of a version."""
        if version not in self._assets:
            found = self._api.assets(self.dataset, version)
            self._assets[version] = [asset for asset in found if asset["status"] == "saved" and asset.get("asset_uri")]
        return self._assets[version]

    def sources(self, version: str) -> list[str]:
        """The files that a version was made from; none if that is not known."""
        if version not in self._sources:
            tile_sets = [asset for asset in self.assets(version) if asset["asset_type"] == TILE_SET]
            options = self._api.creation_options(str(tile_sets[0]["asset_id"])) if tile_sets else {}
            self._sources[version] = [str(uri) for uri in options.get("source_uri") or []]
        return self._sources[version]

    def made_from(self, version: str, dataset: str) -> str | None:
        """The version of another dataset that a version was made from; None if that is not known."""
        pattern = re.compile(rf"/{re.escape(dataset)}/(v[0-9.]+)/")
        found = [match.group(1) for uri in self.sources(version) if (match := pattern.search(uri))]
        return found[0] if found else None

    def newest_with(self, cogs: Sequence[str]) -> tuple[str, dict[str, str]] | None:
        """The newest version, up to the latest, that has all of some COGs, and their names by file."""
        if self.latest is None:
            return None
        older = [name for name in self.versions if numbers(name) <= numbers(self.latest)]
        for version in sorted(older, key=numbers, reverse=True):
            uris = {cog: self._cog(version, cog) for cog in cogs}
            found = {cog: uri for cog, uri in uris.items() if uri is not None}
            if len(found) == len(cogs):
                return version, found
        return None

    def _cog(self, version: str, implementation: str) -> str | None:
        uris = [str(asset["asset_uri"]) for asset in self.assets(version) if asset["asset_type"] == COG]
        return next((uri for uri in uris if uri.endswith(f"/cog/{implementation}.tif")), None)


def need_tile_set(wanted: TileSetOf, published: Published) -> str:
    """The latest version of a dataset, if it has a tile set.

    Raises:
        DataError: It has none; the message names the version and the tile set.
    """
    version = published.latest
    place = f"/raster/epsg-4326/{wanted.grid}/{wanted.tile_set}/geotiff/"
    if version is None:
        raise DataError(f"{wanted.dataset} has no latest version")
    if not any(
        asset["asset_type"] == TILE_SET and place in str(asset["asset_uri"]) for asset in published.assets(version)
    ):
        raise DataError(f"{wanted.dataset} {version} has no saved tile set {wanted.tile_set} on the grid {wanted.grid}")
    return version


def raster_folder(settings: Settings, dataset: str, version: str) -> str:
    """Where the data lake holds a version's rasters."""
    return f"s3://{settings.data_lake_bucket}/{dataset}/{version}/raster/epsg-4326"


def tile_set_folder(settings: Settings, dataset: str, version: str, grid: str, meaning: str) -> str:
    """Where the data lake holds a tile set."""
    return f"{raster_folder(settings, dataset, version)}/{grid}/{meaning}/geotiff"
