"""Publishing an analysis's tables in the Data API: each is made or appended to, awaited, and finished.

What the Data API is known for is met here: an append leaves the version `saved` while its rows still load, so the asset
is awaited; a version that failed once stays failed; a version that exists may hold other data than ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datapump.effects import Outcome, UnsettledError, once
from datapump.errors import RemoteInvalidError
from datapump.jobs.documents import AnalysisJob, ResultState, ResultTable
from datapump.jobs.ticking import JobFailedError, advance, complete, wait
from datapump.results import appends, creation_options, dataset_name, expected_tables, version_name

if TYPE_CHECKING:
    from datapump.ports import Ports

FIRST = 0.7
HEADER_BYTES = 65536
POISONED = " (the version takes no more rows now: delete it and run its analysis again)"


def tick(job: AnalysisJob, ports: Ports) -> None:
    """Move the publication on by at most one remote write.

    Raises:
        JobFailedError: A table cannot be published.
    """
    for result in job.results:
        if result.state in {ResultState.WAITING, ResultState.FAILED}:
            _write(job, result, ports)
            advance(job, message=f"{result.action} {result}", progress=_share(job))
            return
    loading = [result for result in job.results if result.state is ResultState.LOADING]
    if loading:
        _look(job, loading, ports)
        return
    for result in job.results:
        if result.state is ResultState.LOADED:
            _finish(job, result, ports)
            result.state = ResultState.DONE
            advance(job, progress=_share(job))
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
            return (
                f"the table {job.table} is published already: {dataset} has a version {version}; "
                "choose another analysis_version, or delete that version first"
            )
    return None


def _share(job: AnalysisJob) -> float:
    weight = {ResultState.LOADING: 1, ResultState.LOADED: 2, ResultState.DONE: 3}
    done = sum(weight.get(result.state, 0) for result in job.results)
    return FIRST + (1 - FIRST) * done / (3 * len(job.results))


def _key(job: AnalysisJob, what: str, result: ResultTable) -> str:
    return f"{job.id}/{what}/{result.dataset}/{result.version}/{result.attempt}"


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
    key = _key(job, "version", result)
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
        (effect := ports.runs.get_effect(_key(job, "version", result.model_copy(update={"attempt": attempt}))))
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
        _key(job, "delete", result),
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
    key = _key(job, "append", result)
    if ports.runs.get_effect(key) is None:
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
        raise UnsettledError(str(result))


def _appended(result: ResultTable, ports: Ports) -> Outcome | None:
    sources = ports.data_api.sources(result.dataset, result.version) or []
    return {} if set(result.uris) <= set(sources) else None


def _look(job: AnalysisJob, loading: list[ResultTable], ports: Ports) -> None:
    faults = {}
    changed = False
    for number, result in enumerate(loading):
        try:
            if _loaded(job, result, ports):
                result.state = ResultState.LOADED
                changed = True
        except JobFailedError as error:
            faults[number] = error.message
    # Only when all have been looked at: an answer that stays out must not leave a failure unreported.
    for number in faults:
        loading[number].state = ResultState.FAILED
        loading[number].attempt += 1
    if faults:
        raise JobFailedError("; ".join(faults.values()))
    names = ", ".join(result.dataset for result in loading if result.state is ResultState.LOADING)
    if changed:
        advance(job, message=f"loading {names}" if names else "all rows are loaded", progress=_share(job))
    else:
        wait(job, ports.settings, message=f"loading {names}")


def _loaded(job: AnalysisJob, result: ResultTable, ports: Ports) -> bool:
    version = ports.data_api.version(result.dataset, result.version)
    asset = None if version is None else ports.data_api.table_asset(result.dataset, result.version)
    if version is None:
        raise JobFailedError(f"{result} was deleted by somebody while its rows were loaded")
    if "failed" in {version["status"], None if asset is None else asset["status"]}:
        raise JobFailedError(
            f"the Data API failed to load {result} from {', '.join(result.uris)}: {ports.data_api.reason(asset)}"
            + (" (continuing this job makes the version anew)" if result.action == "create" else POISONED)
        )
    if asset is None or asset["status"] != "saved" or version["status"] != "saved":
        return False
    if result.action == "create":
        return True
    effect = ports.runs.get_effect(_key(job, "append", result))
    before = None if effect is None or effect.outcome is None else effect.outcome.get("asset_updated")
    return bool(asset["updated_on"] != before)


def _finish(job: AnalysisJob, result: ResultTable, ports: Ports) -> None:
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
        _key(job, "content", result),
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
