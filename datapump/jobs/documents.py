"""Job documents: the whole state of a job, as it is stored between ticks."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue, TypeAdapter

from datapump.analyses import Analysis, FeatureType, SyncType
from datapump.engines import EngineName
from datapump.jobs.document import Document
from datapump.jobs.raster_assets import RasterAsset, Retirement
from datapump.names import DatasetName, VersionName

JOB_ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"


class JobStatus(StrEnum):
    """Where a job is; it only moves forward."""

    STARTING = "starting"
    EXECUTING = "executing"
    COMPLETE = "complete"
    FAILED = "failed"


ENDED = frozenset({JobStatus.COMPLETE, JobStatus.FAILED})


class Table(Document):
    """One analysis of one dataset version."""

    dataset: DatasetName
    version: VersionName
    analysis: Analysis

    def __str__(self) -> str:
        """`dataset version analysis`, as messages name it."""
        return f"{self.dataset} {self.version} {self.analysis}"


class JobError(Document):
    """Something that went wrong in a job: when, in which step, and what, in words."""

    at: datetime
    step: str
    message: str


class JobBase(Document):
    """What every job has.

    Attributes:
        step: The step it is in, or, once it has failed, the step it failed in.
        start_time: When it was first taken up (UTC); `timeout_sec` counts from here.
        retries: How often its engine run was started again.
        progress: Share of the whole job that is done, 0 to 1.
        message: What it is doing, in words.
        notes: What to know of what it did, in words.
        polls: Looks without a change since the last change; the wait grows with it.
        held_up_by: The execution whose end it waits for, because that one holds what it would write.
        outage_since: Since when a remote system that it needs has not answered.
    """

    id: str = Field(pattern=JOB_ID_PATTERN)
    status: JobStatus = JobStatus.STARTING
    step: str = "starting"
    start_time: datetime | None = None
    end_time: datetime | None = None
    timeout_sec: int = Field(default=16 * 3600, gt=0)
    retries: int = Field(default=0, ge=0)
    errors: list[JobError] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    progress: float = Field(default=0.0, ge=0, le=1)
    message: str = ""
    polls: int = Field(default=0, ge=0)
    next_poll_s: float = Field(default=0.0, ge=0)
    outage_since: datetime | None = None
    held_up_by: str | None = None
    links: dict[str, str] = Field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ENDED


class ResultState(StrEnum):
    """How far a result table is.

    Attributes:
        LATEST: Its version is the latest; what it makes superfluous is yet to be deleted.
        REJECTED: The Data API could not load it; its version is yet to be deleted.
    """

    WAITING = "waiting"
    LOADING = "loading"
    LOADED = "loaded"
    LATEST = "latest"
    DONE = "done"
    REJECTED = "rejected"
    FAILED = "failed"


class ResultTable(Document):
    """One table that an analysis publishes.

    Attributes:
        attempt: Counts the tries to write it, so that each try's effects are its own.
        uris: The files that hold its rows.
        retire: Older versions that are yet to be deleted.
        fault: Why it could not be loaded.
    """

    dataset: DatasetName
    version: VersionName
    level: str
    table: str
    uris: list[str] = Field(min_length=1)
    action: Literal["create", "append"]
    state: ResultState = ResultState.WAITING
    attempt: int = Field(default=0, ge=0)
    retire: list[VersionName] = Field(default_factory=list)
    fault: str | None = None

    def __str__(self) -> str:
        """`dataset version`, as messages name it."""
        return f"{self.dataset} {self.version}"


class AnalysisJob(JobBase):
    """Analyse one dataset version and publish its tables.

    Attributes:
        features: Names of the feature files, each may hold `*`.
        sync_config: Id of the sync config that called for it.
        alert_sources: The alert files that it reads.
        alerts_until: `YYYY-MM-DD HHMM` of the newest alert in them.
        sources: Of what follows alert rasters: by dataset, the version that called for it.
        append_to: Of user areas whose tables have a version a night: by result dataset, the version that was latest
            when the job began. A later one is made from all areas, so it holds these already.
        max_versions: How many versions a night are kept of each result dataset.
        content_end_date: Written into the result versions' metadata when done.
        attempt: Counts the engine runs, so that each has a name and a folder of its own.
        output: Folder that the engine writes to, fixed before it starts.
        run_id: The engine's own id of the run, where it is not its name.
        engine_asked: The engine that the command asks for; None: whichever the deployment chooses.
        engine: The engine that the run is on, fixed before it starts, whatever the settings say later.
        engine_reason: Why that one, in words.
    """

    kind: Literal["analysis"] = "analysis"
    table: Table
    analysis_version: VersionName
    geotrellis_version: str
    feature_type: FeatureType
    features: list[str] = Field(min_length=1)
    sync: bool = False
    sync_type: SyncType | None = None
    sync_version: VersionName | None = None
    sync_config: str | None = None
    change_only: bool = False
    alert_sources: list[str] = Field(default_factory=list)
    alerts_until: str | None = None
    sources: dict[DatasetName, VersionName] = Field(default_factory=dict)
    append_to: dict[DatasetName, VersionName] = Field(default_factory=dict)
    max_versions: int = Field(default=2, ge=1)
    content_end_date: date | None = None
    version_overrides: dict[str, VersionName] = Field(default_factory=dict)
    attempt: int = Field(default=0, ge=0)
    output: str | None = None
    run_id: str | None = None
    engine_asked: EngineName | None = None
    engine: EngineName | None = None
    engine_reason: str = ""
    results: list[ResultTable] = Field(default_factory=list)


class LatestTarget(Document):
    """A result dataset whose version is to be marked latest."""

    dataset: DatasetName
    version: VersionName
    done: bool = False


class SetLatestJob(JobBase):
    """Mark a version latest in every result dataset of one analysis of one dataset."""

    kind: Literal["set_latest"] = "set_latest"
    dataset: DatasetName
    analysis: Analysis
    analysis_version: VersionName
    targets: list[LatestTarget] = Field(min_length=1)


class RasterJob(JobBase):
    """Make one raster version: its assets, then latest, then what follows from it.

    Attributes:
        sync_config: Id of the sync config that it brings up to date.
        metadata: The version's metadata, as the Data API takes it.
        assets: The graph of assets, in an order in which each comes after what it is made from.
        retire: What is deleted once the version is latest.
        notify: Names of the receivers that are told of the new version.
    """

    kind: Literal["raster_version"] = "raster_version"
    dataset: DatasetName
    version: VersionName
    sync_type: SyncType | None = None
    sync_version: VersionName | None = None
    sync_config: str | None = None
    timeout_sec: int = Field(default=24 * 3600, gt=0)
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    assets: list[RasterAsset] = Field(min_length=1)
    retire: list[Retirement] = Field(default_factory=list)
    notify: list[str] = Field(default_factory=list)


class AreaStatusJob(JobBase):
    """Tell the Areas API how far the areas of one file are, once the analyses that they wait for are published.

    Attributes:
        dataset: The dataset of the analyses.
        becomes: The status that the areas get; `saved` e-mails their owners.
        subject: What the areas have in common: the name of their feature file, or `rejected`.
        areas: Name of the object that lists them.
        count: How many geometries it lists.
        waits_for: Ids of the analyses that must be complete before.
        checked: Whether those that are pending no more have been left out of the list.
        attempt: Counts those checks, so that each list's updates have names of their own.
        told: How many of them have got their status.
    """

    kind: Literal["area_statuses"] = "area_statuses"
    dataset: DatasetName = "geostore"
    sync_type: SyncType | None = None
    sync_version: VersionName | None = None
    becomes: Literal["saved", "error"]
    subject: str
    areas: str
    count: int = Field(ge=0)
    waits_for: list[str] = Field(default_factory=list)
    checked: bool = False
    attempt: int = Field(default=0, ge=0)
    told: int = Field(default=0, ge=0)


AnyJob = AnalysisJob | SetLatestJob | RasterJob | AreaStatusJob
Job = Annotated[AnyJob, Field(discriminator="kind")]
JOB: TypeAdapter[AnyJob] = TypeAdapter(Job)
