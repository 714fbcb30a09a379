"""Tables of what lies in alert rasters: each config knows from which versions of the rasters its tables were made."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from datapump.jobs.documents import AnalysisJob
from datapump.names import numbers
from datapump.sources import Finding, News
from datapump.sources.configs import table_job

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from datapump.analyses import Analysis
    from datapump.ports import Ports
    from datapump.sync_configs import SyncConfig


class Kind(NamedTuple):
    """How the jobs of an analysis are made.

    Attributes:
        change_only: Whether only tables that change with new alerts are made.
        timeout_sec: How long a job may take.
    """

    analysis: Analysis
    change_only: bool
    timeout_sec: int


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


def _hindrance(config: SyncConfig, sync_version: str, rasters: Mapping[str, str], ports: Ports) -> str | None:
    """Why a config that is behind gets no job now; None if nothing is in its way."""
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


def nothing_published(configs: Sequence[SyncConfig], datasets: tuple[str, ...]) -> News:
    """What is found where no raster has a latest version."""
    has = "has" if len(datasets) == 1 else "have"
    reason = f"nothing to do: {', '.join(datasets)} {has} no latest version"
    return News([], [reason], [], {config.id: Finding(None, config.sync_version, reason) for config in configs})


def news_of(
    configs: Sequence[SyncConfig],
    behind: Collection[str],
    sync_version: str,
    rasters: Mapping[str, str],
    kind: Kind,
    ports: Ports,
) -> News:
    """A job for each config that is behind, unless something is in its way.

    Args:
        configs: The enabled configs.
        behind: Ids of those whose tables lack something.
        sync_version: The version to bring them to.
        rasters: The latest versions.
        kind: How their jobs are made.
        ports: The outside world.
    """
    jobs: list[AnalysisJob] = []
    errors: list[str] = []
    findings: dict[str, Finding] = {}
    told = " and ".join(f"{dataset} {version}" for dataset, version in rasters.items())
    for config in configs:
        decided = f"nothing to do: its tables have {told}"
        if config.id in behind:
            decided = _hindrance(config, sync_version, rasters, ports) or ""
        if not decided and kind.analysis not in ports.engine.analyses:
            decided = f"this deployment's engine cannot compute {kind.analysis}"
            errors.append(f"{config.dataset}: {decided}")
        if not decided:
            jobs.append(_job(config, sync_version, rasters, kind, ports))
            decided = f"a job for {sync_version}: its tables lack what is in {told}"
        findings[config.id] = _finding(config, rasters, decided)
    notes = [] if jobs else sorted({found.decided for found in findings.values()})
    return News(jobs, notes, errors, findings)


def _job(config: SyncConfig, sync_version: str, rasters: Mapping[str, str], kind: Kind, ports: Ports) -> AnalysisJob:
    job = table_job(config, ports.clock.new_id(), sync_version, kind.timeout_sec)
    job.change_only = kind.change_only
    job.sources = dict(rasters)
    return job


def _finding(config: SyncConfig, rasters: Mapping[str, str], decided: str) -> Finding:
    newest = max(rasters.items(), key=lambda item: numbers(item[1]), default=None)
    return Finding(None if newest is None else f"{newest[0]} {newest[1]}", config.sync_version, decided)
