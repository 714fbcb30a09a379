"""Raster versions that an earlier sync has begun and not finished: their job is taken up, none is made beside it.

Only the job that has made something knows that it may delete and make again what failed of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.errors import NotFoundError
from datapump.jobs.documents import JobStatus, RasterJob
from datapump.jobs.raster_assets import AssetState
from datapump.jobs.raster_version import take_up

if TYPE_CHECKING:
    from datapump.jobs.raster_assets import RasterAsset
    from datapump.ports import Ports


def taken_up(job: RasterJob, ports: Ports) -> RasterJob | None:
    """The job of the newest sync, ready to go on, if it failed to make the very same; None if there is none.

    Args:
        job: What would be made anew. What follows from the version is taken from it: that may have changed since.
        ports: Where the jobs are kept.
    """
    run = None if job.sync_config is None else ports.runs.config_runs(job.sync_config).last
    if run is None or run.status is not JobStatus.FAILED:
        return None
    try:
        known = ports.runs.get_job(run.execution_id, run.job_id).job
    except NotFoundError:
        return None
    if not isinstance(known, RasterJob) or _described(known) != _described(job) or not _is_there(known, ports):
        return None
    found = known.model_copy(deep=True)
    take_up(found, ports)
    found.sync_version, found.retire, found.notify = job.sync_version, job.retire, job.notify
    return found


def _is_there(job: RasterJob, ports: Ports) -> bool:
    """Whether nobody has deleted what the job has made: else it is for a new job to begin again."""
    if ports.data_api.version(job.dataset, job.version) is None:
        return False
    known = {str(one["asset_id"]) for one in ports.data_api.assets(job.dataset, job.version)}
    made = {asset.asset_id for asset in job.assets if asset.state is AssetState.SAVED and asset.asset_id is not None}
    return made <= known


def _described(job: RasterJob) -> tuple[str, str, list[RasterAsset]]:
    """What a job makes, without how far it is."""
    progress = {"state", "attempt", "since", "asset_id", "fault"}
    assets = [type(asset).model_validate(asset.model_dump(exclude=progress)) for asset in job.assets]
    return job.dataset, job.version, assets
