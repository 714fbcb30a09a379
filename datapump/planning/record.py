"""How a plan is kept: among the events of its execution, a job an event, so that none is too large for any store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.errors import NotFoundError
from datapump.executions import NewEvent
from datapump.planning.plans import Plan, PlannedJob

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datapump.executions import Event, Execution
    from datapump.stores import RunStore

HEAD, JOB = "plan", "planned job"
PAGE = 500


def keep(plan: Plan, runs: RunStore) -> None:
    """Store a plan. One that was stored by half before is made good: what counts is what follows the last head."""
    head = plan.model_dump(mode="json", exclude={"jobs"})
    message = "nothing would be changed"
    if plan.counts:
        message = "it would " + ", ".join(f"{action} {count}" for action, count in sorted(plan.counts.items()))
    data = {"plan": head, "jobs": len(plan.jobs)}
    runs.add_event(plan.execution_id, NewEvent(kind=HEAD, message=message, data=data))
    for job in plan.jobs:
        data = {"job": job.model_dump(mode="json")}
        runs.add_event(plan.execution_id, NewEvent(kind=JOB, message=f"{job.subject}: {job.message}", data=data))


def kept(execution: Execution, runs: RunStore) -> Plan:
    """The plan that an execution has made.

    Raises:
        NotFoundError: It was not asked to plan, or has not planned yet, or could not; the message says which.
    """
    if not execution.plan_only:
        raise NotFoundError(
            f"execution {execution.id} was not asked to plan: ask for a plan before, with POST /commands?plan=true"
        )
    head: Event | None = None
    jobs: list[PlannedJob] = []
    for event in _events(execution.id, runs):
        if event.kind == HEAD:
            head, jobs = event, []
        elif event.kind == JOB:
            jobs.append(PlannedJob.model_validate(event.data["job"]))
    if head is None or len(jobs) < head.data["jobs"]:
        state = "; ".join(execution.errors) if execution.ended else "it is being made: ask again"
        raise NotFoundError(f"execution {execution.id} has no plan: {state}")
    return Plan.model_validate({**head.data["plan"], "jobs": jobs})


def _events(execution_id: str, runs: RunStore) -> Iterator[Event]:
    after = 0
    while page := runs.list_events(execution_id, after=after, limit=PAGE):
        yield from page
        after = page[-1].seq
