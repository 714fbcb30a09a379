"""Rows on their way into the Data API: which tables have theirs, which it could not load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.jobs.documents import AnalysisJob, ResultState, ResultTable
from datapump.jobs.ticking import JobFailedError, advance, wait
from datapump.results import makes_versions

if TYPE_CHECKING:
    from datapump.ports import Ports

FIRST = 0.7
POISONED = " (the version takes no more rows now: delete it and run its analysis again)"


def share(job: AnalysisJob) -> float:
    """The share of the whole job that is done, 0 to 1, while its tables are published."""
    weight = {ResultState.LOADING: 1, ResultState.LOADED: 2, ResultState.LATEST: 2.5, ResultState.DONE: 3}
    done = sum(weight.get(result.state, 0) for result in job.results)
    return FIRST + (1 - FIRST) * done / (3 * len(job.results))


def effect_key(job: AnalysisJob, what: str, result: ResultTable) -> str:
    """The key of what is written of a table, its own for each try."""
    return f"{job.id}/{what}/{result.dataset}/{result.version}/{result.attempt}"


def look(job: AnalysisJob, loading: list[ResultTable], ports: Ports) -> None:
    """See which tables have their rows, and wait for the others.

    Raises:
        JobFailedError: Some could not be loaded, and there is nothing to tidy up first.
    """
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
    for number, fault in faults.items():
        loading[number].state = ResultState.REJECTED if makes_versions(job) else ResultState.FAILED
        loading[number].fault = fault
        loading[number].attempt += not makes_versions(job)
    if faults and not makes_versions(job):
        raise JobFailedError("; ".join(faults.values()))
    if faults:
        advance(job, message="; ".join(faults.values()))
        return
    names = ", ".join(result.dataset for result in loading if result.state is ResultState.LOADING)
    if changed:
        advance(job, message=f"loading {names}" if names else "all rows are loaded", progress=share(job))
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
    effect = ports.runs.get_effect(effect_key(job, "append", result))
    before = None if effect is None or effect.outcome is None else effect.outcome.get("asset_updated")
    return bool(asset["updated_on"] != before)
