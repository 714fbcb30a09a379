"""The ports of what is remembered: runs, sync configs, callers' keys. Their twins are the modules beside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar, Unpack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datapump.audit import AuditRecord
    from datapump.executions import (
        ConfigRuns,
        Effect,
        Event,
        Execution,
        ExecutionFilters,
        ExecutionStatus,
        JobFaults,
        NewEvent,
        StoredJob,
    )
    from datapump.jobs.documents import AnyJob
    from datapump.keys import ApiKey
    from datapump.sync_configs import Author, ConfigChange, Freshness, SyncConfig, SyncConfigFilters

T = TypeVar("T")


class Page(NamedTuple, Generic[T]):
    """Some items of a list, and where the next page starts (None: this was the last)."""

    items: list[T]
    next: str | None


class RunStore(Protocol):
    """Executions with their jobs, events and effects."""

    def create_execution(self, execution: Execution) -> tuple[Execution, bool]:
        """Store a new execution; where its caller's idempotency key stands for an earlier one, that one instead.

        Where it is a retry, the execution that it retries is told of it. Where another execution triggered it
        (`triggered_by`), that one gets an event `triggered` with `{"execution": id}`, in the same transaction.

        Returns:
            The stored execution, and whether it is new.

        Raises:
            ConflictError: What it retries has not ended, or is being retried.
        """
        ...

    def get_execution(self, execution_id: str) -> Execution:
        """One execution.

        Raises:
            NotFoundError: There is none of that id.
        """
        ...

    def list_executions(
        self, *, after: str | None = None, limit: int = 50, **filters: Unpack[ExecutionFilters]
    ) -> Page[Execution]:
        """Executions, newest first."""
        ...

    def begin(self, execution_id: str, jobs: Sequence[AnyJob], notes: Sequence[str], errors: Sequence[str]) -> bool:
        """Record what a command was dispatched to, whole or not at all: `accepted` becomes `running`.

        The leases on feeds that dispatching took are given back.

        Returns:
            False, changing nothing, if the execution is past that already.
        """
        ...

    def finish(
        self,
        execution_id: str,
        status: ExecutionStatus,
        errors: Sequence[str] = (),
        faults: JobFaults | None = None,
    ) -> bool:
        """Record the end of an execution and give back its leases.

        Args:
            execution_id: Which.
            status: How it ended.
            errors: What went wrong outside any job.
            faults: What went wrong in jobs.

        Returns:
            False, changing nothing, if it has ended already.
        """
        ...

    def request_stop(self, execution_id: str, reason: str) -> Execution:
        """Record that somebody wants it stopped; its jobs then end themselves.

        Raises:
            NotFoundError: There is none of that id.
            ConflictError: It has ended already.
        """
        ...

    def get_job(self, execution_id: str, job_id: str) -> StoredJob:
        """One job.

        Raises:
            NotFoundError: There is none of that id.
        """
        ...

    def list_jobs(self, execution_id: str) -> list[StoredJob]:
        """An execution's jobs, in the order of their making."""
        ...

    def save_job(self, execution_id: str, job: AnyJob, revision: int, events: Sequence[NewEvent] = ()) -> bool:
        """Replace the document if it is still of that revision; the job falls due again after its `next_poll_s`.

        Returns:
            False, changing nothing, if somebody else has saved it since, or its status would go back.
        """
        ...

    def add_event(self, execution_id: str, event: NewEvent) -> None:
        """Append to what happened in an execution."""
        ...

    def list_events(self, execution_id: str, *, after: int = 0, limit: int = 100) -> list[Event]:
        """What happened after event number `after`, in order."""
        ...

    def get_effect(self, key: str) -> Effect | None:
        """The effect of that key, None if it was never intended."""
        ...

    def intend(self, key: str) -> Effect:
        """Record that an effect is about to be tried."""
        ...

    def complete(self, key: str, outcome: dict[str, Any]) -> None:
        """Record that an effect has happened."""
        ...

    def withdraw(self, key: str) -> None:
        """Record that an intended effect certainly has not happened."""
        ...

    def acquire(self, target: str, execution_id: str, job_id: str) -> tuple[str, str] | None:
        """Take the lease on a target that one job at a time may write.

        It is held until the execution ends, so that what the job achieved is recorded before the next writer looks;
        within one execution, the next job takes it over as soon as the job has ended. One that is taken for no job,
        while the command is dispatched, goes to the first of the execution's jobs that asks for it; that on a feed
        (`feed ...`) is held only until the jobs are stored.

        Returns:
            None: it is the job's. Otherwise the (execution id, job id) that holds it.
        """
        ...

    def open_job(self, job_id: str) -> str | None:
        """The execution in which a job of that id is open, None if there is none."""
        ...

    def find_by_key(self, caller: str, idempotency_key: str) -> Execution | None:
        """The execution that a caller's idempotency key stands for, None if there is none."""
        ...

    def count_executions(self, **filters: Unpack[ExecutionFilters]) -> int:
        """How many executions there are."""
        ...

    def config_runs(self, config_id: str) -> ConfigRuns:
        """The jobs that were to bring a sync config up to date."""
        ...

    def newest_execution_of(self, job_id: str) -> str | None:
        """The newest execution that holds a job of that id, None if there is none."""
        ...


