"""Retrying an execution: a new one of only the jobs that failed, each from the step it failed in."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

from datapump.commands import ContinueJobsCommand
from datapump.errors import ConflictError
from datapump.jobs.documents import JobStatus

if TYPE_CHECKING:
    from datapump.executions import Execution
    from datapump.jobs.documents import AnyJob
    from datapump.stores import RunStore

MOST_JOBS = 1000


class Retry(NamedTuple):
    """What a retry asks for, and what the caller should know of it."""

    command: ContinueJobsCommand
    notes: list[str]


def plan_retry(execution: Execution, runs: RunStore) -> Retry:
    """The command that takes up the failed jobs of an execution.

    A job that another execution has taken up since is left out: only the newest document of a job knows how far it is.

    Raises:
        ConflictError: The execution has not ended, none of its jobs failed, or all that failed were taken up elsewhere.
    """
    if not execution.ended:
        raise ConflictError(f"execution {execution.id} is {execution.status}: only one that has ended can be retried")
    jobs = [stored.job for stored in runs.list_jobs(execution.id)]
    failed = [job for job in jobs if job.status is JobStatus.FAILED]
    if not failed:
        reason = "none of its jobs failed" if jobs else "it has no jobs: submit its command again"
        raise ConflictError(f"execution {execution.id} has {execution.status}, but {reason}")
    ours, taken = _split(execution, failed, runs)
    if not ours:
        raise ConflictError(
            f"the failed jobs of execution {execution.id} were taken up by {', '.join(sorted(taken))}: retry that one"
        )
    notes = [f"retries {_jobs(len(ours[:MOST_JOBS]))} of execution {execution.id}"]
    if taken:
        notes.append(f"{_jobs(sum(taken.values()))} left out, taken up already by {', '.join(sorted(taken))}")
    if len(ours) > MOST_JOBS:
        notes.append(f"{_jobs(len(ours) - MOST_JOBS)} left out, one execution takes {MOST_JOBS}: retry again for them")
    labels = execution.command.get("labels", {})
    document = {"command": "continue_jobs", "labels": labels, "parameters": {"jobs": ours[:MOST_JOBS]}}
    return Retry(ContinueJobsCommand.model_validate(document), notes)


def retry_fingerprint(execution_id: str) -> str:
    """What makes two retries the same: SHA-256 of which execution they retry."""
    return hashlib.sha256(json.dumps({"retry": execution_id}).encode()).hexdigest()


def _split(execution: Execution, failed: list[AnyJob], runs: RunStore) -> tuple[list[AnyJob], dict[str, int]]:
    """The jobs that are still the execution's own, and how many each other execution has taken up."""
    ours = []
    taken: dict[str, int] = {}
    for job in failed:
        holder = runs.newest_execution_of(job.id)
        if holder in {None, execution.id}:
            ours.append(job)
        else:
            taken[str(holder)] = taken.get(str(holder), 0) + 1
    return ours, taken


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"
