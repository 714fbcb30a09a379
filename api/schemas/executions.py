"""Executions and their events, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from api.schemas.jobs import JobDocument, Result
from datapump.analyses import SyncType
from datapump.executions import Event, ExecutionStatus
from datapump.jobs.documents import JobStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.executions import Execution, StoredJob


class JobFaultsDocument(BaseModel):
    """What went wrong in an execution's jobs, in short."""

    failed: int = Field(description="How many jobs failed.")
    jobs: int = Field(description="How many there are.")
    job_id: str = Field(description="The one that failed first.")
    subject: str = Field(description="What that one is about, in words.")
    message: str = Field(description="Why that one failed; a long reason is cut.")


class ExecutionSummary(BaseModel):
    """An execution, as lists show it."""

    id: str
    command: str = Field(description="Which command it carries out.")
    status: ExecutionStatus = Field(description="It only moves forward.")
    caller: str = Field(description="Who asked for it.")
    sync_types: list[SyncType] = Field(description="The feeds that its command names; none unless it is a sync.")
    labels: dict[str, str] = Field(description="As its command names them.")
    created: datetime
    started: datetime | None = Field(description="When its jobs were made.")
    finished: datetime | None
    stop_reason: str | None = Field(description="Why somebody stopped it; set as soon as that is asked for.")
    notes: list[str] = Field(description="What to know: why there was nothing to do, gaps, skipped rows.")
    errors: list[str] = Field(description="What went wrong outside any job.")
    job_faults: JobFaultsDocument | None = Field(
        description="Once it has ended: how many of its jobs failed, and why the first did; null if none did."
    )
    plan_only: bool = Field(description="Whether it only tells what its command would do, and does none of it.")
    retry_of: str | None = Field(description="The execution whose failed jobs it takes up.")
    retried_by: str | None = Field(description="The newest execution that takes up its failed jobs.")
    triggered_by: str | None = Field(description="The execution whose new versions made this one be started.")
    links: dict[str, str] = Field(
        description="`self`, the execution; `events`, what happened in it; `plan`, `retry_of`, `retried_by` and "
        "`triggered_by`, where they are."
    )

    @classmethod
    def of(cls, execution: Execution) -> ExecutionSummary:
        """The summary of an execution."""
        return cls(**_summary(execution))


class ExecutionDocument(ExecutionSummary):
    """An execution with its jobs."""

    parameters: dict[str, Any] = Field(description="The command's parameters.")
    counts: dict[JobStatus, int] = Field(description="How many of its jobs have each status.")
    published: list[Result] = Field(description="What its jobs have published; it stays, also if they are stopped.")
    waiting: str | None = Field(
        description="What it waits for before its jobs can be made, in words; null if nothing holds it up."
    )
    jobs: list[JobDocument]

    @classmethod
    def with_jobs(
        cls, execution: Execution, jobs: Sequence[StoredJob], now: datetime, *, waiting: str | None = None
    ) -> ExecutionDocument:
        """The document of an execution and its jobs."""
        statuses = [stored.status for stored in jobs]
        documents = [JobDocument.of(stored, now) for stored in jobs]
        return cls(
            **_summary(execution),
            parameters=execution.command["parameters"],
            counts={status: statuses.count(status) for status in JobStatus},
            published=[result for job in documents for result in job.results if result.published],
            waiting=waiting,
            jobs=documents,
        )


def _summary(execution: Execution) -> dict[str, Any]:
    address = f"/executions/{execution.id}"
    shown = set(ExecutionSummary.model_fields) - {"command", "sync_types", "labels", "links", "job_faults"}
    faults = execution.job_faults
    return {
        **{name: getattr(execution, name) for name in shown},
        "command": execution.name,
        "sync_types": execution.command["parameters"].get("types", []),
        "labels": execution.command.get("labels", {}),
        "job_faults": None if faults is None else JobFaultsDocument(**faults.model_dump()),
        "links": {"self": address, "events": f"{address}/events", **_plan(execution), **_kin(execution)},
    }


def _plan(execution: Execution) -> dict[str, str]:
    return {"plan": f"/executions/{execution.id}/plan"} if execution.plan_only else {}


def _kin(execution: Execution) -> dict[str, str]:
    names = ("retry_of", "retried_by", "triggered_by")
    kin = {name: getattr(execution, name) for name in names}
    return {name: f"/executions/{other}" for name, other in kin.items() if other is not None}


class ExecutionPage(BaseModel):
    """Some executions, newest first."""

    items: list[ExecutionSummary]
    next: str | None = Field(description="`cursor` of the next page; null on the last.")
    total: int | None = Field(description="How many there are on all pages; null unless `total=true` asks for it.")


class EventPage(BaseModel):
    """Some of what happened in an execution, in order."""

    items: list[Event]
    next: int | None = Field(
        description="`after` of the next page; null if there is no more yet. To follow an execution, ask again with "
        "the `seq` of the last event that was seen."
    )
    ended: bool = Field(description="Whether the execution has ended: then no more is to be waited for.")


class StopRequest(BaseModel):
    """Why an execution is to be stopped."""

    model_config = {"extra": "forbid", "strict": True, "str_strip_whitespace": True}

    reason: str = Field(
        min_length=1,
        max_length=500,
        json_schema_extra={"pattern": r"[^\s\x85]"},
        description="In words; it is kept with the execution.",
    )
