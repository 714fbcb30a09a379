"""The raster version job: makes a graph of assets, publishes their version, then does what follows from it.

Its steps: `starting`, `making`, `publishing`, `retiring`, `notifying`, `complete`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.effects import once
from datapump.errors import ConflictError
from datapump.jobs.documents import JobStatus, RasterJob
from datapump.jobs.latest import mark_latest
from datapump.jobs.raster_assets import AssetKind, AssetState
from datapump.jobs.raster_looking import look
from datapump.jobs.raster_making import Made, make, refuse_existing
from datapump.jobs.raster_retirement import retire_one
from datapump.jobs.ticking import JobFailedError, advance, complete, reopen, wait
from datapump.jobs.waiting import wait_for
from datapump.notifications import announce
from datapump.targets import version_target

if TYPE_CHECKING:
    from datapump.jobs.raster_assets import RasterAsset
    from datapump.ports import Ports

_MADE = 0.9


def tick(job: RasterJob, execution_id: str, ports: Ports) -> None:
    """Move the job on by at most one remote write.

    Raises:
        JobFailedError: It cannot go on.
        DatapumpError: As the remote systems raise.
    """
    holder = ports.runs.acquire(version_target(job.dataset, job.version), execution_id, job.id)
    if holder is not None:
        wait_for(job, holder[0], execution_id, ports, "which is making the same version")
        return
    job.held_up_by = None
    job.status = JobStatus.EXECUTING
    job.start_time = job.start_time or ports.clock.now()
    steps = {"starting": _start, "making": _make, "publishing": _publish, "retiring": _retire}
    if job.step in steps:
        steps[job.step](job, ports)
    else:
        _notify(job, execution_id, ports)


def take_up(job: RasterJob, ports: Ports) -> None:
    """Make a failed job ready to go on: what failed is made anew, what was under way is looked at again.

    Raises:
        ConflictError: The document's assets are no graph.
    """
    check_graph(job)
    reopen(job)
    for asset in job.assets:
        if asset.state is AssetState.MAKING:
            asset.since = ports.clock.now()
        if asset.state is AssetState.FAILED:
            asset.state = AssetState.WAITING
            asset.attempt += 1
            asset.asset_id = asset.since = asset.fault = None


def check_graph(job: RasterJob) -> None:
    """Refuse assets that could never be made.

    Raises:
        ConflictError: One is made from what comes after it or is not there, or the source is not the first and only.
    """
    kinds = [asset.kind for asset in job.assets]
    if kinds[0] is not AssetKind.SOURCE or kinds.count(AssetKind.SOURCE) > 1:
        raise ConflictError(f"job {job.id}: its first asset, and no other, must be the source")
    known: set[str] = set()
    for asset in job.assets:
        missing = [name for name in asset.made_from if name not in known]
        if missing or asset.name in known:
            raise ConflictError(f"job {job.id}: asset {asset.name} stands twice, or before {', '.join(missing)}")
        known.add(asset.name)


def _start(job: RasterJob, ports: Ports) -> None:
    api = ports.data_api
    check_graph(job)
    if api.dataset(job.dataset) is None:
        once(
            f"{job.id}/dataset/{job.dataset}",
            ports,
            do=lambda: api.create_dataset(job.dataset, {}),
            find=lambda: None if api.dataset(job.dataset) is None else {},
        )
        advance(job, message=f"made dataset {job.dataset}")
        return
    refuse_existing(job, ports)
    advance(job, step="making", message=f"{len(job.assets)} assets to make")


def _make(job: RasterJob, ports: Ports) -> None:
    changed = look(job, ports)
    failed = [asset for asset in job.assets if asset.state is AssetState.FAILED]
    making = [asset for asset in job.assets if asset.state is AssetState.MAKING]
    ready = [] if failed else [asset for asset in job.assets if _is_ready(asset, job)]
    if failed and not making:
        raise JobFailedError("; ".join(f"{asset.name}: {asset.fault}" for asset in failed))
    if not making and not ready:
        advance(job, step="publishing", message="all assets are made", progress=_MADE)
        return
    for asset in ready:
        outcome = make(job, asset, ports)
        if outcome is not Made.NOT_YET:
            if outcome is Made.ASKED:
                asset.state = AssetState.MAKING
                asset.since = ports.clock.now()
            advance(job, message=f"{outcome.value} {asset.name}", progress=_share(job))
            return
    names = ", ".join(asset.name for asset in [*making, *ready])
    if changed:
        advance(job, message=f"making {names}", progress=_share(job))
    else:
        wait(job, ports.settings, message=f"making {names}", progress=_share(job))


def _is_ready(asset: RasterAsset, job: RasterJob) -> bool:
    """Whether an asset can be asked for: what it is made from is there. All are made from the source, or beside it."""
    if asset.state is not AssetState.WAITING:
        return False
    needed = {*asset.made_from} if asset is job.assets[0] else {*asset.made_from, job.assets[0].name}
    return all(one.state is AssetState.SAVED for one in job.assets if one.name in needed)


def _share(job: RasterJob) -> float:
    weights = {AssetState.MAKING: 1, AssetState.SAVED: 4}
    return _MADE * sum(weights.get(asset.state, 0) for asset in job.assets) / (4 * len(job.assets))


def _publish(job: RasterJob, ports: Ports) -> None:
    """Mark the version latest. All is there: a version without some of its assets must never be."""
    mark_latest(job.id, job.dataset, job.version, ports)
    advance(job, step="retiring", message=f"{job.dataset} {job.version} is latest", progress=_MADE)


def _retire(job: RasterJob, ports: Ports) -> None:
    if not job.retire:
        advance(job, step="notifying", message="nothing more to delete", progress=_MADE)
        return
    done = retire_one(job, job.retire[0], ports)
    if done is not None:
        job.notes.append(done)
        job.retire = job.retire[1:]
    advance(job, message=done or job.message)


def _notify(job: RasterJob, execution_id: str, ports: Ports) -> None:
    if job.notify:
        receiver, *job.notify = job.notify
        said = announce(receiver, job.dataset, job.version, ports, execution_id=execution_id, job_id=job.id)
        advance(job, message=said)
        return
    complete(job, ports.clock.now(), f"{job.dataset} {job.version} is published")
