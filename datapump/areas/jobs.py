"""The analyses of user areas: what of a file goes to the tables of a sync config, and the job that brings it there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.alerts import FIRE_TYPES, NEAR_REAL_TIME, alert_files, last_alert, near_real_time
from datapump.analyses import Analysis
from datapump.areas.files import feature_file
from datapump.errors import NotFoundError, UnsupportedError
from datapump.jobs.documents import AnalysisJob
from datapump.jobs.result_versions import fix_targets
from datapump.sources.configs import table_job
from datapump.sources.fire_time import FireTime
from datapump.sync_configs import AreasOwed, config_id

if TYPE_CHECKING:
    from datapump.ports import Ports
    from datapump.sync_configs import SyncConfig

HOUR = 3600
FIRE_TIMEOUT_S = 12 * HOUR
TIMEOUT_S = 16 * HOUR


def owed_of(config: SyncConfig, stem: str, sync_version: str, ports: Ports) -> AreasOwed:
    """What of a new file goes to a config's tables, as they are now.

    Raises:
        RemoteError: The Data API did not answer well.
    """
    owed = AreasOwed(job_id=ports.clock.new_id(), alerts_until=_alerts_until(config, ports))
    job = _job(config, stem, owed, sync_version, ports)
    # Why there is none to append to is for the job to tell: it may be mended until it begins.
    fix_targets(job, ports)
    owed.append_to = dict(job.append_to)
    return owed


def job_of(config: SyncConfig, stem: str, owed: AreasOwed, sync_version: str, ports: Ports) -> AnalysisJob:
    """The job that appends a file to a config's tables.

    Raises:
        UnsupportedError: The engine cannot compute it, or the alerts have no known place.
        NotFoundError: There are no alerts to analyse.
    """
    if config.analysis not in ports.engine.analyses:
        raise UnsupportedError(f"this deployment's engine cannot compute {config.analysis}")
    job = _job(config, stem, owed, sync_version, ports)
    job.alert_sources = [
        uri for uri in alert_files(job.table, ports) if NEAR_REAL_TIME not in uri or _within(uri, owed.alerts_until)
    ]
    if job.table.analysis in FIRE_TYPES and not job.alert_sources:
        raise NotFoundError(f"there are no alerts until {owed.alerts_until} to analyse")
    return job


def _job(config: SyncConfig, stem: str, owed: AreasOwed, sync_version: str, ports: Ports) -> AnalysisJob:
    timeout_s = FIRE_TIMEOUT_S if Analysis(config.analysis) in FIRE_TYPES else TIMEOUT_S
    job = table_job(config, owed.job_id, sync_version, timeout_s, feature_file(stem, ports))
    job.append_to = dict(owed.append_to)
    return job


def _within(uri: str, until: str | None) -> bool:
    return until is not None and last_alert(uri) <= FireTime.parse(until)


def _alerts_until(config: SyncConfig, ports: Ports) -> str | None:
    """Up to which alert the tables of all other areas go; None for what is not of fires.

    The next sync of fires begins after it, for the new areas as for the others. What a failed job of that sync has
    still to append was computed without the new areas: they get those alerts, too.
    """
    fire_type = FIRE_TYPES.get(Analysis(config.analysis))
    if fire_type is None:
        return None
    saved = near_real_time(fire_type, ports)
    newest = str(last_alert(saved[-1])) if saved else None
    key = config_id(config.analysis, config.analysis_version, config.dataset, config.dataset_version, config.analysis)
    try:
        fires = ports.sync_configs.get(key)
    except NotFoundError:
        return newest
    if fires.metadata.alerts_until is None and newest is not None:
        # As the sync of fires itself takes it: its tables hold what was saved before the first sync.
        fires = ports.sync_configs.patch(key, {"metadata": {"alerts_until": newest}})
    times = [fires.metadata.alerts_until, _unfinished_until(fires, ports)]
    return max((time for time in times if time is not None), default=None)


def _unfinished_until(fires: SyncConfig, ports: Ports) -> str | None:
    place = fires.metadata.unfinished
    if place is None:
        return None
    job = ports.runs.get_job(place.execution_id, place.job_id).job
    return job.alerts_until if isinstance(job, AnalysisJob) else None
