"""The assets of a raster version: a graph, in which each names what it is made from."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field, JsonValue

from datapump.jobs.document import Document
from datapump.names import DatasetName, VersionName


class AssetKind(StrEnum):
    """What an asset is.

    Attributes:
        SOURCE: The version's default tile set, made from source files together with the version.
        VRT: A virtual raster over cloud-optimized GeoTIFFs, written by datapump, not by the Data API.
    """

    SOURCE = "source"
    TILE_SET = "tile_set"
    TILE_CACHE = "tile_cache"
    COG = "cog"
    VRT = "vrt"


class AssetState(StrEnum):
    """How far an asset is."""

    WAITING = "waiting"
    MAKING = "making"
    SAVED = "saved"
    FAILED = "failed"


class OtherTileSet(Document):
    """A tile set of another version, whose pixels are a band of an asset's formula.

    Attributes:
        grid: Tells it from others of the same pixel meaning; None: there is only one.
    """

    dataset: DatasetName
    version: VersionName
    pixel_meaning: str
    grid: str | None = None


class RasterAsset(Document):
    """One asset of a raster version.

    Attributes:
        name: Names it within the job: in messages, and where another one is made from it.
        made_from: Names of the job's assets that must be saved before. Their order is the order of the bands
            that follow the default tile set's own.
        bands: Tile sets of other versions, whose bands come after those.
        options: The Data API's creation options, without the ids of other assets, which are known only later.
        timeout_sec: How long it may be made.
        attempt: Counts the tries, so that each try's effects are its own.
        since: When it was asked for; `timeout_sec` counts from here.
        asset_id: Its id in the Data API, once it is known.
        fault: Why it could not be made.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_./:-]{1,100}$")
    kind: AssetKind
    made_from: list[str] = Field(default_factory=list)
    bands: list[OtherTileSet] = Field(default_factory=list)
    options: dict[str, JsonValue] = Field(default_factory=dict)
    timeout_sec: int = Field(default=2 * 3600, gt=0)
    state: AssetState = AssetState.WAITING
    attempt: int = Field(default=0, ge=0)
    since: datetime | None = None
    asset_id: str | None = None
    fault: str | None = None


class Retirement(Document):
    """What a new version makes superfluous: another version whole, or those of its assets that can be made again.

    Attributes:
        assets: Parts of the URIs of the assets to delete; None: the version whole.
        reason: Why, in words.
    """

    kind: Literal["version", "assets"] = "version"
    dataset: DatasetName
    version: VersionName
    assets: list[str] | None = None
    reason: str
