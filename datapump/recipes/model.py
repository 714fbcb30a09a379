"""A recipe: all that is to be known of a raster dataset to make its versions."""

from __future__ import annotations

import re
from datetime import date, time
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from datapump.names import DATASET_PATTERN, DatasetName, VersionName
from datapump.recipes.assets import (
    Asset,
    CogAsset,
    Part,
    SourceAsset,
    TileCacheAsset,
    TileSetAsset,
    TileSetOf,
    VrtAsset,
    parents,
)

Uri = Annotated[str, Field(pattern=r"^(s3|gs)://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9](/[A-Za-z0-9._-]+)+$")]
Count = Annotated[int, Field(gt=0)]
_PLACEHOLDER = re.compile(r"\{(\w*)\}")


class InBucket(Part):
    """Releases are files in a bucket.

    Attributes:
        uri: Their folder.
        new_when: Against the latest published version.
    """

    uri: Uri
    new_when: Literal["newer", "different"] = "newer"


class FolderRelease(InBucket):
    """Releases are folders named `vYYYYMMDD`; complete with exactly so many tiles.

    Attributes:
        tiles: Numbers of tiles of a complete release; more than the largest is an error: the extent has grown.
        newest: How many folders are looked at, newest first.
    """

    found_by: Literal["folders"]
    tiles: list[Count] = Field(min_length=1)
    newest: Count = 3


class UploadRelease(InBucket):
    """Files are replaced in their place; a text beside them says when.

    Attributes:
        file: The text's name in the folder.
        date: How it writes the day: `Fri Apr 15 14:27:01 2022`, or `2022-04-15` at its end.
    """

    found_by: Literal["upload_date"]
    file: str = "uploadDate.txt"
    date: Literal["words", "iso"]


class YearlyRelease(InBucket):
    """Each year of data has a folder with a final release, or provisional ones of days.

    Attributes:
        first_year: First year of data.
        tiles: How many tiles a complete year has; more is an error: the extent has grown.
        counted: Begin of the names that are counted; `{yy}` is the year.
        back_days: How far back the days are looked at.
    """

    found_by: Literal["years"]
    first_year: int = Field(ge=2000, le=2100)
    tiles: Count
    counted: str = Field(pattern=r"^[A-Za-z]+\{yy\}$")
    back_days: Count = 365


class SourcesRelease(Part):
    """New when a source dataset's latest version was made after this dataset's; the version is the sync's."""

    found_by: Literal["sources"]


class VersionRelease(Part):
    """Follows the versions of another dataset, and takes their names."""

    found_by: Literal["version_of"]
    dataset: DatasetName


Release = Annotated[
    FolderRelease | UploadRelease | YearlyRelease | SourcesRelease | VersionRelease, Field(discriminator="found_by")
]


class Content(Part):
    """The days that a version's content covers.

    Attributes:
        end: The release's day, or the day on which the version is made.
        last_day: The last day that the pixels' type can express; later releases are refused.
    """

    start: date
    end: Literal["release", "today"]
    description: str = Field(min_length=1)
    last_day: date | None = None


class Retention(Part):
    """What is deleted once a new version is latest.

    Attributes:
        keep_days: Versions older than this are deleted; none: all are kept.
        keep: Versions that are never deleted.
        remake: Parts of the URIs of assets that can be made again: deleted from the version before the previous one.
    """

    keep_days: Count | None = None
    keep: list[VersionName] = Field(default_factory=list)
    remake: list[str] = Field(default_factory=list)


