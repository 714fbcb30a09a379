"""Fires: what is new in the FIRMS feed becomes a file of the data lake, and a job for each config that lacks it.

Which alerts a config's tables hold is kept with the config. So a night whose job failed is made up for by the next one,
and a file that is in the tables is never appended again.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from datapump.alerts import FIRE_TYPES, first_alert, last_alert, last_time, later, near_real_time
from datapump.analyses import Analysis
from datapump.errors import DatapumpError, InternalError, StorageError
from datapump.jobs.documents import AnalysisJob, Table
from datapump.jobs.ticking import reopen
from datapump.sources import Finding, News
from datapump.sources.archives import ArchiveLimits
from datapump.sources.configs import enabled, none_enabled, table_job
from datapump.sources.download import fetch
from datapump.sources.download_limits import DownloadLimits
from datapump.sources.fire_files import FireType, near_real_time_folder, near_real_time_name
from datapump.sources.fire_time import FireTime
from datapump.sources.firms import convert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from datapump.analyses import SyncType
    from datapump.ports import Ports
    from datapump.sources.firms import FiresSummary
    from datapump.sync_configs import SyncConfig

TIMEOUT_S = 12 * 3600
BEFORE_ALL = FireTime.parse("1970-01-01 0000")


def news(sync_type: SyncType, sync_version: str, tables: Sequence[Table] | None, ports: Ports) -> News:
    """Save what is newer in the feed than what is saved, and make a job for each config whose tables lack a file.

    Raises:
        DatapumpError: The feed cannot be read.
    """
    configs = enabled(sync_type, tables, ports)
    if not configs:
        return News([], [none_enabled(tables)], [])
    fire_type = FIRE_TYPES[Analysis(sync_type.value)]
    saved = near_real_time(fire_type, ports)
    configs = [with_start(config, saved, ports) for config in configs]
    notes: list[str] = []
    errors: list[str] = []
    try:
        notes = save_newer(fire_type, saved, ports)
    except DatapumpError as error:
        if error.retryable:
            raise
        # What earlier nights have saved can still be made up for, whatever the feed says tonight.
        errors.append(error.message)
    saved = near_real_time(fire_type, ports)
    jobs: list[AnalysisJob] = []
    findings: dict[str, Finding] = {}
    for config in configs:
        try:
            found = _jobs(config, saved, sync_version, ports)
        except DatapumpError as error:
            if error.retryable:
                raise
            # A config that cannot be followed must not hold up the others.
            errors.append(f"{config.dataset}: {error.message}")
            findings[config.id] = _finding(config, saved, error.message)
            continue
        jobs += found
        findings[config.id] = _finding(config, saved, _decided(found, errors, notes))
        if found and config.metadata.unfinished is not None and found[0].id == config.metadata.unfinished.job_id:
            notes.append(f"{config.dataset}: taking up job {found[0].id}, which failed while it appended")
    return News(jobs, notes, errors, findings)


def _finding(config: SyncConfig, saved: Sequence[str], decided: str) -> Finding:
    newest = str(last_alert(saved[-1])) if saved else None
    published = config.metadata.alerts_until
    return Finding(newest, None if published == str(BEFORE_ALL) else published, decided)


def _decided(jobs: Sequence[AnalysisJob], errors: Sequence[str], notes: Sequence[str]) -> str:
    """What is done about a config's news, and why."""
    if jobs:
        what = "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"
        return f"{what} for the alerts until {max(job.alerts_until or '' for job in jobs)}"
    why = [*errors, *notes]
    return "nothing to do: its tables have all that is saved" + (f" ({'; '.join(why)})" if why else "")


def _jobs(config: SyncConfig, saved: Sequence[str], sync_version: str, ports: Ports) -> list[AnalysisJob]:
    """The job that is to be taken up again, if there is one, and a job for the files that no job has."""
    unfinished = _unfinished(config, ports)
    lacking = _lacking(config, saved, unfinished)
    jobs = [] if unfinished is None else [unfinished]
    return [*jobs, _job(config, sync_version, lacking, ports)] if lacking else jobs


