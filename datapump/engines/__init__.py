"""The port behind which zonal statistics are computed: on this machine, or on a cluster."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from datapump.analyses import Analysis, FeatureType, SyncType

EngineName = Literal["local", "emr"]


class AnalysisRequest(BaseModel):
    """One analysis to run.

    Attributes:
        name: The run's own name, unique for ever: a run is found again by it.
        features: Names of feature files (`s3://...`), each may hold `*`.
        output: Folder (`s3://.../firealerts_viirs_20261122_0200`) of this run alone; somewhere below it the engine
            writes `{level}/{table}/part-*.csv`.
        fire_sources: Names of fire files, in order, each may hold `*`.
        change_only: Leave out the tables that do not change with new alerts.
        as_of: Integrated alerts: the day of the run, from which alerts are counted two years back; None: today.
        iso_start: Of gadm and wdpa: the first country code that is looked at, in the order of texts; "": no such limit.
        iso_end: The code behind the last one; "": no such limit.
        dataset: Whose features they are.
        sync_type: The feed that the run follows.
        geotrellis_version: The release of GeoTrellis that computes, where it is GeoTrellis that does.
        retries: How often this analysis has been tried before.
        engine: The engine that it was asked of; None: any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,200}$")
    analysis: Analysis
    feature_type: FeatureType
    features: tuple[str, ...] = Field(min_length=1)
    output: str
    fire_sources: tuple[str, ...] = ()
    change_only: bool = False
    as_of: date | None = None
    iso_start: str = ""
    iso_end: str = ""
    dataset: str = ""
    sync_type: SyncType | None = None
    geotrellis_version: str = ""
    retries: int = Field(default=0, ge=0)
    engine: EngineName | None = None


class RunState(StrEnum):
    """Where a run is."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RunStatus(BaseModel):
    """What an engine tells of a run.

    Attributes:
        progress: Share of the work that is done, 0 to 1; None where it is not known.
        message: What it is doing, or what went wrong and what to do about it.
        retryable: Of a failed run: whether the same run may succeed if started again.
        summary: Of a succeeded run: its counts and its `manifest.json`, as the engine wrote them.
        notes: Of a succeeded run: what to know of it, in words (rows skipped, layers left out).
        links: Where to look further, by label (`log`, `cluster`).
        run_id: The engine's own id of the run, where it is not the name.
    """

    state: RunState
    progress: float | None = None
    message: str = ""
    retryable: bool = False
    summary: dict[str, object] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    links: dict[str, str] = Field(default_factory=dict)
    run_id: str | None = None


class Cluster(BaseModel):
    """The machines that a run would take.

    Attributes:
        workers: How many, besides the master.
        on_demand: How many of the workers are not spot instances.
    """

    model_config = ConfigDict(frozen=True)

    master: str
    worker_types: tuple[str, ...]
    workers: int
    on_demand: int


class Outlook(BaseModel):
    """What a run would take, told before it is started.

    Attributes:
        engine: Which engine would run it.
        reason: Why that one, in words.
        cluster: The machines that would be started; None: none.
        duration_s: How long it would take, as far as that can be told from the input; None: it cannot.
    """

    model_config = ConfigDict(frozen=True)

    engine: EngineName
    reason: str
    cluster: Cluster | None = None
    duration_s: float | None = None


class Engine(Protocol):
    """Computes zonal statistics."""

    @property
    def analyses(self) -> frozenset[Analysis]:
        """What it can compute."""
        ...

    def find(self, name: str, run_id: str | None = None) -> RunStatus | None:
        """The run of that name in whatever state it is, None if it was never started.

        Who knows the engine's own id of the run spares it the search.
        """
        ...

    def outlook(self, request: AnalysisRequest) -> Outlook:
        """What the run would take; nothing is started."""
        ...

    def start(self, request: AnalysisRequest) -> str | None:
        """Start a run and return at once. Starting a name that was started already changes nothing.

        Returns:
            The engine's own id of the run, where it is not the name.

        Raises:
            RemoteBusyError: The engine takes no more runs now; ask again later.
        """
        ...

    def cancel(self, name: str, run_id: str | None = None) -> None:
        """End the run if it goes on; afterwards it writes nothing more. A run that has ended stays as it is."""
        ...
