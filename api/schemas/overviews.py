"""Overviews of a deployment: what it can do, and how fresh its tables are."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from api.schemas.recipes import RecipeEntry
from datapump.analyses import Analysis, FeatureType, SyncType
from datapump.engines import EngineName
from datapump.executions import ConfigRun

if TYPE_CHECKING:
    from datapump.executions import ConfigRuns, Execution
    from datapump.sync_configs import SyncConfig


class AnalysisEntry(BaseModel):
    """An analysis."""

    name: Analysis
    available: bool = Field(description="Whether this deployment's engine can compute it.")


class SyncTypeEntry(BaseModel):
    """A feed."""

    name: SyncType
    available: bool = Field(description="Whether this deployment can sync it.")


class Catalog(BaseModel):
    """What can be asked of this deployment."""

    engine: str = Field(description="What computes analyses, in words.")
    engines: list[EngineName] = Field(
        description="The engines that it chooses from, by the estimated work or as a command asks: `engine` of its "
        "parameters."
    )
    analyses: list[AnalysisEntry]
    sync_types: list[SyncTypeEntry]
    feature_types: list[FeatureType] = Field(description="Kinds of features that analyses are computed over.")
    recipes: list[RecipeEntry] = Field(description="The raster datasets that syncs make, and how.")


class Freshness(BaseModel):
    """How fresh the tables of one enabled sync config are."""

    config_id: str
    dataset: str
    dataset_version: str
    analysis: str
    analysis_version: str
    sync_type: SyncType
    sync_version: str | None = Field(description="What it was last brought to.")
    alerts_until: str | None = Field(description="Of fires: the newest alert in its tables, `YYYY-MM-DD HHMM` in UTC.")
    source_newest: str | None = Field(
        description="The newest that its source had when it was last looked at: a release, a version, a time."
    )
    published: str | None = Field(description="What is published of it, as far as that look told.")
    decided: str | None = Field(description="What that look decided, and why; null before the first.")
    checked: datetime | None = Field(description="When its feed was last looked at: the newest sync that has ended.")
    feed_error: str | None = Field(description="Why that sync could not read the feed; null if it could.")
    last_run: ConfigRun | None = Field(description="The newest job that was to bring it up to date.")
    last_success: ConfigRun | None = Field(description="The newest that completed.")
    behind_since: datetime | None = Field(
        description="Since when news are known, or the feed was not readable, without its tables having them; null if "
        "they have all that is known."
    )

    @classmethod
    def of(cls, config: SyncConfig, runs: ConfigRuns, sync: Execution | None) -> Freshness:
        """The freshness of a config, given its runs and the newest ended sync of its feed."""
        names = ("dataset", "dataset_version", "analysis", "analysis_version", "sync_type", "sync_version")
        error = None if sync is None else feed_error(sync, config.sync_type)
        found = config.metadata.freshness
        unread = sync.created if sync is not None and error is not None else None
        return cls(
            **{name: getattr(config, name) for name in names},
            config_id=config.id,
            alerts_until=config.metadata.alerts_until,
            source_newest=None if found is None else found.source_newest,
            published=None if found is None else found.published,
            decided=None if found is None else found.decided,
            checked=None if sync is None else sync.finished,
            feed_error=error,
            last_run=runs.last,
            last_success=runs.success,
            behind_since=unread if runs.behind is None else runs.behind.created,
        )


def feed_error(sync: Execution, sync_type: SyncType) -> str | None:
    """What an execution could not do with a feed, None if it could read it."""
    found = [error for error in sync.errors if error.startswith(f"{sync_type}: ")]
    return "; ".join(found) or None


class FreshnessPage(BaseModel):
    """The freshness of some enabled sync configs, in the order of their ids."""

    items: list[Freshness]
    next: str | None = Field(description="`cursor` of the next page; null on the last.")
