"""Plans as the dispatcher makes them."""

from __future__ import annotations

from datetime import UTC, datetime

from datapump.planning.plans import Estimate, Plan, PlannedJob, PlannedWrite


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
