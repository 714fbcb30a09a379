"""Tables of what lies in alert rasters: each config knows from which versions of the rasters its tables were made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.analyses import Analysis, FeatureType
from datapump.jobs.documents import AnalysisJob, Table
from datapump.names import numbers
from datapump.sources import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datapump.ports import Ports
    from datapump.sync_configs import SyncConfig


def latest_versions(datasets: tuple[str, ...], ports: Ports) -> dict[str, str]:
    """The latest version of each of these datasets that has one.

    Raises:
        RemoteError: The Data API did not answer well.
    """
    found = {dataset: ports.data_api.latest(dataset) for dataset in datasets}
    return {dataset: version for dataset, version in found.items() if version is not None}


def is_behind(config: SyncConfig, rasters: Mapping[str, str]) -> bool:
    """Whether a config's tables lack what is in these versions of the rasters.

    A config that was synced before its sources were recorded is behind if its sync version is older than one of them.
    """
    if config.metadata.sources is not None:
        return any(config.metadata.sources.get(dataset) != version for dataset, version in rasters.items())
    brought_to = config.sync_version
    return brought_to is None or any(numbers(brought_to) < numbers(version) for version in rasters.values())


def hindrance(config: SyncConfig, sync_version: str, rasters: Mapping[str, str], ports: Ports) -> str | None:
    """Why a config that is behind gets no job now; None if it gets one."""
    run = ports.runs.config_runs(config.id).last
    held = None if run is None else ports.runs.open_job(run.job_id)
    if run is not None and held is not None:
        working = ports.runs.get_job(held, run.job_id).job
        if isinstance(working, AnalysisJob) and working.sources == rasters:
            return f"nothing to do: execution {held} is working on it"
        if isinstance(working, AnalysisJob) and working.sync_version == sync_version:
            return f"not today: execution {held} is making {sync_version} from older rasters; the next sync takes these"
    if config.sync_version is not None and numbers(config.sync_version) >= numbers(sync_version):
        return (
            f"not today: its tables have been brought to {config.sync_version} already, from older rasters; the next "
            "sync takes these, or one that gives a newer sync_version"
        )
    return None


def job_for(
    config: SyncConfig,
    sync_version: str,
    rasters: Mapping[str, str],
    *,
    change_only: bool,
    timeout_sec: int,
    ports: Ports,
) -> AnalysisJob:
    """The job that brings a config's tables to these versions of the rasters."""
    return AnalysisJob(
        id=ports.clock.new_id(),
        table=Table(dataset=config.dataset, version=config.dataset_version, analysis=Analysis(config.analysis)),
        analysis_version=config.analysis_version,
        geotrellis_version=config.metadata.geotrellis_version,
        feature_type=FeatureType.of_dataset(config.dataset),
        features=[config.metadata.features_1x1],
        sync_type=config.sync_type,
        sync_version=sync_version,
        sync_config=config.id,
        change_only=change_only,
        sources=dict(rasters),
        version_overrides=dict(config.metadata.version_overrides),
        timeout_sec=timeout_sec,
    )


def finding(config: SyncConfig, rasters: Mapping[str, str], decided: str) -> Finding:
    """What is found for a config: the newest of the rasters, and what its tables were brought to."""
    newest = max(rasters.items(), key=lambda item: numbers(item[1]), default=None)
    return Finding(None if newest is None else f"{newest[0]} {newest[1]}", config.sync_version, decided)
