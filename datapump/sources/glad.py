"""GLAD-L alerts: a new version of their raster calls for an analysis of each config whose tables lack it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from datapump.analyses import Analysis
from datapump.sources import Finding, News
from datapump.sources.alert_tables import finding, hindrance, is_behind, job_for, latest_versions
from datapump.sources.configs import enabled, none_enabled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.analyses import SyncType
    from datapump.jobs.documents import AnalysisJob, Table
    from datapump.ports import Ports

RASTER: Final = "umd_glad_landsat_alerts"
TIMEOUT_S: Final = 16 * 3600


def news(sync_type: SyncType, sync_version: str, tables: Sequence[Table] | None, ports: Ports) -> News:
    """A job for each config whose tables are older than the latest version of the alerts.

    Raises:
        DatapumpError: The Data API did not answer well.
    """
    configs = enabled(sync_type, tables, ports)
    if not configs:
        return News([], [none_enabled(tables)], [])
    rasters = latest_versions((RASTER,), ports)
    if not rasters:
        reason = f"nothing to do: {RASTER} has no latest version"
        return News([], [reason], [], {config.id: Finding(None, config.sync_version, reason) for config in configs})
    jobs: list[AnalysisJob] = []
    errors: list[str] = []
    findings: dict[str, Finding] = {}
    for config in configs:
        decided = f"nothing to do: its tables have {RASTER} {rasters[RASTER]}"
        if is_behind(config, rasters):
            decided = hindrance(config, sync_version, rasters, ports) or ""
        if not decided and Analysis.GLAD not in ports.engine.analyses:
            decided = "this deployment's engine cannot compute glad"
            errors.append(f"{config.dataset}: {decided}")
        if not decided:
            jobs.append(job_for(config, sync_version, rasters, change_only=True, timeout_sec=TIMEOUT_S, ports=ports))
            decided = f"a job: {RASTER} {rasters[RASTER]} is newer than what its tables have"
        findings[config.id] = finding(config, rasters, decided)
    notes = [] if jobs else sorted({found.decided for found in findings.values()})
    return News(jobs, notes, errors, findings)
