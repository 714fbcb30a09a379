"""The set_latest job: marks one result version after the other latest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datapump.effects import Outcome, once
from datapump.jobs.documents import JobStatus, LatestTarget, SetLatestJob
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
            _mark(job, target, ports)
            target.done = True
            text = f"{target.dataset} {target.version} is latest"
            advance(job, message=text, progress=number / len(job.targets))
            return
    complete(job, ports.clock.now(), f"{len(job.targets)} datasets have {job.analysis_version} as their latest version")


def _check(job: SetLatestJob, ports: Ports) -> None:
    versions = [(target, _version(target, ports)) for target in job.targets if not target.done]
    faults = [fault for target, version in versions if (fault := _fault(target, version)) is not None]
    if faults:
        raise JobFailedError("; ".join(faults) + ": only a saved version can become latest")


def _version(target: LatestTarget, ports: Ports) -> dict[str, Any] | None:
    return ports.data_api.version(target.dataset, target.version)


def _fault(target: LatestTarget, version: dict[str, Any] | None) -> str | None:
    if version is None:
        return f"{target.dataset} {target.version} does not exist"
    return None if version["status"] == "saved" else f"{target.dataset} {target.version} is {version['status']}"


def _mark(job: SetLatestJob, target: LatestTarget, ports: Ports) -> None:
    def is_latest() -> Outcome | None:
        version = _version(target, ports)
        return {} if version is not None and version["is_latest"] else None

    def do() -> None:
        ports.data_api.update_version(target.dataset, target.version, {"is_latest": True})

    key = f"{job.id}/latest/{target.dataset}/{target.version}"
    if ports.runs.get_effect(key) is None:
        version = _version(target, ports)
        fault = _fault(target, version)
        if fault is not None:
            raise JobFailedError(f"{fault}: only a saved version can become latest")
        if version is not None and version["is_latest"]:
            return
    once(key, ports, do=do, find=is_latest)
