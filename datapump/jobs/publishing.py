"""Publishing an analysis's tables in the Data API: each is made or appended to, awaited, and finished.

What the Data API is known for is met here: an append leaves the version `saved` while its rows still load, so the asset
is awaited; a version that failed once stays failed; a version that exists may hold other data than ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datapump.effects import Outcome, UnsettledError, once
from datapump.errors import RemoteInvalidError
from datapump.jobs.documents import AnalysisJob, ResultState, ResultTable
from datapump.jobs.loading import effect_key, look, share
from datapump.jobs.result_versions import discard, make_latest, overtaken, retire_one
from datapump.jobs.ticking import JobFailedError, advance, complete
from datapump.results import appends, creation_options, dataset_name, expected_tables, makes_versions, version_name

if TYPE_CHECKING:
    from datapump.ports import Ports

HEADER_BYTES = 65536


def tick(job: AnalysisJob, ports: Ports) -> None:
    """Move the publication on by at most one remote write.

    Raises:
        JobFailedError: A table cannot be published.
    """
    if any(result.state is ResultState.REJECTED for result in job.results):
        _discard_one(job, ports)
        return
    for result in job.results:
        if result.state in {ResultState.WAITING, ResultState.FAILED}:
            _write(job, result, ports)
            advance(job, message=f"{result.action} {result}", progress=share(job))
            return
    loading = [result for result in job.results if result.state is ResultState.LOADING]
    if loading:
        look(job, loading, ports)
        return
    # Every table has its new version before the first old one goes.
    for state in (ResultState.LOADED, ResultState.LATEST):
        for result in job.results:
            if result.state is state:
                _finish(job, result, ports)
                return
    complete(job, ports.clock.now(), f"{len(job.results)} tables published")


def published_already(job: AnalysisJob, ports: Ports) -> str | None:
    """Why the job's tables cannot be made: one of them exists. None if none does, or if the job appends."""
    if appends(job):
        return None
    for level, table in expected_tables(job.table.analysis, job.feature_type, change_only=job.change_only):
        dataset = dataset_name(job.table.dataset, job.table.analysis, job.feature_type, level, table)
        version = version_name(job, table)
        if ports.data_api.version(dataset, version) is not None:
            other = "sync_version" if makes_versions(job) else "analysis_version"
            return (
                f"the table {job.table} is published already: {dataset} has a version {version}; "
                f"choose another {other}, or delete that version first"
            )
    return None


def _write(job: AnalysisJob, result: ResultTable, ports: Ports) -> None:
    if result.action == "append":
        _append(job, result, ports)
    elif ports.data_api.dataset(result.dataset) is None:
        _create_dataset(job, result, ports)
    else:
        _create_version(job, result, ports)


def _create_dataset(job: AnalysisJob, result: ResultTable, ports: Ports) -> None:
    api = ports.data_api
    title = f"{job.table.analysis} of {job.table.dataset}: {result.level} {result.table}"
    once(
        f"{job.id}/dataset/{result.dataset}",
        ports,
        do=lambda: api.create_dataset(result.dataset, {"title": title}),
        find=lambda: None if api.dataset(result.dataset) is None else {},
    )


def _create_version(job: AnalysisJob, result: ResultTable, ports: Ports) -> None:
    api = ports.data_api
    key = effect_key(job, "version", result)
    if ports.runs.get_effect(key) is None:
        existing = api.version(result.dataset, result.version)
        if existing is not None:
            _clear_own_failure(job, result, existing, ports)
            return
    columns = header(result, ports)
    now = ports.clock.now()
    options = creation_options(job, result.level, result.table, columns, result.uris, now.date())
    once(
        key,
        ports,
        do=lambda: api.create_version(result.dataset, result.version, options),
        find=lambda: _made_from(result, ports),
    )
    result.state = ResultState.LOADING


def _clear_own_failure(job: AnalysisJob, result: ResultTable, existing: dict[str, Any], ports: Ports) -> None:
    """Remove the failed version that an earlier try of this very job left; refuse to touch any other."""
    ours = any(
        (effect := ports.runs.get_effect(effect_key(job, "version", result.model_copy(update={"attempt": attempt}))))
        is not None
        and effect.done
        for attempt in range(result.attempt)
    )
    if existing["status"] != "failed" or not ours:
        raise JobFailedError(
            f"{result} exists already ({existing['status']}) and was not made by this job: "
            "choose another version, or delete that one first"
        )
    api = ports.data_api
    once(
        effect_key(job, "delete", result),
        ports,
        do=lambda: api.delete_version(result.dataset, result.version),
        find=lambda: {} if api.version(result.dataset, result.version) is None else None,
    )


