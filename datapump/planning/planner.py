"""Making a plan: the dispatcher, the ticks and the postprocessor, with ports that only record."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from datapump.command_jobs import jobs_for
from datapump.commands import COMMAND
from datapump.executions import ExecutionStatus
from datapump.executor import move
from datapump.jobs.documents import AnalysisJob, AreaStatusJob, JobStatus, RasterJob
from datapump.planning.areas_api import PlannedAreasApi
from datapump.planning.data_api import PlannedDataApi
from datapump.planning.engine import PlannedEngine
from datapump.planning.estimates import estimate_job, estimate_whole
from datapump.planning.notifier import PlannedNotifier
from datapump.planning.objects import PlannedObjects
from datapump.planning.plans import Plan, PlannedJob, Recorder
from datapump.planning.stores import PlannedConfigs, PlannedRuns
from datapump.postprocessor import postprocess

if TYPE_CHECKING:
    from datetime import datetime

    from datapump.clock import Clock
    from datapump.executions import Execution
    from datapump.jobs.documents import AnyJob
    from datapump.ports import Ports
    from datapump.stores import RunStore, SyncConfigStore

MOST_TICKS = 10_000


class PlanClock:
    """Begins now, and goes on by the waits of the jobs."""

    def __init__(self, real: Clock) -> None:
        self._real = real
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The instant that the plan has come to."""
        return self._real.now() + self._ahead

    def new_id(self) -> str:
        """A new id."""
        return self._real.new_id()

    def jitter(self) -> float:
        """A number in [0, 1)."""
        return self._real.jitter()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._ahead += timedelta(seconds=seconds)


def make_plan(execution: Execution, ports: Ports, *, last_attempt: bool) -> Plan:
    """What an execution's command would do as things are now. Nothing is written anywhere.

    Raises:
        UserError: The command cannot work.
        RemoteError: A remote system that must be asked did not answer well.
    """
    with tempfile.TemporaryDirectory(prefix="datapump-plan-") as folder:
        return _Planning(execution, ports, Path(folder)).plan(last_attempt=last_attempt)


class _Planning:
    """One plan in the making."""

    def __init__(self, execution: Execution, ports: Ports, folder: Path) -> None:
        self._real = ports
        self._at = ports.clock.now()
        self._recorder = Recorder()
        self._clock = PlanClock(ports.clock)
        self._execution = execution.model_copy(
            deep=True, update={"status": ExecutionStatus.RUNNING, "plan_only": False}
        )
        self._runs = PlannedRuns(ports.runs, self._execution, self._clock, self._recorder)
        objects = PlannedObjects(ports.objects, folder / "objects", self._recorder)
        self._engine = PlannedEngine(ports.engine, objects, self._recorder)
        self._ports = replace(
            ports,
            # Feeds are fetched into a folder of the plan's own: a sync may be fetching the same feed.
            settings=ports.settings.model_copy(update={"data_dir": folder}),
            clock=self._clock,
            runs=cast("RunStore", self._runs),
            sync_configs=cast("SyncConfigStore", PlannedConfigs(ports.sync_configs, self._recorder)),
            objects=objects,
            data_api=PlannedDataApi(ports.data_api, ports.settings.data_lake_bucket, self._recorder, objects),
            engine=self._engine,
            notifier=PlannedNotifier(self._recorder),
            # What a plan would start holds nobody up.
            targets=None,
            areas_api=None if ports.areas_api is None else PlannedAreasApi(ports.areas_api, self._recorder),
        )

    def plan(self, *, last_attempt: bool) -> Plan:
        """Dispatch, carry every job to its end, postprocess."""
        command = COMMAND.validate_python(self._execution.command, strict=False)
        found = jobs_for(self._execution.id, command, self._ports, last_attempt=last_attempt)
        before = self._recorder.take()
        for job in found.jobs:
            self._runs.hold(job)
        jobs = [self._carry(job) for job in found.jobs]
        postprocess(self._execution.id, self._ports)
        plan = Plan(
            execution_id=self._execution.id,
            at=self._at,
            before=before,
            jobs=jobs,
            after=self._recorder.take(),
            counts={},
            estimate=estimate_whole([job.estimate for job in jobs], self._real.settings),
            notes=found.notes,
            errors=found.errors,
        )
        plan.counts = dict(Counter(write.action for write in plan.writes))
        return plan

    def _carry(self, job: AnyJob) -> PlannedJob:
        known = set(self._engine.outlooks)
        for _ in range(MOST_TICKS):
            if job.ended:
                break
            job = job.model_copy(deep=True)
            move(job, self._execution, self._ports)
            self._clock.wait(job.next_poll_s)
            self._runs.hold(job)
        started = [outlook for name, outlook in self._engine.outlooks.items() if name not in known]
        outlook = started[-1] if started else None
        return PlannedJob(
            kind=job.kind,
            subject=subject(job),
            outcome="complete" if job.status is JobStatus.COMPLETE else "failed",
            message=job.message,
            engine=outlook,
            writes=self._recorder.take(),
            estimate=estimate_job(job, outlook, self._real),
        )


def subject(job: AnyJob) -> str:
    """What a job works on, in words."""
    if isinstance(job, AnalysisJob):
        return str(job.table)
    if isinstance(job, RasterJob):
        return f"{job.dataset} {job.version}"
    if isinstance(job, AreaStatusJob):
        return f"user areas: {job.subject}"
    return f"{job.dataset} {job.analysis} {job.analysis_version}"
