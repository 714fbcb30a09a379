"""The recipes of raster datasets, as the catalog shows them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from datapump.analyses import SyncType
from datapump.recipes.assets import Pixels, SourceAsset, parents
from datapump.recipes.model import InBucket, VersionRelease

if TYPE_CHECKING:
    from datapump.recipes.assets import Asset
    from datapump.recipes.model import Recipe


class RecipeAsset(BaseModel):
    """An asset of each version of a raster dataset."""

    name: str
    kind: str = Field(description="`source` (the version's own tile set), `tile_set`, `tile_cache`, `cog` or `vrt`.")
    made_from: list[str] = Field(description="Names of assets; every asset but the source is made from that, too.")
    grid: str | None = Field(description="Of tile sets: degrees of a tile's side, and pixels along it; else null.")
    formula: str | None = Field(description="Of tile sets: numpy over the bands A, B...; null: the pixels as they are.")

    @classmethod
    def of(cls, asset: Asset) -> RecipeAsset:
        """The entry of an asset."""
        formula, grid = (asset.calc, asset.grid) if isinstance(asset, Pixels) else (None, None)
        if isinstance(asset, SourceAsset):
            formula = formula or asset.calc_by_year
        return cls(name=asset.name, kind=asset.kind, made_from=parents(asset), grid=grid, formula=formula)


class RecipeEntry(BaseModel):
    """How a raster dataset is made."""

    dataset: str
    title: str
    sync_type: SyncType = Field(description="The sync that makes its versions.")
    schedule: str = Field(description="When it is synced, `HH:MM` in UTC.")
    after: list[str] = Field(description="Datasets whose new versions call for its sync.")
    source: str | None = Field(description="Where releases are found: a bucket's folder, or a dataset.")
    content_start: date
    keep_days: int | None = Field(description="Versions older than this are deleted; null: all are kept.")
    keep: list[str] = Field(description="Versions that are never deleted.")
    assets: list[RecipeAsset]

    @classmethod
    def of(cls, recipe: Recipe) -> RecipeEntry:
        """The entry of a recipe."""
        release = recipe.release
        source = release.uri if isinstance(release, InBucket) else None
        return cls(
            dataset=recipe.dataset,
            title=recipe.title,
            sync_type=SyncType(recipe.sync),
            schedule=f"{recipe.schedule:%H:%M}",
            after=recipe.after,
            source=release.dataset if isinstance(release, VersionRelease) else source,
            content_start=recipe.content.start,
            keep_days=recipe.retention.keep_days,
            keep=recipe.retention.keep,
            assets=[RecipeAsset.of(asset) for asset in recipe.ordered()],
        )
