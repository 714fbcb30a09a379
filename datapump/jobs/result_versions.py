"""The versions of result tables that a sync makes night by night: the newest becomes latest, the oldest are deleted.

A version is deleted only if it is named after a day, saved, made by an analysis of this pipeline, neither latest nor
named by an override, and not among the newest. Whatever else is there is somebody's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.effects import once
from datapump.errors import RemoteRefusedError
from datapump.jobs.latest import mark_latest
from datapump.names import day_of
from datapump.results import dataset_name as name_of
from datapump.results import expected_tables, follows_latest, version_name

if TYPE_CHECKING:
    from datapump.jobs.documents import AnalysisJob, ResultTable
    from datapump.ports import Ports


def make_latest(job: AnalysisJob, result: ResultTable, ports: Ports) -> None:
    """Mark a loaded version latest, and note what it makes superfluous.

    Raises:
        JobFailedError: It is gone, or not whole any more.
    """
    mark_latest(job.id, result.dataset, result.version, ports)
    result.retire = _superfluous(job, result, ports)


def _superfluous(job: AnalysisJob, result: ResultTable, ports: Ports) -> list[str]:
    """The versions of a result dataset beyond the newest, oldest first."""
    dataset = ports.data_api.dataset(result.dataset) or {}
    named = sorted(str(name) for name in dataset.get("versions") or [] if day_of(str(name)) is not None)
    ours = [name for name in named if name == result.version or _deletable(job, result.dataset, name, ports)]
    return [name for name in ours[: -job.max_versions] if name != result.version]


def _deletable(job: AnalysisJob, dataset: str, version: str, ports: Ports) -> bool:
    if version in job.version_overrides.values():
        return False
    known = ports.data_api.version(dataset, version)
    if known is None or known["status"] != "saved" or known["is_latest"]:
        return False
    sources = ports.data_api.sources(dataset, version)
    folder = f"s3://{ports.settings.pipeline_bucket}/geotrellis/results/"
    return bool(sources) and all(uri.startswith(folder) for uri in sources or [])


def retire_one(job: AnalysisJob, result: ResultTable, ports: Ports) -> None:
    """Delete the next version that is superfluous, if it is still to be deleted.

    One that the Data API refuses to delete is told of and left: the new version is published all the same.
    """
    version, *result.retire = result.retire
    key = f"{job.id}/retire/{result.dataset}/{version}"
    if ports.runs.get_effect(key) is None and not _deletable(job, result.dataset, version, ports):
        return
    try:
        _delete(key, result.dataset, version, ports)
    except RemoteRefusedError as error:
        job.notes.append(f"{result.dataset} {version} was to be deleted, and is still there: {error.message}")


def discard(job: AnalysisJob, result: ResultTable, ports: Ports) -> None:
    """Delete the version that this job made and the Data API could not load."""
    key = f"{job.id}/discard/{result.dataset}/{result.version}/{result.attempt}"
    try:
        _delete(key, result.dataset, result.version, ports)
    except RemoteRefusedError as error:
        result.fault = f"{result.fault}; it could not be deleted: {error.message}"


def _delete(key: str, dataset: str, version: str, ports: Ports) -> None:
    api = ports.data_api
    if ports.runs.get_effect(key) is None and api.version(dataset, version) is None:
        return
    once(
        key,
        ports,
        do=lambda: api.delete_version(dataset, version),
        find=lambda: {} if api.version(dataset, version) is None else None,
    )


def fix_targets(job: AnalysisJob, ports: Ports) -> str | None:
    """Note which version is latest of each table that new user areas are to be appended to, once for the whole job.

    Returns:
        Why they cannot be appended; None if they can.
    """
    if not follows_latest(job) or job.append_to:
        return None
    found = {}
    for level, table in expected_tables(job.table.analysis, job.feature_type, change_only=job.change_only):
        if table in job.version_overrides:
            continue
        dataset = name_of(job.table.dataset, job.table.analysis, job.feature_type, level, table)
        latest = ports.data_api.latest(dataset)
        if latest is None:
            return f"{dataset} has no latest version to append to: mark one latest (set_latest), then sync again"
        found[dataset] = latest
    job.append_to = found
    return None


def overtaken(job: AnalysisJob, result: ResultTable, ports: Ports) -> str | None:
    """Which later version has become latest since the job began, so that it holds the new user areas already."""
    if job.append_to.get(result.dataset) != result.version or version_name(job, result.table) != result.version:
        return None
    api = ports.data_api
    latest = api.latest(result.dataset)
    if latest is None or latest == result.version:
        return None
    ours, theirs = (api.version(result.dataset, version) for version in (result.version, latest))
    later = theirs is not None and (ours is None or str(theirs["created_on"]) > str(ours["created_on"]))
    return latest if later else None
