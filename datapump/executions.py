"""Executions: what a command became, and what happened in it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, TypedDict

from pydantic import BaseModel, Field

from datapump.jobs.documents import AnyJob, JobStatus


class ExecutionStatus(StrEnum):
    """Where an execution is; it only moves forward."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


ENDED = frozenset({ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED, ExecutionStatus.STOPPED})


class JobFaults(BaseModel):
    """What became of an execution's jobs where some failed.

    Attributes:
        failed: How many failed.
        jobs: How many there are.
        job_id: The one that failed first.
        subject: What that one is about, in words.
        message: Why that one failed, cut to a length that a list can show.
    """

    failed: int
    jobs: int
    job_id: str
    subject: str
    message: str


class Execution(BaseModel):
    """One command and its outcome.

    Attributes:
        command: The command as it was asked.
        fingerprint: SHA-256 of the command in canonical JSON.
        caller: Who asked.
        key_until: How long the idempotency key stands for it, and in any case until it has ended; None: always.
        notes: What the caller should know, in words: why there was nothing to do, gaps, skipped rows.
        errors: What went wrong outside any job, in words.
        job_faults: Once it has ended: what went wrong in jobs; None: nothing.
        stop_reason: Why somebody stopped it.
        plan_only: Whether it only tells what its command would do, and does none of it.
        retry_of: The execution whose failed jobs it takes up.
        retried_by: The newest execution that takes up its failed jobs.
        triggered_by: The execution whose new versions made this one be started.
    """

    id: str
    command: dict[str, Any]
    fingerprint: str
    caller: str
    idempotency_key: str | None = None
    key_until: datetime | None = None
    status: ExecutionStatus = ExecutionStatus.ACCEPTED
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    notes: list[str] = Field(default_factory=list)
    errors: list[str] = Field(default_factory=list)
    job_faults: JobFaults | None = None
    stop_reason: str | None = None
    plan_only: bool = False
    retry_of: str | None = None
    retried_by: str | None = None
    triggered_by: str | None = None

    @property
    def name(self) -> str:
        """Which command it is."""
        return str(self.command["command"])

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen in it."""
        return self.status in ENDED

    def key_stands(self, now: datetime) -> bool:
        """Whether its idempotency key still stands for it; one that has expired may make another execution."""
        return self.key_until is None or not self.ended or now < self.key_until


class ExecutionFilters(TypedDict, total=False):
    """Which executions to find; None filters nothing.

    Attributes:
        dataset: With a job of this dataset.
        sync_type: With a job that follows this feed, or asked to sync it.
        label: `name`, or `name:value`.
        since: Created then or later.
        until: Created before then.
    """

    status: ExecutionStatus | None
    command: str | None
    dataset: str | None
    sync_type: str | None
    caller: str | None
    label: str | None
    since: datetime | None
    until: datetime | None


class StoredJob(BaseModel):
    """A job document and its place in the store.

    Attributes:
        revision: Counts the saves; a save names the revision that it read.
        due: When to look at the job next.
    """

    execution_id: str
    job: AnyJob = Field(discriminator="kind")
    revision: int
    due: datetime

    @property
    def status(self) -> JobStatus:
        """The job's status."""
        return self.job.status


class ConfigRun(BaseModel):
    """A job that was to bring a sync config up to date.

    Attributes:
        created: When its execution was asked for.
    """

    execution_id: str
    job_id: str
    status: JobStatus
    created: datetime
    ended: datetime | None
    message: str


class ConfigRuns(BaseModel):
    """What is known of the jobs of one sync config.

    Attributes:
        last: The newest.
        success: The newest that completed.
        behind: The oldest after that, which did not complete or has not yet.
    """

    last: ConfigRun | None = None
    success: ConfigRun | None = None
    behind: ConfigRun | None = None


class Event(BaseModel):
    """Something that happened, in words and with data. `seq` counts from 1 in each execution."""

    seq: int
    at: datetime
    job_id: str | None = None
    kind: str
    message: str
    data: dict[str, Any] = Field(default_factory=dict)


class NewEvent(BaseModel):
    """An event that has no number yet."""

    kind: str
    message: str
    job_id: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)


class Effect(BaseModel):
    """A remote write: intended, and once its outcome is known, done."""

    key: str
    intended: datetime
    done: bool = False
    outcome: dict[str, Any] | None = None
