"""Waiting for another execution, which holds what a job would write; two must not wait for each other for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.jobs.ticking import JobFailedError, wait

if TYPE_CHECKING:
    from datapump.jobs.documents import JobBase
    from datapump.ports import Ports


def wait_for(job: JobBase, holder: str, execution_id: str, ports: Ports, doing: str) -> None:
    """Let the job wait for the end of an execution, unless that one waits, by others or by itself, for this one.

    What an execution writes it holds to its end, so two that hold what the other one wants would wait for ever. The
    younger gives way: its job fails, the rest of it ends, and then the older one goes on.

    Args:
        job: Whose turn it is not.
        holder: The execution that holds what it would write.
        execution_id: The job's own.
        ports: The outside world.
        doing: What the holder does, in words.

    Raises:
        JobFailedError: They wait for each other, and this one is the younger.
    """
    if execution_id > holder and execution_id in _waited_for(holder, ports):
        raise JobFailedError(
            f"execution {holder}, {doing}, waits for this execution, and this one for that: the younger gives way. "
            f"Retry this job when execution {holder} has ended"
        )
    job.held_up_by = holder
    wait(job, ports.settings, message=f"waiting for execution {holder}, {doing}")


def _waited_for(execution_id: str, ports: Ports) -> set[str]:
    """The executions whose end an execution waits for, by itself or by those that it waits for."""
    found: set[str] = set()
    left = [execution_id]
    while left:
        for stored in ports.runs.list_jobs(left.pop()):
            other = None if stored.job.ended else stored.job.held_up_by
            if other is not None and other not in found:
                found.add(other)
                left.append(other)
    return found
