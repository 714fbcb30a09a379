"""Jobs, and what they publish, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from datapump.analyses import Analysis, SyncType
from datapump.engines import EngineName
from datapump.jobs.documents import (
    AnalysisJob,
    AreaStatusJob,
    JobBase,
    JobError,
    JobStatus,
    RasterJob,
    ResultState,
    SetLatestJob,
)
from datapump.jobs.raster_assets import AssetKind, AssetState

if TYPE_CHECKING:
    from datapump.executions import StoredJob

ENOUGH = 0.05
PUBLISHED = frozenset({ResultState.LATEST, ResultState.DONE})
NO_ENGINE: dict[str, Any] = {"engine": None, "engine_reason": None}


class Result(BaseModel):
    """What a job publishes: a table, or a raster version."""

    dataset: str
    version: str
    state: ResultState = Field(description="How far it is.")
    published: bool = Field(description="Whether its readers see what the job made; that stays.")
    link: str | None = Field(description="Path of the table here, once it is published; null of a raster version.")

    @classmethod
    def table(cls, dataset: str, version: str, state: ResultState, *, appended: bool = False) -> Result:
        """A table; what is appended is seen as soon as it is loaded, a new version once it is latest."""
        published = state in PUBLISHED or (appended and state is ResultState.LOADED)
        link = f"/results/{dataset}/{version}" if published else None
        return cls(dataset=dataset, version=version, state=state, published=published, link=link)


class AssetDocument(BaseModel):
    """An asset of a raster version."""

    name: str
    kind: AssetKind
    made_from: list[str] = Field(description="Names of the assets that must be saved before.")
    state: AssetState = Field(description="How far it is.")
    since: datetime | None = Field(description="When it was asked for; null until then.")
    fault: str | None = Field(description="Why it could not be made.")
    asset_id: str | None = Field(description="Its id in the Data API, once it is known.")


class JobDocument(BaseModel):
    """A job of an execution."""

    id: str
    kind: str = Field(description="`analysis`, `set_latest`, `raster_version` or `area_statuses`.")
    dataset: str = Field(description="Of what it analyses, makes, or marks the results of.")
    version: str | None = Field(description="Version of the dataset; null where the job is about all of them.")
    analysis: Analysis | None = Field(description="Null of a raster version, and of areas.")
    analysis_version: str | None = Field(description="Null of a raster version, and of areas.")
    sync_type: SyncType | None = Field(description="The feed it follows; null if no sync called for it.")
    sync_version: str | None
    status: JobStatus
    step: str = Field(description="The step it is in, or failed in.")
    message: str = Field(description="What it is doing, in words.")
    progress: float = Field(ge=0, le=1, description="Share of the job that is done.")
    remaining_s: float | None = Field(
        description="Estimate of the seconds until it ends, from its progress and time so far; null if there is none."
    )
    engine: EngineName | None = Field(description="The engine that its run is on; null until that is chosen.")
    engine_reason: str | None = Field(description="Why that one, in words.")
    retries: int = Field(description="How often its engine run was started again.")
    errors: list[JobError] = Field(description="What went wrong, when and in which step.")
    notes: list[str] = Field(description="What to know of what it did: rows skipped, layers left out.")
    start_time: datetime | None
    end_time: datetime | None
    next_look: datetime | None = Field(description="When it is looked at next; null once it has ended.")
    links: dict[str, str] = Field(description="By name: where to see more, as the job's cluster and logs.")
    results: list[Result] = Field(description="What it publishes, once that is known: tables, or a raster version.")
    assets: list[AssetDocument] = Field(description="Of a raster version: what it is made of.")

    @classmethod
    def of(cls, stored: StoredJob, now: datetime) -> JobDocument:
        """The document of a stored job."""
        job = stored.job
        if isinstance(job, AnalysisJob):
            subject = _analysis_subject(job)
        elif isinstance(job, RasterJob):
            subject = _raster_subject(job)
        elif isinstance(job, AreaStatusJob):
            subject = _area_subject(job)
        else:
            subject = _latest_subject(job)
        own = {"remaining_s": remaining_s(job, now), "next_look": None if job.ended else stored.due}
        common = {name: getattr(job, name) for name in cls.model_fields if name not in {*subject, *own}}
        return cls(**common, **subject, **own)


def remaining_s(job: JobBase, now: datetime) -> float | None:
    """Seconds until a job ends, if it goes on as it has; None before there is enough to tell, and once it has ended."""
    if job.ended or job.start_time is None or job.progress < ENOUGH:
        return None
    elapsed = max((now - job.start_time).total_seconds(), 0.0)
    return round(elapsed * (1 - job.progress) / job.progress, 1)


def _analysis_subject(job: AnalysisJob) -> dict[str, Any]:
    return {
        "dataset": job.table.dataset,
        "version": job.table.version,
        "analysis": job.table.analysis,
        "sync_type": job.sync_type,
        "sync_version": job.sync_version,
        "results": [Result.table(r.dataset, r.version, r.state, appended=r.action == "append") for r in job.results],
        "engine": job.engine,
        "engine_reason": job.engine_reason or None,
        "assets": [],
    }


def _raster_subject(job: RasterJob) -> dict[str, Any]:
    states = {"starting": ResultState.WAITING, "making": ResultState.LOADING, "publishing": ResultState.LOADED}
    state = ResultState.FAILED if job.status is JobStatus.FAILED else states.get(job.step, ResultState.DONE)
    shown = AssetDocument.model_fields
    return {
        **NO_ENGINE,
        "dataset": job.dataset,
        "version": job.version,
        "analysis": None,
        "analysis_version": None,
        "sync_type": job.sync_type,
        "sync_version": job.sync_version,
        "results": [
            Result(
                dataset=job.dataset, version=job.version, state=state, published=state is ResultState.DONE, link=None
            )
        ],
        "assets": [AssetDocument(**{name: getattr(asset, name) for name in shown}) for asset in job.assets],
    }


def _latest_subject(job: SetLatestJob) -> dict[str, Any]:
    done = {True: ResultState.DONE, False: ResultState.WAITING}
    return {
        **NO_ENGINE,
        "dataset": job.dataset,
        "version": None,
        "analysis": job.analysis,
        "sync_type": None,
        "sync_version": None,
        "results": [Result.table(t.dataset, t.version, done[t.done]) for t in job.targets],
        "assets": [],
    }


def _area_subject(job: AreaStatusJob) -> dict[str, Any]:
    nothing: dict[str, Any] = {"version": None, "analysis": None, "analysis_version": None, "results": [], "assets": []}
    return {
        **NO_ENGINE,
        **nothing,
        "dataset": job.dataset,
        "sync_type": job.sync_type,
        "sync_version": job.sync_version,
    }