class SyncConfigStore(Protocol):
    """The sync configs."""

    def get(self, config_id: str) -> SyncConfig:
        """One config.

        Raises:
            NotFoundError: There is none of that id.
        """
        ...

    def list(
        self, *, after: str | None = None, limit: int = 100, **filters: Unpack[SyncConfigFilters]
    ) -> Page[SyncConfig]:
        """Configs in the order of their ids."""
        ...

    def put(self, config: SyncConfig) -> SyncConfig:
        """Create it, or refresh the metadata of the existing one, whose switch stays as its operator left it."""
        ...

    def move(
        self,
        config_id: str,
        sync_version: str,
        alerts_until: str | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> bool:
        """Record what a config was brought to. False, changing nothing, if the config is gone.

        All values only move forward: a late or repeated record of an older job changes nothing. `sources`, where they
        are given, replace `metadata.sources`, unless `sync_version` is older than the config's.
        """
        ...

    def record_freshness(self, config_id: str, freshness: Freshness) -> bool:
        """Record what a sync found for a config: its `metadata.freshness`. False, changing nothing, if it is gone.

        `revision` and `updated` stay, as does the history: every night would otherwise make the `ETag` that a caller
        has read a stale one, though nothing that callers change has changed. `put` and `patch` keep what is recorded.
        """
        ...

    def patch(
        self, config_id: str, changes: dict[str, Any], *, revision: int | None = None, author: Author | None = None
    ) -> SyncConfig:
        """Change `sync` and keys of `metadata` (None removes a key); what an author changes is kept in the history.

        Raises:
            NotFoundError: There is none of that id.
            ConflictError: It is not of that revision any more.
        """
        ...

    def switch_type(self, sync_type: str, *, sync: bool, author: Author) -> Sequence[SyncConfig]:
        """Pause all configs of a type that are on, or resume those that the last pause switched off.

        Returns:
            The configs that were switched.
        """
        ...

    def history(self, config_id: str, *, after: str | None = None, limit: int = 50) -> Page[ConfigChange]:
        """What callers changed in a config, newest first.

        Raises:
            NotFoundError: There is none of that id.
        """
        ...


class KeyStore(Protocol):
    """The callers' keys, as hashes."""

    def add(self, key: ApiKey) -> None:
        """Store a key."""
        ...

    def find(self, digest: str) -> ApiKey | None:
        """The key of that hash that is not revoked, None if there is none."""
        ...

    def list(self) -> list[ApiKey]:
        """Every key that was ever made."""
        ...


class AuditStore(Protocol):
    """Who asked for which change."""

    def add(self, record: AuditRecord) -> None:
        """Store a record."""
        ...

    def list(self, *, caller: str | None = None, after: str | None = None, limit: int = 50) -> Page[AuditRecord]:
        """Records, newest first."""
        ...
