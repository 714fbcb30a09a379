"""What is kept of a completed raster version: a sync config, with which its sync can be switched off and seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.analyses import SyncType
from datapump.freshness import record_published
from datapump.jobs.documents import JobStatus, RasterJob
from datapump.recipes import recipes
from datapump.sync_configs import RASTER, Freshness, SyncConfig, config_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from datapump.jobs.documents import JobBase
    from datapump.ports import Ports


def record_rasters(jobs: Iterable[JobBase], ports: Ports) -> None:
    """Write completed raster versions into their datasets' sync configs; the switch of an existing one stays.

    A dataset that no sync makes has none. Doing it twice changes nothing.

    Raises:
        StorageError: The store refused a write; it can be repeated.
    """
    for job in jobs:
        if isinstance(job, RasterJob) and job.status is JobStatus.COMPLETE:
            _record(job, ports)


def _record(job: RasterJob, ports: Ports) -> None:
    sync_type = job.sync_type or _sync_of(job.dataset, ports)
    if sync_type is None:
        return
    config = ports.sync_configs.put(
        SyncConfig(
            id=config_id(RASTER, "", job.dataset, "", sync_type),
            analysis=RASTER,
            analysis_version="",
            dataset=job.dataset,
            dataset_version="",
            sync_type=sync_type,
            sync_version=job.version,
        )
    )
    ports.sync_configs.move(config.id, job.version)
    if config.metadata.freshness is None:
        decided = f"{job.version} was made, the first that was recorded"
        found = Freshness(source_newest=job.version, published=job.version, decided=decided, at=ports.clock.now())
        ports.sync_configs.record_freshness(config.id, found)
    else:
        record_published(config.id, job.version, ports)


def _sync_of(dataset: str, ports: Ports) -> SyncType | None:
    recipe = recipes(ports.settings.recipes).get(dataset)
    return None if recipe is None else SyncType(recipe.sync)