class Recipe(Part):
    """A raster dataset.

    Attributes:
        sync_type: The sync that makes its versions; its own name, unless another source does.
        schedule: When it is synced, UTC.
        after: Datasets whose new versions call for its sync.
        notify: Receivers that are told of a new version.
    """

    dataset: DatasetName
    title: str = Field(min_length=1)
    sync_type: str = Field(default="", pattern=f"{DATASET_PATTERN}|^$")
    schedule: time
    after: list[DatasetName] = Field(default_factory=list)
    notify: list[Literal["gnw"]] = Field(default_factory=list)
    release: Release
    content: Content
    retention: Retention = Retention()
    assets: list[Asset] = Field(min_length=1)

    @field_validator("schedule")
    @classmethod
    def _to_the_minute(cls, value: time) -> time:
        if value.second or value.microsecond or value.tzinfo is not None:
            raise ValueError("give hours and minutes, UTC, as in 22:00:00")
        return value

    @model_validator(mode="after")
    def _can_be_made(self) -> Self:
        for index, asset in enumerate(self.assets):
            try:
                self._check(asset)
            except ValueError as error:
                raise ValueError(f"assets.{index} ({asset.name}): {error}") from None
        self.ordered()
        return self

    def _check(self, asset: Asset) -> None:
        if self.find(asset.name) is not asset:
            raise ValueError("another asset has the same name")
        if isinstance(asset, SourceAsset) and asset is not self.assets[0]:
            raise ValueError("the source is the first asset, and there is only one")
        for name in parents(asset):
            self._check_parent(asset, name)
        if isinstance(asset, SourceAsset):
            self._check_sources(asset)

    def _check_parent(self, asset: Asset, name: str) -> None:
        parent = self.find(name)
        if parent is None:
            raise ValueError(f"made_from: there is no asset {name!r}")
        fits = isinstance(parent, _MADE_FROM[type(asset)])
        if not fits:
            raise ValueError(f"made_from: it cannot be made from {name!r}, which is a {parent.kind}")
        is_band_a = isinstance(asset, TileSetAsset) and isinstance(parent, SourceAsset)
        if is_band_a:
            raise ValueError(f"made_from: {name!r} is the default tile set, which is band A of every tile set")

    def _check_sources(self, asset: SourceAsset) -> None:
        yearly = isinstance(self.release, YearlyRelease)
        if yearly != (asset.calc_by_year is not None):
            raise ValueError("calc_by_year goes with found_by = 'years', and only with it")
        folders = isinstance(self.release, InBucket)
        known = {"release", "year", "yy"} if yearly else {"release"}
        for source in asset.sources:
            if isinstance(source, TileSetOf) == folders:
                raise ValueError(
                    "sources: a release that is found in a bucket is made from its files, any other from tile sets"
                )
            unknown = set(_PLACEHOLDER.findall(source)) - known if isinstance(source, str) else set()
            if unknown:
                raise ValueError(f"sources: {', '.join(sorted(unknown))} cannot be filled in: {', '.join(known)} can")
            if isinstance(source, str) and not source.startswith("{release}"):
                raise ValueError(f"sources: {source!r} must begin with {{release}}, the release's folder")

    def find(self, name: str) -> Asset | None:
        """The asset of a name, None if there is none."""
        return next((asset for asset in self.assets if asset.name == name), None)

    @property
    def source(self) -> SourceAsset:
        """The default tile set."""
        source = self.assets[0]
        if not isinstance(source, SourceAsset):
            raise ValueError("the first asset must be the source: kind = 'source'")  # noqa: TRY004 - pydantic takes it
        return source

    @property
    def sync(self) -> str:
        """The sync type that makes its versions."""
        return self.sync_type or self.dataset

    def ordered(self) -> list[Asset]:
        """The assets, each after what it is made from.

        Raises:
            ValueError: Some are made from each other.
        """
        done: dict[str, Asset] = {self.source.name: self.source}
        left = list(self.assets[1:])
        while left:
            ready = [asset for asset in left if all(name in done for name in parents(asset))]
            if not ready:
                raise ValueError(f"assets: made from each other: {', '.join(asset.name for asset in left)}")
            done |= {asset.name: asset for asset in ready}
            left = [asset for asset in left if asset.name not in done]
        return list(done.values())


_MADE_FROM: dict[type[object], tuple[type[object], ...]] = {
    TileSetAsset: (SourceAsset, TileSetAsset),
    TileCacheAsset: (SourceAsset, TileSetAsset),
    CogAsset: (SourceAsset, TileSetAsset),
    VrtAsset: (CogAsset,),
}