def _made_from(result: ResultTable, ports: Ports) -> Outcome | None:
    api = ports.data_api
    existing = api.version(result.dataset, result.version)
    if existing is None:
        return None
    sources = api.sources(result.dataset, result.version)
    if sources is None and existing["status"] == "pending":
        # The default asset, which tells the sources, comes a moment after the version.
        raise UnsettledError(str(result))
    if sources != result.uris:
        raise JobFailedError(
            f"{result} exists already with other data: choose another version, or delete that one first"
        )
    return {}


def _append(job: AnalysisJob, result: ResultTable, ports: Ports) -> None:
    api = ports.data_api
    key = effect_key(job, "append", result)
    if ports.runs.get_effect(key) is None:
        later = overtaken(job, result, ports)
        if later is not None:
            job.notes.append(f"{result.dataset} {later} became latest meanwhile: it was made from all areas")
            result.state = ResultState.DONE
            return
        _check_appendable(result, ports)

    def do() -> Outcome:
        asset = api.table_asset(result.dataset, result.version)
        api.append(result.dataset, result.version, result.uris)
        return {"asset_updated": None if asset is None else asset["updated_on"]}

    once(key, ports, do=do, find=lambda: _appended(result, ports))
    result.state = ResultState.LOADING


def _check_appendable(result: ResultTable, ports: Ports) -> None:
    version = ports.data_api.version(result.dataset, result.version)
    if version is None:
        raise JobFailedError(f"{result} does not exist: run the analysis that makes it, then sync again")
    asset = ports.data_api.table_asset(result.dataset, result.version)
    status = version["status"] if asset is None else asset["status"]
    if version["status"] == "failed" or status == "failed":
        raise JobFailedError(f"{result} has failed before and takes no more rows: delete it and run its analysis again")
    if version["status"] == "pending" or status == "pending":
        raise UnsettledError(str(result), f"waiting until {result} has loaded what others wrote to it")


def _appended(result: ResultTable, ports: Ports) -> Outcome | None:
    sources = ports.data_api.sources(result.dataset, result.version) or []
    return {} if set(result.uris) <= set(sources) else None


def _discard_one(job: AnalysisJob, ports: Ports) -> None:
    """Delete a version that could not be loaded; when none is left, the job has failed.

    Raises:
        JobFailedError: With the faults of all of them.
    """
    first, *others = [result for result in job.results if result.state is ResultState.REJECTED]
    discard(job, first, ports)
    first.state = ResultState.FAILED
    first.attempt += 1
    if others:
        advance(job)
        return
    faults = [result.fault for result in job.results if result.state is ResultState.FAILED and result.fault]
    raise JobFailedError("; ".join(faults))


def _finish(job: AnalysisJob, result: ResultTable, ports: Ports) -> None:
    """Take the next step after a table's rows are loaded: what is written of it, what becomes latest, what goes."""
    if result.state is ResultState.LOADED and makes_versions(job):
        make_latest(job, result, ports)
        result.state = ResultState.LATEST if result.retire else ResultState.DONE
        message = f"{result} is latest"
    elif result.state is ResultState.LOADED:
        _write_content_date(job, result, ports)
        result.state = ResultState.DONE
        message = None
    else:
        message = f"{result.dataset} {result.retire[0]} is deleted"
        retire_one(job, result, ports)
        result.state = ResultState.LATEST if result.retire else ResultState.DONE
    advance(job, message=message, progress=share(job))


def _write_content_date(job: AnalysisJob, result: ResultTable, ports: Ports) -> None:
    """Write the last day of the content into the version's metadata."""
    if job.content_end_date is None:
        return
    end = job.content_end_date.isoformat()
    api = ports.data_api

    def find() -> Outcome | None:
        version = api.version(result.dataset, result.version)
        known = ((version or {}).get("metadata") or {}).get("content_date_range") or {}
        return {} if known.get("end_date") == end else None

    change = {"metadata": {"content_date_range": {"end_date": end}}}
    once(
        effect_key(job, "content", result),
        ports,
        do=lambda: api.update_version(result.dataset, result.version, change),
        find=find,
    )


def header(result: ResultTable, ports: Ports) -> list[str]:
    """The column names in the first line of a result's first file."""
    line = ports.objects.head(result.uris[0], HEADER_BYTES).split(b"\n", 1)
    if len(line) == 1 and not line[0].strip():
        raise RemoteInvalidError(f"{result.uris[0]} is empty: the engine must at least write the column names")
    return line[0].decode().rstrip("\r").split("\t")
