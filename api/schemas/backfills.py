"""Backfills as the API shows them, and what asks for one."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from api.schemas.sync_configs import Reason
from datapump.analyses import SyncType
from datapump.backfills import BackfillStatus, OnFailure
from datapump.commands import Labels
from datapump.executions import ExecutionStatus
from datapump.jobs.documents import Table
from datapump.names import VersionName

if TYPE_CHECKING:
    from datapump.backfills import Backfill, BackfillPart

MOST = 400
Unique = Annotated[list[VersionName], Field(min_length=1, max_length=MOST, json_schema_extra={"uniqueItems": True})]


class Asked(BaseModel):
    """A strict body."""

    model_config = ConfigDict(extra="forbid", strict=True)


class DateRange(Asked):
    """Days, of which each makes a sync version: 2026-11-22 makes v20261122."""

    start_date: date
    end_date: date = Field(description="The last day.")
    step_days: int = Field(default=1, ge=1, le=366, description="Days from one sync version to the next.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        days = (self.end_date - self.start_date).days
        if days < 0:
            raise ValueError("end_date is before start_date")
        if days // self.step_days >= MOST:
            raise ValueError(f"that is more than {MOST} sync versions: ask for them in several backfills")
        return self

    def versions(self) -> list[str]:
        """The sync versions."""
        count = (self.end_date - self.start_date).days // self.step_days + 1
        return [f"v{self.start_date + timedelta(days=number * self.step_days):%Y%m%d}" for number in range(count)]


# The rule that _one_range checks, for readers of a JSON schema.
ONE_RANGE: dict[str, JsonValue] = {
    "oneOf": [
        {"required": ["dates"], "properties": {"dates": {"type": "object"}, "sync_versions": {"type": "null"}}},
        {"required": ["sync_versions"], "properties": {"sync_versions": {"type": "array"}, "dates": {"type": "null"}}},
    ]
}


class BackfillRequest(Asked):
    """Which syncs to start, one after the other."""

    model_config = ConfigDict(json_schema_extra=ONE_RANGE)

    types: list[SyncType] = Field(
        min_length=1, max_length=len(SyncType), json_schema_extra={"uniqueItems": True}, description="The feeds."
    )
    tables: list[Table] | None = Field(
        default=None, min_length=1, max_length=1000, description="Only the sync configs of these tables."
    )
    dates: DateRange | None = Field(default=None, description="The days to sync; or else `sync_versions`.")
    sync_versions: Unique | None = Field(default=None, description="The sync versions, in this order; or else `dates`.")
    at_once: int = Field(default=1, ge=1, le=10, description="How many of its executions may be open at once.")
    on_failure: OnFailure = Field(
        default=OnFailure.PAUSE, description="Whether it pauses or goes on when one of its syncs ends badly."
    )
    labels: Labels = Field(default_factory=dict, description="Of its executions, which also get `backfill`, its id.")
    start: bool = Field(
        default=False, description="Start it at once; otherwise it is only planned, until it is resumed."
    )

    @model_validator(mode="after")
    def _one_range(self) -> Self:
        if (self.dates is None) is (self.sync_versions is None):
            raise ValueError("give either dates or sync_versions")
        for name, values in (("types", self.types), ("sync_versions", self.sync_versions or [])):
            if len(set(values)) != len(values):
                raise ValueError(f"one of {name} is listed twice: list each once")
        return self

    def versions(self) -> list[str]:
        """The sync versions, in the order in which they are started."""
        return list(self.sync_versions or []) if self.dates is None else self.dates.versions()


class BackfillChange(Asked):
    """Why a backfill is paused, resumed or stopped."""

    reason: Reason = Field(description="In words; it is kept with the backfill.")


class BackfillPartDocument(BaseModel):
    """One sync of a backfill."""

    sync_version: str
    execution_id: str | None = Field(description="Null until it is started.")
    status: ExecutionStatus | None = Field(description="Its execution's; null until it is started.")
    links: dict[str, str] = Field(description="`execution`, once it is started.")

    @classmethod
    def of(cls, part: BackfillPart) -> BackfillPartDocument:
        """The document of a part."""
        links = {} if part.execution_id is None else {"execution": f"/executions/{part.execution_id}"}
        return cls(**part.model_dump(), links=links)


class BackfillDocument(BaseModel):
    """Syncs that are started one after the other."""

    id: str
    status: BackfillStatus
    caller: str = Field(description="Who asked for it.")
    types: list[SyncType]
    tables: list[Table] | None
    labels: dict[str, str]
    at_once: int
    on_failure: OnFailure
    reason: str | None = Field(description="Why it was paused, resumed or stopped last, by somebody or by itself.")
    created: datetime
    started: datetime | None
    finished: datetime | None
    parts: list[BackfillPartDocument] = Field(description="Its syncs, in the order in which they are started.")
    links: dict[str, str] = Field(description="`self`; `executions`, those that it has started.")

    @classmethod
    def of(cls, backfill: Backfill) -> BackfillDocument:
        """The document of a backfill."""
        links = {"self": f"/backfills/{backfill.id}", "executions": f"/executions?label=backfill:{backfill.id}"}
        shown = {name: getattr(backfill, name) for name in cls.model_fields if name not in {"parts", "links"}}
        return cls(**shown, parts=[BackfillPartDocument.of(part) for part in backfill.parts], links=links)


class BackfillPage(BaseModel):
    """Some backfills, newest first."""

    items: list[BackfillDocument]
    next: str | None = Field(description="`cursor` of the next page; null on the last.")
