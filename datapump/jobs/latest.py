"""The set_latest job: marks one result version after the other latest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.effects import Outcome, once
from datapump.jobs.documents import JobStatus, LatestTarget, SetLatestJob
from datapump.jobs.ticking import JobFailedError, advance, complete

if TYPE_CHECKING:
    from datapump.ports import Ports


def tick(job: SetLatestJob, ports: Ports) -> None:
    """Mark the next version latest.

    Raises:
        JobFailedError: The version is gone or not whole: a failed version must never become latest.
    """
    job.status = JobStatus.EXECUTING
    job.start_time = job.start_time or ports.clock.now()
    for number, target in enumerate(job.targets, start=1):
        if not target.done:
            _mark(job, target, ports)
            target.done = True
            text = f"{target.dataset} {target.version} is latest"
            advance(job, step="marking", message=text, progress=number / len(job.targets))
            return
    complete(job, ports.clock.now(), f"{len(job.targets)} datasets have {job.analysis_version} as their latest version")


def _mark(job: SetLatestJob, target: LatestTarget, ports: Ports) -> None:
    api = ports.data_api

    def is_latest() -> Outcome | None:
        version = api.version(target.dataset, target.version)
        return {} if version is not None and version["is_latest"] else None

    key = f"{job.id}/latest/{target.dataset}/{target.version}"
    if ports.runs.get_effect(key) is None:
        version = api.version(target.dataset, target.version)
        if version is None or version["status"] != "saved":
            state = "does not exist" if version is None else f"is {version['status']}"
            raise JobFailedError(f"{target.dataset} {target.version} {state}: only a saved version can become latest")
        if version["is_latest"]:
            return
    once(key, ports, do=lambda: api.update_version(target.dataset, target.version, {"is_latest": True}), find=is_latest)
