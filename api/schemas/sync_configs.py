"""Sync configs as the API shows them, and the patch of one."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from datapump.analyses import SyncType
from datapump.commands import GEOTRELLIS_VERSION_PATTERN
from datapump.names import VersionName
from datapump.sync_configs import ConfigChange

if TYPE_CHECKING:
    from datapump.sync_configs import SyncConfig

Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    Field(json_schema_extra={"pattern": r"[^\s\x85]"}),
]
OBJECTS = re.compile(r"(s3|gs)://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]/[^\x00-\x1f\x7f]+")


class SyncConfigDocument(BaseModel):
    """An analysis of a dataset version that follows a feed."""

    id: str
    analysis: str = Field(description="An analysis, or `create_raster`.")
    analysis_version: str
    dataset: str
    dataset_version: str
    sync_type: SyncType = Field(description="The feed.")
    sync: bool = Field(description="Whether it is switched on.")
    sync_version: str | None = Field(description="What it was last brought to.")
    metadata: dict[str, Any] = Field(
        description="How its jobs are made: `geotrellis_version`, `features_1x1`, `version_overrides`; and "
        "`alerts_until`, of fires the newest alert that is in its tables."
    )
    revision: int = Field(description="Counts the changes; the `ETag` is this in double quotes.")
    updated: datetime | None

    @classmethod
    def of(cls, config: SyncConfig) -> SyncConfigDocument:
        """The document of a config."""
        # What each night finds is under `/freshness`: the `ETag` is the revision, which does not count it.
        return cls.model_validate(config.model_dump(exclude={"metadata": {"freshness"}}))


class SyncConfigPage(BaseModel):
    """Some sync configs, in the order of their ids."""

    items: list[SyncConfigDocument]
    next: str | None = Field(description="`cursor` of the next page; null on the last.")


class ConfigChangePage(BaseModel):
    """What callers changed in a sync config, newest first; what syncs brought it to is told by its executions."""

    items: list[ConfigChange]
    next: str | None = Field(description="`cursor` of the next page; null on the last.")


class SwitchedType(BaseModel):
    """What pausing or resuming a feed has switched."""

    sync_type: SyncType
    sync: bool = Field(description="Whether they are on now.")
    changed: list[str] = Field(description="Ids of the configs that were switched; the others stay as they were.")


class SwitchType(BaseModel):
    """Which feed's configs to pause or resume."""

    model_config = ConfigDict(extra="forbid")

    sync_type: SyncType = Field(description="The feed.")
    reason: Reason = Field(description="Why, in words; it is kept in the history.")


def _check_features(text: str) -> str:
    if not OBJECTS.fullmatch(text) or {".", ".."} & set(text.split("/")):
        raise ValueError("must name the feature files as s3://bucket/key or gs://bucket/key; a key may hold *")
    return text


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


Features = Annotated[
    str,
    StringConstraints(max_length=1024),
    AfterValidator(_check_features),
    # The same rules, for readers of a JSON schema.
    Field(json_schema_extra={"pattern": rf"^(?!.*/\.{{1,2}}(/|$)){OBJECTS.pattern}$"}),
]
GeotrellisVersion = Annotated[str, StringConstraints(pattern=GEOTRELLIS_VERSION_PATTERN)]
TableName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class Patch(BaseModel):
    """A merge patch (RFC 7396): what is not in it stays as it is, null removes."""

    model_config = ConfigDict(extra="forbid", strict=True)


class MetadataPatch(Patch):
    """A merge patch of a sync config's metadata."""

    geotrellis_version: GeotrellisVersion | None = Field(default=None, json_schema_extra=_without_default)
    features_1x1: Features | None = Field(
        default=None, json_schema_extra=_without_default, description="Names of the feature files."
    )
    version_overrides: dict[TableName, VersionName | None] | None = Field(
        default=None,
        max_length=100,
        json_schema_extra=_without_default,
        description="By table: its result version, where that is not the analysis version.",
    )


class SyncConfigPatch(Patch):
    """A merge patch of a sync config; nothing else of it can be changed."""

    sync: bool = Field(default=False, json_schema_extra=_without_default, description="Whether it is switched on.")
    metadata: MetadataPatch = Field(default=MetadataPatch(), json_schema_extra=_without_default)
    reason: Reason | None = Field(default=None, description="Why, in words; it is kept in the history.")

    def changes(self, config: SyncConfig) -> dict[str, Any]:
        """What the patch changes in a config, as its store takes it: None removes a key."""
        changes = self.model_dump(mode="json", exclude_unset=True, exclude={"reason"})
        given = changes.get("metadata", {}).get("version_overrides")
        if given is not None:
            merged = {**config.metadata.version_overrides, **given}
            kept = {table: version for table, version in merged.items() if version is not None}
            changes["metadata"]["version_overrides"] = kept
        return changes
