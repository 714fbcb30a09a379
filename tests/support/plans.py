"""Plans as the dispatcher makes them, and what is then done."""

from __future__ import annotations

from datetime import UTC, datetime

from datapump.planning.plans import Estimate, Plan, PlannedJob, PlannedWrite
from datapump.planning.record import kept


def plan_of(execution_id, jobs=3):
    """The plan of a sync that uploads one table a job."""
    estimate = Estimate(duration_s=60.0, cost_usd=0.0, basis="one past run")
    write = PlannedWrite(system="data_api", action="upload", target="gadm__viirs__adm2_daily_alerts v1")
    job = PlannedJob(
        kind="analysis",
        subject="gadm v4.1 viirs",
        outcome="complete",
        message="done",
        writes=[write],
        estimate=estimate,
    )
    return Plan(
        execution_id=execution_id,
        at=datetime(2026, 11, 22, 6, tzinfo=UTC),
        before=[],
        jobs=[job] * jobs,
        after=[],
        counts={"upload": jobs},
        estimate=estimate,
        notes=["viirs: nothing newer"],
        errors=[],
    )


def planned(deployment, command, ports=None):
    """The plan of a command, and the execution that made it."""
    execution = deployment.carry(deployment.submit(command, plan_only=True), ports)
    return kept(execution, deployment.runs), execution


def requests(plan):
    """What a plan is going to ask of the Data API."""
    return sorted(str(write.detail["request"]) for write in plan.writes if write.system == "data_api")


def made(deployment, before):
    """What was asked of the Data API since its log had so many lines, reads apart."""
    return sorted(f"{line.method} {line.path}" for line in deployment.server.log()[before:] if line.method != "GET")
