"""Backfills: a row of syncs over a range of sync versions, as a document."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from datapump.analyses import SyncType
from datapump.commands import Labels, SyncCommand
from datapump.errors import ConflictError
from datapump.executions import ExecutionStatus
from datapump.jobs.documents import Table
from datapump.names import VersionName

LABEL = "backfill"


class BackfillStatus(StrEnum):
    """Where a backfill is."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


OVER = frozenset({BackfillStatus.SUCCEEDED, BackfillStatus.FAILED, BackfillStatus.STOPPED})


class OnFailure(StrEnum):
    """What becomes of a backfill when one of its syncs ends badly."""

    PAUSE = "pause"
    CONTINUE = "continue"


class BackfillPart(BaseModel):
    """One sync of a backfill.

    Attributes:
        execution_id: None until it is started.
        status: Its execution's, or that of its retry, as the backfill has seen it last; None until it is started.
    """

    sync_version: VersionName
    execution_id: str | None = None
    status: ExecutionStatus | None = None

    @property
    def open(self) -> bool:
        """Whether it is started and has not ended."""
        return self.status in {ExecutionStatus.ACCEPTED, ExecutionStatus.RUNNING}


class Backfill(BaseModel):
    """A row of syncs, in the order in which they are started.

    Attributes:
        tables: As of a sync: only the configs of these.
        at_once: How many of its executions may be open.
        key_until: How long the idempotency key stands for it, and in any case until it is over; None: always.
        reason: Why it was paused or stopped, by a caller or by itself.
        fingerprint: SHA-256 of what was asked for, in canonical JSON.
        revision: Counts the saves.
    """

    id: str
    caller: str
    idempotency_key: str | None = None
    key_until: datetime | None = None
    fingerprint: str
    types: list[SyncType]
    tables: list[Table] | None = None
    labels: Labels = Field(default_factory=dict)
    at_once: int = 1
    on_failure: OnFailure = OnFailure.PAUSE
    parts: list[BackfillPart]
    status: BackfillStatus = BackfillStatus.PLANNED
    reason: str | None = None
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    revision: int = 1

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in OVER

    def key_stands(self, now: datetime) -> bool:
        """Whether its idempotency key still stands for it; one that has expired may make another backfill."""
        return self.key_until is None or not self.over or now < self.key_until

    def key(self, part: BackfillPart) -> str:
        """The idempotency key of the execution of one of its parts."""
        return f"backfill {self.id} {part.sync_version}"

    def command(self, part: BackfillPart) -> SyncCommand:
        """The command of one of its parts."""
        parameters = {"types": self.types, "sync_version": part.sync_version, "tables": self.tables}
        labels = {**self.labels, LABEL: self.id}
        return SyncCommand.model_validate({"command": "sync", "labels": labels, "parameters": parameters})


def switched(backfill: Backfill, status: BackfillStatus, reason: str | None, now: datetime) -> Backfill:
    """The backfill started, paused or stopped; asking for what it is already changes nothing.

    Raises:
        ConflictError: It is over, or has not been started and is to be paused.
    """
    if backfill.status is status:
        return backfill
    if backfill.over or (status is BackfillStatus.PAUSED and backfill.status is BackfillStatus.PLANNED):
        raise ConflictError(f"backfill {backfill.id} is {backfill.status}: it cannot become {status}")
    changes: dict[str, object] = {"status": status, "reason": reason}
    if status is BackfillStatus.RUNNING:
        changes["started"] = backfill.started or now
    if status in OVER:
        changes["finished"] = now
    return backfill.model_copy(update=changes)
