"""User areas: those that are pending are cut into a feature file, and analysed for every config.

Three things are remembered, so that no area's rows are lost or doubled, whatever fails:

- Beside each file lies a list of its areas. An area in a file is never cut again, or its alerts would count twice.
- Each config knows the files that its tables lack, and up to which alert they go for the other areas when the file was
  made (`areas_owed`). It is written before the file, and settled when the rows are published. Until then every sync
  takes the same job up again.
- An area is `pending` in the Areas API until every enabled config has its file. So a job that fails holds up the areas
  of its own file only, and one night later they are tried again.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from datapump.analyses import SyncType
from datapump.areas.extent import read_extent
from datapump.areas.files import area_list, feature_file, free_stem, known_areas, stems
from datapump.areas.intake import Intake, take_in
from datapump.areas.jobs import owed_of
from datapump.areas.owed import owe
from datapump.areas.owing import Owing, owing
from datapump.areas.slices import Slicer
from datapump.errors import NotFoundError
from datapump.jobs.area_statuses import areas_api
from datapump.jobs.documents import AnalysisJob, AreaStatusJob
from datapump.land import land_cells
from datapump.sources import Finding, News
from datapump.sources.configs import enabled, none_enabled
from datapump.stores.config_pages import every_config

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datapump.jobs.documents import AnyJob, Table
    from datapump.land import Cells
    from datapump.ports import Ports
    from datapump.sync_configs import SyncConfig

MOST_NOTES = 100
# Elsewhere the Areas API is production's: it is read, and nothing is said about its areas.
TELLING = frozenset({"production", "embedded"})


def news(sync_type: SyncType, sync_version: str, tables: Sequence[Table] | None, ports: Ports) -> News:
    """Cut the areas that are pending, and make a job for each config and file that it lacks.

    Raises:
        DatapumpError: The Areas API or the Data API did not answer well, or the extent cannot be read.
    """
    wanted = enabled(sync_type, tables, ports)
    if not wanted:
        return News([], [none_enabled(tables)], [])
    notes: list[str] = []
    if ports.settings.environment in TELLING:
        notes += _sync_subscriptions(ports)
    intake = _take_in(sync_version, ports, notes)
    jobs: list[AnyJob] = []
    errors: list[str] = []
    by_file = owing(sync_version, {config.id for config in wanted}, ports)
    jobs += [found.job for one in by_file.values() for found in one.values() if found.job is not None]
    notes += _hindrances(by_file, errors)
    if ports.settings.environment in TELLING:
        jobs += _status_jobs(intake, by_file, sync_version, notes, ports)
    if not jobs and not notes and not errors:
        notes.append("nothing to do: no areas are pending")
    return News(jobs, notes, errors, _findings(wanted, jobs))


def _sync_subscriptions(ports: Ports) -> list[str]:
    """Let the service make areas of changed subscriptions, where there are any."""
    api = areas_api(ports)
    yesterday = ports.clock.now().date() - timedelta(days=1)
    looked = api.sync_subscriptions(yesterday, dry_run=True)
    notes = [f"the file of areas {fault}" for fault in looked.unread]
    if looked.subscriptions != 0:
        found = api.sync_subscriptions(yesterday)
        notes.append(f"subscriptions synced: {found.created} areas made, {found.updated} changed")
    return notes


def _take_in(sync_version: str, ports: Ports, notes: list[str]) -> Intake:
    """Fetch and cut what is pending; what is new becomes a file, owed by every config."""
    api = areas_api(ports)
    areas = list(api.pending_areas())
    pending = [area.geostore for area in areas if area.geostore is not None]
    if len(pending) < len(areas):
        notes.append(f"{len(areas) - len(pending)} pending areas have no geometry of their own: they are left out")
    if not pending:
        return Intake()
    known = known_areas(ports)
    with TemporaryDirectory(prefix="datapump-areas-") as folder:
        path = Path(folder) / "areas.tsv"
        with path.open("w", encoding="ascii", newline="") as file:
            slicer = Slicer(_cells(ports), file)
            intake = take_in(pending, api, known, slicer)
        if slicer.sliced:
            stem = _put(path, sorted(slicer.sliced), sync_version, ports)
            intake.by_file[stem] = sorted(asked for ids in intake.fresh.values() for asked in ids)
            notes.append(f"{len(slicer.sliced)} new areas, {slicer.rows} slices: {feature_file(stem, ports)}")
    names = {area.geostore: area.name for area in areas if area.geostore is not None and area.name}
    notes += _told(intake, slicer.shrunk, names)
    return intake


def _cells(ports: Ports) -> Cells:
    name = f"s3://{ports.settings.pipeline_bucket}/geotrellis/features/extent_1x1.geojson"
    try:
        with ports.objects.local(name) as path:
            return read_extent(path, name)
    except NotFoundError:
        return land_cells()


def _put(path: Path, areas: list[str], sync_version: str, ports: Ports) -> str:
    """Store a file of new areas. What is noted of it comes first: from when it is there, others read it."""
    stem = free_stem(sync_version, stems(ports))
    # Also those that are switched off: they may be switched on again. All are read before the first is changed.
    for config in list(every_config(ports.sync_configs, sync_type=SyncType.RW_AREAS.value)):
        owe(config.id, {stem: owed_of(config, stem, sync_version, ports)}, ports)
    ports.objects.put(area_list(stem, ports), json.dumps({"geostores": areas}).encode())
    ports.objects.put(feature_file(stem, ports), path)
    return stem


def _hindrances(by_file: dict[str, dict[str, Owing]], errors: list[str]) -> list[str]:
    every = [one for by_config in by_file.values() for one in by_config.values() if one.reason]
    errors += dict.fromkeys(one.reason for one in every if one.error)
    return [one.reason for one in every if not one.error]


def _status_jobs(
    intake: Intake, by_file: dict[str, dict[str, Owing]], sync_version: str, notes: list[str], ports: Ports
) -> list[AreaStatusJob]:
    """A job for the areas of each file that are pending, and one for those that are rejected."""
    jobs = []
    if intake.rejected:
        reasons = {rejection.id: rejection.reason for rejection in intake.rejected}
        jobs.append(_status_job("error", "rejected", sorted(reasons), sync_version, ports, reasons=reasons))
    for stem, ids in sorted(intake.by_file.items()):
        analyses = [one.job for one in by_file.get(stem, {}).values()]
        if None in analyses:
            notes.append(f"{stem}: {len(ids)} areas stay pending until all analyses have it")
            continue
        job = _status_job("saved", stem, sorted(ids), sync_version, ports)
        job.waits_for = [analysis.id for analysis in analyses if analysis is not None]
        jobs.append(job)
    return jobs


def _status_job(
    becomes: Literal["saved", "error"],
    subject: str,
    ids: list[str],
    sync_version: str,
    ports: Ports,
    *,
    reasons: dict[str, str] | None = None,
) -> AreaStatusJob:
    """A job that gives areas a status; which ones is written beside it, for there may be very many."""
    job_id = ports.clock.new_id()
    name = area_list(f"{sync_version}/{job_id}", ports)
    document = {"geostores": ids, **({"reasons": reasons} if reasons else {})}
    ports.objects.put(name, json.dumps(document).encode())
    return AreaStatusJob(
        id=job_id,
        sync_type=SyncType.RW_AREAS,
        sync_version=sync_version,
        becomes=becomes,
        subject=subject,
        areas=name,
        count=len(ids),
    )


def _told(intake: Intake, shrunk: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """What is to be said of single areas, by the ids of their geometries and their names; of very many, the first."""

    def area(identity: str) -> str:
        return f"area {identity}" + (f" ({names[identity]})" if identity in names else "")

    told = [f"{area(one.id)} is rejected: {one.reason}" for one in intake.rejected]
    told += [f"{area(one.id)} stays pending: {one.reason}" for one in intake.unread]
    told += [f"{area(identity)} stays pending: it has no geometry in the Areas API" for identity in intake.missing]
    told += [
        f"{len(ids)} areas stay pending: they are in {stem}.tsv, which no sync has made, so that nobody knows which "
        "tables hold them; give them their status by hand"
        for stem, ids in sorted(intake.foreign.items())
    ]
    told += [f"{area(one)}: its outline crosses itself, making it valid took more than a hundredth" for one in shrunk]
    more = len(told) - MOST_NOTES
    return told if more <= 0 else [*told[:MOST_NOTES], f"and {more} more such areas"]


def _findings(wanted: list[SyncConfig], jobs: Sequence[AnyJob]) -> dict[str, Finding]:
    found = {}
    for config in wanted:
        files = [job.features[0] for job in jobs if isinstance(job, AnalysisJob) and job.sync_config == config.id]
        decided = f"a job for {' and '.join(files)}" if files else "nothing to do: its tables have all areas"
        found[config.id] = Finding(None, config.sync_version, decided)
    return found
