"""Sync configs: what is kept in step with its feed, night by night."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Any, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from datapump.analyses import SyncType

RASTER = "create_raster"


class JobPlace(BaseModel):
    """Where a job is stored."""

    execution_id: str
    job_id: str


class AreasOwed(BaseModel):
    """A file of new user areas that is not in a config's tables yet, and what of it must go there.

    It is fixed when the file is made: from then on every sync of all areas finds the file, and brings what comes after.

    Attributes:
        job_id: The job that appends it.
        alerts_until: Of fires: `YYYY-MM-DD HHMM` of the newest alert that the tables held then.
        append_to: Of tables that have a version a night: by result dataset, the version that was latest then.
    """

    job_id: str
    alerts_until: str | None = None
    append_to: dict[str, str] = Field(default_factory=dict)


class Freshness(BaseModel):
    """What the last sync found for a config, and decided.

    Attributes:
        source_newest: The newest that the source had; None if that is not known.
        published: What was published of it; None if nothing was, or that is not known.
        decided: What was decided and why, in words.
        at: When (UTC).
    """

    source_newest: str | None = None
    published: str | None = None
    decided: str
    at: datetime


class SyncConfigFilters(TypedDict, total=False):
    """Which configs to find: those whose fields have these values; None filters nothing."""

    analysis: str | None
    analysis_version: str | None
    dataset: str | None
    sync: bool | None
    sync_type: str | None


# In this order they name the lists of the store on DynamoDB.
FILTERS = tuple(SyncConfigFilters.__annotations__)


class SyncMetadata(BaseModel):
    """How a config's jobs are made.

    Attributes:
        features_1x1: Names of the feature files.
        version_overrides: Result version by table name, where it is not the analysis version.
        alerts_until: `YYYY-MM-DD HHMM` of the newest alert that is in the config's tables; of fires only.
        unfinished: The job that failed after it had begun to append: only taking it up again neither loses nor
            doubles rows.
        sources: Of what follows alert rasters: by dataset, the version that the config's tables hold.
        areas_owed: Of user areas: by the name of their file, without `.tsv`, what the config's tables lack.
        freshness: What the last sync found. It is no part of the config that callers change: recording it counts no
            revision, and the API shows it under `/freshness` only.
    """

    model_config = ConfigDict(extra="allow")

    geotrellis_version: str = ""
    features_1x1: str = ""
    version_overrides: dict[str, str] = Field(default_factory=dict)
    alerts_until: str | None = None
    unfinished: JobPlace | None = None
    sources: dict[str, str] | None = None
    areas_owed: dict[str, AreasOwed] | None = None
    freshness: Freshness | None = None


class SyncConfig(BaseModel):
    """One row: this analysis of this dataset version follows this feed.

    Attributes:
        analysis: An analysis, or `create_raster`.
        sync: Whether it is switched on.
        sync_version: What it was last brought to.
        revision: Counts the changes of the row.
    """

    id: str
    analysis: str
    analysis_version: str
    dataset: str
    dataset_version: str
    sync_type: SyncType
    sync: bool = True
    sync_version: str | None = None
    metadata: SyncMetadata = Field(default_factory=SyncMetadata)
    revision: int = 1
    updated: datetime | None = None


class Action(StrEnum):
    """What somebody did to a config."""

    CHANGED = "changed"
    PAUSED = "paused"
    RESUMED = "resumed"


class Author(BaseModel):
    """Who changes something, and why."""

    caller: str
    reason: str | None = None


class ValueChange(BaseModel):
    """One value that was changed.

    Attributes:
        pointer: Where in the config: a JSON pointer.
        before: Null where there was none.
        after: Null where there is none any more.
    """

    pointer: str
    before: Any = None
    after: Any = None


class ConfigChange(BaseModel):
    """What a caller changed in a sync config, when and why.

    Attributes:
        revision: The config's revision that it led to.
        action: `paused` and `resumed` are of all configs of a type.
    """

    config_id: str
    revision: int
    at: datetime
    caller: str
    reason: str | None
    action: Action
    changes: list[ValueChange]


def differences(before: SyncConfig, after: SyncConfig) -> list[ValueChange]:
    """The values in which two states of a config differ, of its switch and its metadata."""
    old, new = ({"sync": config.sync, **config.metadata.model_dump(mode="json")} for config in (before, after))
    return [
        ValueChange(
            pointer="/sync" if name == "sync" else f"/metadata/{name}", before=old.get(name), after=new.get(name)
        )
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def config_id(analysis: str, analysis_version: str, dataset: str, dataset_version: str, sync_type: str) -> str:
    """The key under which existing tables hold a config: BLAKE2b, 10-byte digest, hexadecimal (20 digits)."""
    text = f"{analysis}_{analysis_version}_{dataset}_{dataset_version}_{sync_type}"
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
