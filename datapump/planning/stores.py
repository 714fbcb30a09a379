"""Stores of a plan: what is there is read, what would be written stays in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datapump.errors import ConflictError, InternalError, NotFoundError
from datapump.executions import Effect, Execution, ExecutionStatus, StoredJob
from datapump.stores import Page
from datapump.sync_configs import SyncConfig, SyncMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datapump.clock import Clock
    from datapump.executions import JobFaults, NewEvent
    from datapump.jobs.documents import AnyJob
    from datapump.planning.plans import Recorder
    from datapump.stores import RunStore, SyncConfigStore
    from datapump.sync_configs import Freshness

READS = frozenset(
    {
        "list_executions", "count_executions", "find_by_key", "list_events", "open_job", "newest_execution_of",
        "config_runs",
    }
)  # fmt: skip


class PlannedRuns:
    """The run store, as far as dispatching, ticking and postprocessing use it.

    Args:
        real: The deployment's store, which is only read.
        planned: The execution that is planned, whose jobs are the plan's own.
    """

    def __init__(self, real: RunStore, planned: Execution, clock: Clock, recorder: Recorder) -> None:
        self._real = real
        self._planned = planned
        self._clock = clock
        self._recorder = recorder
        self._effects: dict[str, Effect] = {}
        self._jobs: dict[str, StoredJob] = {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method of the port
        """What only reads is the store's own; nothing else may pass."""
        if name in READS:
            return getattr(self._real, name)
        raise InternalError(f"a plan may not use {name} of the run store")

    def hold(self, job: AnyJob) -> StoredJob:
        """Keep a job of the plan as it is now."""
        execution_id = self._planned.id
        stored = StoredJob(execution_id=execution_id, job=job, revision=1, due=self._clock.now())
        self._jobs[job.id] = stored
        return stored

    def get_execution(self, execution_id: str) -> Execution:
        """One execution; the planned one as if it ran."""
        return self._planned if execution_id == self._planned.id else self._real.get_execution(execution_id)

    def get_job(self, execution_id: str, job_id: str) -> StoredJob:
        """One job."""
        if execution_id != self._planned.id:
            return self._real.get_job(execution_id, job_id)
        if job_id not in self._jobs:
            raise NotFoundError(f"there is no job {job_id!r} in the plan")
        return self._jobs[job_id]

    def list_jobs(self, execution_id: str) -> list[StoredJob]:
        """An execution's jobs."""
        return list(self._jobs.values()) if execution_id == self._planned.id else self._real.list_jobs(execution_id)

    def create_execution(self, execution: Execution) -> tuple[Execution, bool]:
        """Record that an execution would be started."""
        self._recorder.note("executions", "start", execution.name, parameters=execution.command["parameters"])
        return execution, True

    def finish(
        self,
        execution_id: str,
        status: ExecutionStatus,
        errors: Sequence[str] = (),
        faults: JobFaults | None = None,
    ) -> bool:
        """End the planned execution, in memory."""
        self._planned.status = status
        self._planned.errors += errors
        self._planned.job_faults = faults
        return execution_id == self._planned.id

    def add_event(self, execution_id: str, event: NewEvent) -> None:
        """Events of a plan are kept by nobody."""

    def get_effect(self, key: str) -> Effect | None:
        """The effect of that key: what the plan has done, or what was done before it."""
        return self._effects.get(key) or self._real.get_effect(key)

    def intend(self, key: str) -> Effect:
        """Remember an intention, in memory."""
        self._effects[key] = Effect(key=key, intended=self._clock.now())
        return self._effects[key]

    def complete(self, key: str, outcome: dict[str, Any]) -> None:
        """Remember an outcome, in memory."""
        self._effects[key] = Effect(key=key, intended=self._clock.now(), done=True, outcome=outcome)

    def withdraw(self, key: str) -> None:
        """Forget an intention."""
        self._effects.pop(key, None)

    def acquire(self, target: str, execution_id: str, job_id: str) -> tuple[str, str] | None:  # noqa: ARG002 - the port's own
        """A plan waits for nobody and keeps nobody waiting."""
        return None


class PlannedConfigs:
    """The sync configs, with the changes that a plan would make laid over them."""

    def __init__(self, real: SyncConfigStore, recorder: Recorder) -> None:
        self._real = real
        self._recorder = recorder
        self._changed: dict[str, SyncConfig] = {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method of the port
        """What only reads is the store's own; nothing else may pass."""
        if name == "history":
            return self._real.history
        raise InternalError(f"a plan may not use {name} of the sync configs")

    def get(self, config_id: str) -> SyncConfig:
        """One config."""
        return self._changed.get(config_id) or self._real.get(config_id)

    def list(self, **filters: Any) -> Page[SyncConfig]:  # noqa: ANN401 - the port's own filters
        """Configs; a plan changes nothing that they are filtered by."""
        page = self._real.list(**filters)
        return Page([self._changed.get(config.id, config) for config in page.items], page.next)

    def put(self, config: SyncConfig) -> SyncConfig:
        """Record that a config would be made or refreshed."""
        self._changed[config.id] = config
        self._recorder.note("sync_configs", "update", _name(config))
        return config

    def move(
        self,
        config_id: str,
        sync_version: str,
        alerts_until: str | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> bool:
        """Record that a config would be brought to a version."""
        config = self.get(config_id)
        told = {"alerts_until": alerts_until, "sources": None if sources is None else dict(sources)}
        known = {name: value for name, value in told.items() if value is not None}
        metadata = config.metadata.model_copy(update=known)
        self._changed[config_id] = config.model_copy(update={"sync_version": sync_version, "metadata": metadata})
        self._recorder.note("sync_configs", "update", _name(config), sync_version=sync_version)
        return True

    def record_freshness(self, config_id: str, freshness: Freshness) -> bool:
        """What a sync notes down for itself is no write of its own."""
        return config_id == self.get(config_id).id and freshness.at is not None

    def patch(self, config_id: str, changes: dict[str, Any], *, revision: int | None = None) -> SyncConfig:
        """Change a config, in memory: what a sync notes down for itself is no write of its own."""
        config = self.get(config_id)
        if revision is not None and revision != config.revision:
            raise ConflictError(f"sync config {config_id} has changed")
        metadata = {**config.metadata.model_dump(), **changes.get("metadata", {})}
        kept = SyncMetadata.model_validate({name: value for name, value in metadata.items() if value is not None})
        changed = config.model_copy(update={"metadata": kept, "sync": changes.get("sync", config.sync)})
        self._changed[config_id] = changed
        return changed


def _name(config: SyncConfig) -> str:
    return f"{config.dataset} {config.dataset_version} {config.analysis} {config.sync_type}"
