"""A recipe and a release -> the assets of one version, each with its creation options and what it is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from datapump.jobs.raster_assets import AssetKind, OtherTileSet, RasterAsset
from datapump.names import day_of
from datapump.recipes.assets import HOUR, CogAsset, SourceAsset, TileCacheAsset, TileSetAsset, TileSetOf, VrtAsset
from datapump.recipes.formulas import formula_by_year
from datapump.sources.raster_versions import Published, need_tile_set, raster_folder, tile_set_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datapump.clients.data_api import JSON
    from datapump.recipes.model import Recipe
    from datapump.settings import Settings
    from datapump.sources.releases import FoundRelease

_SUNDAY = 6


@dataclass(frozen=True)
class Plan:
    """The assets of one version that is to be made.

    Attributes:
        release: Of a dataset whose releases are in a bucket: the release.
        published: This dataset's versions.
        others: The versions of the datasets that it is made from, by dataset.
    """

    recipe: Recipe
    version: str
    release: FoundRelease | None
    published: Published
    others: Mapping[str, Published]
    settings: Settings
    _reused: dict[str, str] = field(default_factory=dict)
    _in_use: set[str] = field(default_factory=set)

    def assets(self) -> list[RasterAsset]:
        """The assets that this version gets, each after what it is made from.

        Raises:
            DataError: A tile set of another version that is needed is not there.
        """
        made: list[RasterAsset] = []
        for asset in self.recipe.ordered():
            if isinstance(asset, SourceAsset):
                made.append(self._source(asset))
            elif isinstance(asset, TileSetAsset):
                made.append(self._tile_set(asset))
            elif isinstance(asset, TileCacheAsset):
                options = {**asset.options()}
                made.append(_asset(asset.name, AssetKind.TILE_CACHE, [asset.made_from], options, asset.timeout_hours))
            elif isinstance(asset, CogAsset):
                made += [self._cog(asset)] if self._is_due(asset) else []
            else:
                made.append(self._vrt(asset, {one.name for one in made}))
        return made

    @property
    def in_use(self) -> frozenset[str]:
        """Earlier versions of this dataset whose files the version's assets refer to; known once they are."""
        return frozenset(self._in_use)

    def _source(self, asset: SourceAsset) -> RasterAsset:
        uris = [uri for source in asset.sources for uri in self._uris(source)]
        options: JSON = {"source_type": "raster", "source_driver": "GeoTIFF", "source_uri": uris, **asset.options()}
        if asset.calc_by_year is not None and self.release is not None:
            years = list(self.release.years)
            options["source_uri"] = [
                source.format(release=folder, year=year, yy=f"{year % 100:02d}")
                for year, folder in self.release.years.items()
                for source in asset.sources
                if isinstance(source, str)
            ]
            options["calc"] = formula_by_year(asset.calc_by_year, years)
        return _asset(asset.name, AssetKind.SOURCE, [], options, asset.timeout_hours)

    def _uris(self, source: str | TileSetOf) -> list[str]:
        if isinstance(source, TileSetOf):
            version = need_tile_set(source, self.others[source.dataset])
            folder = tile_set_folder(self.settings, source.dataset, version, source.grid, source.tile_set)
            return [f"{folder}/tiles.geojson"]
        if self.release is None or self.release.years:
            return []
        return [source.format(release=self.release.folder)]

    def _tile_set(self, asset: TileSetAsset) -> RasterAsset:
        options = asset.options()
        bands = []
        alone = asset.calc_alone is not None and all(self._known(one.dataset).latest is None for one in asset.others)
        if alone:
            options["calc"] = asset.calc_alone
        else:
            for one in asset.others:
                version = need_tile_set(one, self._known(one.dataset))
                bands.append(
                    OtherTileSet(dataset=one.dataset, version=version, pixel_meaning=one.tile_set, grid=one.grid)
                )
        made = _asset(asset.name, AssetKind.TILE_SET, asset.made_from, options, asset.timeout_hours)
        return made.model_copy(update={"bands": bands})

    def _known(self, dataset: str) -> Published:
        return self.published if dataset == self.recipe.dataset else self.others[dataset]

    def _cog(self, asset: CogAsset) -> RasterAsset:
        options = asset.options()
        parent = self.recipe.find(asset.made_from)
        if asset.tile_list is not None and isinstance(parent, SourceAsset | TileSetAsset):
            place = self.recipe.dataset, self.version, parent.grid, parent.pixel_meaning
            options["source_asset_id"] = f"{tile_set_folder(self.settings, *place)}/{asset.tile_list}"
        return _asset(asset.name, AssetKind.COG, [asset.made_from], options, asset.timeout_hours)

    def _is_due(self, asset: CogAsset) -> bool:
        """Whether this version gets a COG that not every version has."""
        latest = self.published.latest
        if asset.when == "always" or latest is None:
            return True
        if asset.when == "month":
            return is_first_of_month(self.version, latest)
        release = str(asset.release_of)
        if self.published.made_from(latest, release) != self.others[release].latest:
            return True
        found = self.published.newest_with([asset.implementation])
        if found is None:
            return True
        self._in_use.add(found[0])
        self._reused[asset.name] = found[1][asset.implementation]
        return False

    def _vrt(self, asset: VrtAsset, made: set[str]) -> RasterAsset:
        folder = f"{raster_folder(self.settings, self.recipe.dataset, self.version)}/cog"
        sources = []
        for name in asset.made_from:
            cog = self.recipe.find(name)
            if name in made and isinstance(cog, CogAsset):
                sources.append(f"{folder}/{cog.implementation}.tif")
            elif name in self._reused:
                sources.append(self._reused[name])
        options: JSON = {"sources": sources, "uri": f"{folder}/{asset.file}"}
        parents = [name for name in asset.made_from if name in made]
        return _asset(asset.name, AssetKind.VRT, parents, options, asset.timeout_hours)


def is_first_of_month(version: str, latest: str) -> bool:
    """Whether a version is the first on or after the first Sunday of a month, when another one is the latest.

    Each month counts from its first Sunday to the next month's.
    """
    day, before = day_of(version), day_of(latest)
    if day is None:
        return False
    return before is None or before < last_first_sunday(day) <= day


def last_first_sunday(day: date) -> date:
    """The newest first Sunday of a month that is not after a day."""
    for first in (day.replace(day=1), (day.replace(day=1) - timedelta(days=1)).replace(day=1)):
        sunday = first + timedelta(days=(_SUNDAY - first.weekday()) % 7)
        if sunday <= day:
            break
    return sunday


def _asset(name: str, kind: AssetKind, made_from: list[str], options: JSON, timeout_hours: int) -> RasterAsset:
    return RasterAsset(name=name, kind=kind, made_from=made_from, options=options, timeout_sec=timeout_hours * HOUR)