def save_newer(fire_type: FireType, saved: Sequence[str], ports: Ports) -> list[str]:
    """Write the feed's rows that are later than every saved one to a file of the data lake.

    Returns:
        What the caller should know: that nothing is newer and why, a gap, skipped rows.

    Raises:
        DatapumpError: The feed cannot be read, or the file not be written.
    """
    settings = ports.settings
    source = settings.viirs_url if fire_type is FireType.VIIRS else settings.modis_url
    limits = DownloadLimits(max_bytes=settings.download_max_bytes, max_seconds=settings.download_timeout_s)
    with _work_folder(settings.data_dir / f"feed-{fire_type}") as folder:
        feed = fetch(source, folder, limits=limits, hosts=settings.feed_hosts)
        out = folder / "newer.tsv"
        after = last_alert(saved[-1]) if saved else None
        nights = [first_alert(uri) for uri in saved]
        summary = convert(
            feed, fire_type, after=after, until=_tomorrow(ports), out=out, limits=ArchiveLimits(), nights=nights
        )
        notes = [text for text in (summary.reason, summary.gap, _late(summary, saved, ports)) if text]
        skipped = {reason: count for reason, count in summary.skipped.items() if reason != "not newer"}
        if skipped:
            notes.append("rows skipped: " + ", ".join(f"{count} {reason}" for reason, count in skipped.items()))
        if summary.rows:
            if summary.first is None or summary.last is None:
                raise InternalError("rows were written without a first and last time")
            target = near_real_time_folder(fire_type, settings.data_lake_bucket)
            ports.objects.put(target + near_real_time_name(summary.first, summary.last), out)
            notes.append(f"{summary.rows} new fires, {summary.first} to {summary.last} UTC")
    return notes


def _late(summary: FiresSummary, saved: Sequence[str], ports: Ports) -> str | None:
    """What is said of fires that came, or were corrected, after their night was saved; None: there are none."""
    begin = summary.counted_from
    if begin is None:
        return None
    kept = sum(_rows_of(uri, ports) for uri in saved if first_alert(uri) >= begin)
    if summary.older <= kept:
        return None
    return (
        f"{summary.older - kept} fires from {begin} to {last_alert(saved[-1])} came after their night was saved: they "
        "are in no table; fill them in from the FIRMS archive"
    )


def _rows_of(uri: str, ports: Ports) -> int:
    """How many fires a file of the data lake holds."""
    with ports.objects.local(uri) as path, path.open("rb") as file:
        return max(sum(1 for _ in file) - 1, 0)


@contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """A folder that begins empty, whatever a killed process left there: the lease on the feed keeps others out."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise StorageError(f"there is no room to fetch a feed: {folder}: {error.strerror}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tomorrow(ports: Ports) -> FireTime:
    """No fire is seen later: a row with a broken date must not pass for the last one, and hide the nights to come."""
    return FireTime.parse(f"{ports.clock.now() + timedelta(days=1):%Y-%m-%d %H%M}")


def with_start(config: SyncConfig, saved: Sequence[str], ports: Ports) -> SyncConfig:
    """A config that does not know yet what its tables hold: they hold what was saved before this sync."""
    if config.metadata.alerts_until is not None:
        return config
    start = str(last_alert(saved[-1]) if saved else BEFORE_ALL)
    return ports.sync_configs.patch(config.id, {"metadata": {"alerts_until": start}})


def _unfinished(config: SyncConfig, ports: Ports) -> AnalysisJob | None:
    """The job that failed after it had begun to append, ready to go on: only it knows what is appended already."""
    place = config.metadata.unfinished
    if place is None or ports.runs.open_job(place.job_id) is not None:
        return None
    job = ports.runs.get_job(place.execution_id, place.job_id).job
    if not isinstance(job, AnalysisJob):
        raise InternalError(f"job {place.job_id} of sync config {config.id} is no analysis")
    reopen(job)
    return job


def _lacking(config: SyncConfig, saved: Sequence[str], unfinished: AnalysisJob | None) -> list[str]:
    known = [config.metadata.alerts_until, None if unfinished is None else unfinished.alerts_until]
    return later(saved, max((FireTime.parse(text) for text in known if text is not None), default=BEFORE_ALL))


def _job(config: SyncConfig, sync_version: str, files: list[str], ports: Ports) -> AnalysisJob:
    job = table_job(config, ports.clock.new_id(), sync_version, TIMEOUT_S)
    job.change_only = True
    job.alert_sources = files
    job.alerts_until = last_time(files)
    job.content_end_date = last_alert(files[-1]).day
    return job
