"""Versions become latest: one after the other in the set_latest job, or a job's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datapump.effects import Outcome, once
from datapump.jobs.documents import JobStatus, SetLatestJob
from datapump.jobs.ticking import JobFailedError, advance, complete

if TYPE_CHECKING:
    from datapump.ports import Ports


def tick(job: SetLatestJob, ports: Ports) -> None:
    """See first that every version is whole, then mark one after the other latest.

    Raises:
        JobFailedError: A version is gone or not whole: a failed version must never become latest.
    """
    job.status = JobStatus.EXECUTING
    job.start_time = job.start_time or ports.clock.now()
    if job.step == "starting":
        _check(job, ports)
        advance(job, step="marking", message=f"{len(job.targets)} versions are whole")
        return
    for number, target in enumerate(job.targets, start=1):
        if not target.done:
            mark_latest(job.id, target.dataset, target.version, ports)
            target.done = True
            text = f"{target.dataset} {target.version} is latest"
            advance(job, message=text, progress=number / len(job.targets))
            return
    complete(job, ports.clock.now(), f"{len(job.targets)} datasets have {job.analysis_version} as their latest version")


def mark_latest(job_id: str, dataset: str, version: str, ports: Ports) -> None:
    """Mark a version latest, once, unless it is.

    Raises:
        JobFailedError: It is gone or not whole.
    """

    def is_latest() -> Outcome | None:
        known = ports.data_api.version(dataset, version)
        return {} if known is not None and known["is_latest"] else None

    key = f"{job_id}/latest/{dataset}/{version}"
    if ports.runs.get_effect(key) is None:
        known = ports.data_api.version(dataset, version)
        fault = _fault(dataset, version, known)
        if fault is not None:
            raise JobFailedError(f"{fault}: only a saved version can become latest")
        if known is not None and known["is_latest"]:
            return
    once(key, ports, do=lambda: ports.data_api.update_version(dataset, version, {"is_latest": True}), find=is_latest)


def _check(job: SetLatestJob, ports: Ports) -> None:
    open_targets = [target for target in job.targets if not target.done]
    known = [(target, ports.data_api.version(target.dataset, target.version)) for target in open_targets]
    faults = [fault for target, version in known if (fault := _fault(target.dataset, target.version, version))]
    if faults:
        raise JobFailedError("; ".join(faults) + ": only a saved version can become latest")


def _fault(dataset: str, version: str, known: dict[str, Any] | None) -> str | None:
    if known is None:
        return f"{dataset} {version} does not exist"
    return None if known["status"] == "saved" else f"{dataset} {version} is {known['status']}"
