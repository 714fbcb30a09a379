"""The area status job: waits until analyses are published, then gives their areas their status, some at a time.

A status update e-mails the owners of the areas at each call. So none is repeated: before the first, the areas that are
pending no more are left out; one whose outcome is unknown is looked up in the list of pending areas, and only after the
time in which it may still be on its way.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from datapump.clients.areas_api import MOST_GEOSTORES
from datapump.effects import Outcome, UnsettledError, age, once
from datapump.errors import NotFoundError, UnsupportedError
from datapump.jobs.documents import AreaStatusJob, JobStatus
from datapump.jobs.ticking import JobFailedError, advance, complete, reopen, wait

if TYPE_CHECKING:
    from datapump.clients.areas_api import AreasApi
    from datapump.ports import Ports


def tick(job: AreaStatusJob, execution_id: str, ports: Ports) -> None:
    """Move the job on by at most one remote write.

    Raises:
        JobFailedError: An analysis failed: the areas stay pending.
        DatapumpError: As the Areas API raises.
    """
    if job.step == "starting":
        if not _published(job, execution_id, ports):
            return
        job.status = JobStatus.EXECUTING
        job.start_time = job.start_time or ports.clock.now()
        advance(job, step="telling", message=f"{_areas(job.count)} to become {job.becomes}")
        return
    holder = ports.runs.acquire(f"areas {job.subject}", execution_id, job.id)
    if holder is not None:
        complete(job, ports.clock.now(), f"left to execution {holder[0]}, which gives these areas their status")
    elif not job.checked:
        _leave_out_told(job, ports)
    elif job.told < job.count:
        _tell(job, ports)
    else:
        complete(job, ports.clock.now(), f"{_areas(job.count)} became {job.becomes}")


def take_up(job: AreaStatusJob) -> None:
    """Make a failed job ready to go on: others may have told some of its areas since."""
    reopen(job)
    job.checked = False


def _published(job: AreaStatusJob, execution_id: str, ports: Ports) -> bool:
    """Whether every analysis is complete; while one is not, the job waits, and its time does not count."""
    open_jobs = []
    for job_id in job.waits_for:
        status = _status(job_id, execution_id, ports)
        if status is None or status is JobStatus.FAILED:
            what = "is gone" if status is None else "failed"
            raise JobFailedError(
                f"the areas of {job.subject} stay pending, their analysis {job_id} {what}: the next sync takes it up"
            )
        if status is not JobStatus.COMPLETE:
            open_jobs.append(job_id)
    if open_jobs:
        wait(job, ports.settings, message=f"waiting for {len(open_jobs)} of {len(job.waits_for)} analyses")
    return not open_jobs


def _status(job_id: str, execution_id: str, ports: Ports) -> JobStatus | None:
    """How far a job is, here or in the execution that had it last."""
    try:
        return ports.runs.get_job(execution_id, job_id).status
    except NotFoundError:
        other = ports.runs.newest_execution_of(job_id)
    return None if other is None else ports.runs.get_job(other, job_id).status


def _leave_out_told(job: AreaStatusJob, ports: Ports) -> None:
    listed = _listed(job, ports)
    pending = _pending(ports)
    left = [geostore for geostore in listed if geostore in pending]
    if len(left) < len(listed):
        document = json.loads(ports.objects.get(job.areas))
        ports.objects.put(job.areas, json.dumps({**document, "geostores": left}).encode())
    job.count = len(left)
    job.told = 0
    job.attempt += 1
    job.checked = True
    advance(job)


def _tell(job: AreaStatusJob, ports: Ports) -> None:
    batch = _listed(job, ports)[job.told : job.told + MOST_GEOSTORES]
    key = f"{job.id}/areas/{job.attempt}/{job.told}"
    left = list(batch)

    def do() -> Outcome:
        return {"areas": areas_api(ports).update_statuses(left, job.becomes)}

    def find() -> Outcome | None:
        pending = _pending(ports)
        left[:] = [geostore for geostore in batch if geostore in pending]
        effect = ports.runs.get_effect(key)
        age_s = 0.0 if effect is None else age(effect, ports)
        if left and age_s < ports.settings.areas_settle_s:
            raise UnsettledError(key)
        return None if left else {}

    once(key, ports, do=do, find=find)
    job.told += len(batch)
    advance(job, message=f"{job.told} of {_areas(job.count)} told", progress=job.told / job.count)


def _listed(job: AreaStatusJob, ports: Ports) -> list[str]:
    return [str(geostore) for geostore in json.loads(ports.objects.get(job.areas))["geostores"]]


def _pending(ports: Ports) -> set[str]:
    return {area.geostore for area in areas_api(ports).pending_areas() if area.geostore is not None}


def areas_api(ports: Ports) -> AreasApi:
    """The Areas API of a deployment.

    Raises:
        UnsupportedError: It has none.
    """
    if ports.areas_api is None:
        raise UnsupportedError("this deployment has no Areas API: set DATAPUMP_AREAS_API_URL")
    return ports.areas_api


def _areas(count: int) -> str:
    return "1 area" if count == 1 else f"{count} areas"
