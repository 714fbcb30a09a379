"""What is done tonight about the files that the tables of sync configs lack: a job, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from datapump.analyses import Analysis, SyncType
from datapump.areas.files import stems
from datapump.areas.jobs import job_of
from datapump.areas.owed import owed_by, settle
from datapump.errors import DatapumpError
from datapump.executions import ENDED
from datapump.jobs.analysis import take_up
from datapump.jobs.documents import AnalysisJob, JobStatus
from datapump.sources.configs import enabled

if TYPE_CHECKING:
    from datapump.ports import Ports
    from datapump.sync_configs import AreasOwed, SyncConfig

# Rows of their areas are appended to the latest version, whichever analysis version made it.
TO_LATEST = frozenset({Analysis.GLAD.value, Analysis.INTEGRATED_ALERTS.value})


class Owing(NamedTuple):
    """What a config does about a file that its tables lack.

    Attributes:
        job: The job that brings it there; None if there is none tonight.
        reason: Why there is none.
        error: Whether that is a mistake that somebody has to mend.
    """

    job: AnalysisJob | None
    reason: str = ""
    error: bool = False


def owing(sync_version: str, wanted: set[str], ports: Ports) -> dict[str, dict[str, Owing]]:
    """By file, then by id of each enabled config whose tables lack it: what is done about that.

    Args:
        sync_version: Name of the sync version.
        wanted: The ids of the configs that this sync is for.
        ports: The outside world.

    Raises:
        DatapumpError: A remote system did not answer well, and may yet.
    """
    there = set(stems(ports))
    found: dict[str, dict[str, Owing]] = {}
    configs = enabled(SyncType.RW_AREAS, None, ports)
    for config in configs:
        doubling = _doubling(config, configs)
        for stem, owed in sorted(owed_by(config).items()):
            # A file that was noted and never stored, because the process died in between, is not there to be analysed.
            if stem in there:
                one = doubling or _bring(config, stem, owed, sync_version, wanted, ports)
                if one is not None:
                    found.setdefault(stem, {})[config.id] = one
    return found


def _doubling(config: SyncConfig, configs: list[SyncConfig]) -> Owing | None:
    """Why a config must not be followed: another one would append the same rows to the same, latest, version."""
    if config.analysis not in TO_LATEST:
        return None
    same = [one for one in configs if (one.dataset, one.analysis) == (config.dataset, config.analysis)]
    if len(same) == 1:
        return None
    versions = ", ".join(sorted(one.analysis_version for one in same))
    return Owing(
        None,
        f"{len(same)} sync configs of {config.dataset} {config.analysis} are on (of the analysis versions {versions}), "
        "and each would append the same rows to the latest version: switch all but one off; until then the areas stay "
        "pending",
        error=True,
    )


def _bring(
    config: SyncConfig, stem: str, owed: AreasOwed, sync_version: str, wanted: set[str], ports: Ports
) -> Owing | None:
    """What is done about a file that a config's tables lack; None if they hold it after all."""
    holder = ports.runs.newest_execution_of(owed.job_id)
    name = f"{config.dataset} {config.analysis} {config.analysis_version}"
    if holder is not None and ports.runs.get_execution(holder).status not in ENDED:
        return Owing(None, f"{stem}: left to execution {holder}, which analyses it for {name}")
    job = None if holder is None else ports.runs.get_job(holder, owed.job_id).job
    if job is not None and job.status is JobStatus.COMPLETE:
        settle(config.id, stem, ports)
        return None
    if config.id not in wanted:
        return Owing(None, f"{stem}: its areas stay pending, this sync is not for {name}")
    try:
        if isinstance(job, AnalysisJob):
            take_up(job, ports)
            return Owing(job, f"{stem}: taking up job {job.id} for {name}")
        return Owing(job_of(config, stem, owed, sync_version, ports))
    except DatapumpError as error:
        if error.retryable:
            raise
        # A config that cannot be followed must not hold up the others.
        return Owing(None, f"{stem}: its areas stay pending, {name}: {error.message}", error=True)
