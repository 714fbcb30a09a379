"""The dispatcher: an execution's command -> stored jobs. Nothing is stored until all is checked; then all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.command_jobs import jobs_for
from datapump.commands import COMMAND
from datapump.end_messages import tell_end
from datapump.errors import DatapumpError
from datapump.executions import ExecutionStatus
from datapump.freshness import record
from datapump.planning.planner import make_plan
from datapump.planning.record import keep

if TYPE_CHECKING:
    from datapump.executions import Execution
    from datapump.ports import Ports


def dispatch(execution_id: str, ports: Ports, *, last_attempt: bool = False) -> list[str]:
    """Turn an accepted execution's command into stored jobs.

    A command that cannot work ends its execution as failed, with the reason and without any job. Dispatching again what
    is dispatched already changes nothing.

    Args:
        execution_id: Whose command.
        ports: The outside world.
        last_attempt: Whether what may come back later is a failure now.

    Returns:
        The ids of its jobs.

    Raises:
        DatapumpError: A retryable one, to be tried again, unless it is the last attempt.
    """
    execution = ports.runs.get_execution(execution_id)
    if execution.status is ExecutionStatus.ACCEPTED:
        try:
            if execution.stop_reason is not None:
                ports.runs.finish(execution_id, ExecutionStatus.STOPPED)
                return []
            if execution.plan_only:
                _plan(execution, ports, last_attempt=last_attempt)
                return []
            command = COMMAND.validate_python(execution.command, strict=False)
            found = jobs_for(execution_id, command, ports, last_attempt=last_attempt)
            record(found.findings, ports)
            ports.runs.begin(execution_id, found.jobs, found.notes, found.errors)
        except DatapumpError as error:
            if error.retryable and not last_attempt:
                raise
            tell_end(execution, ExecutionStatus.FAILED, [], [error.message], ports)
            ports.runs.finish(execution_id, ExecutionStatus.FAILED, [error.message])
    return [stored.job.id for stored in ports.runs.list_jobs(execution_id)]


def _plan(execution: Execution, ports: Ports, *, last_attempt: bool) -> None:
    """Find out what the command would do; the execution then has no jobs and ends."""
    plan = make_plan(execution, ports, last_attempt=last_attempt)
    keep(plan, ports.runs)
    ports.runs.begin(execution.id, [], plan.notes, plan.errors)
