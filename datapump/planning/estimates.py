"""How long a job would take and what it would cost: from past runs of its kind, else from a dated price table."""

from __future__ import annotations

from itertools import islice
from statistics import median
from typing import TYPE_CHECKING

from datapump.executions import ExecutionStatus
from datapump.jobs.documents import AnalysisJob, JobStatus
from datapump.planning.plans import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from datapump.engines import Cluster, Outlook
    from datapump.jobs.documents import AnyJob
    from datapump.ports import Ports
    from datapump.settings import Settings

LOOKED_AT = 20
ENOUGH = 5
HOUR_S = 3600


def estimate_job(job: AnyJob, outlook: Outlook | None, ports: Ports) -> Estimate:
    """How long one job would take, and what its machines would cost."""
    past = list(islice(_durations(job, outlook, ports), ENOUGH))
    cluster = None if outlook is None else outlook.cluster
    if past:
        duration = round(median(past), 1)
        basis = f"the median of {len(past)} past runs" if len(past) > 1 else "one past run"
    elif cluster is not None and isinstance(job, AnalysisJob):
        duration = ports.settings.expected_hours.get(job.table.analysis, 1.0) * HOUR_S
        basis = "no past run: the hours that the settings expect"
    elif outlook is not None and outlook.duration_s is not None:
        duration = round(outlook.duration_s, 1)
        basis = "no past run: told from the input, without publishing"
    else:
        return Estimate(cost_usd=0.0 if cluster is None else None, basis="there is no past run of this kind")
    if cluster is None:
        return Estimate(duration_s=duration, cost_usd=0.0, basis=basis)
    cost = round(hourly_cost(cluster, ports.settings) * duration / HOUR_S, 2)
    return Estimate(duration_s=duration, cost_usd=cost, basis=f"{basis}; prices of {ports.settings.prices_of}")


def hourly_cost(cluster: Cluster, settings: Settings) -> float:
    """US dollars an hour for a master and its workers, spot instances at the settings' share of the price."""
    prices = settings.prices_usd_per_hour
    dearest = max(prices.values(), default=0.0)
    worker = max((prices.get(kind, dearest) for kind in cluster.worker_types), default=dearest)
    spot = cluster.workers - cluster.on_demand
    return prices.get(cluster.master, dearest) + worker * (cluster.on_demand + spot * settings.spot_share)


def estimate_whole(estimates: Sequence[Estimate], settings: Settings) -> Estimate:
    """All jobs together: they run side by side, as many as the deployment takes at once."""
    known = [estimate.duration_s for estimate in estimates if estimate.duration_s is not None]
    costs = [estimate.cost_usd for estimate in estimates if estimate.cost_usd is not None]
    if not estimates:
        return Estimate(duration_s=0.0, cost_usd=0.0, basis="nothing would run")
    missing = len(estimates) - len(known)
    basis = "the jobs side by side" + (f"; {missing} of {len(estimates)} jobs are not known" if missing else "")
    at_once = settings.engine_processes
    together = round(max([*known, sum(known) / at_once]), 1) if known else None
    return Estimate(duration_s=together, cost_usd=round(sum(costs), 2) if costs else None, basis=basis)


def _durations(job: AnyJob, outlook: Outlook | None, ports: Ports) -> Iterator[float]:
    """Seconds that completed jobs of the same kind took on the same engine, newest first."""
    dataset = job.table.dataset if isinstance(job, AnalysisJob) else job.dataset
    page = ports.runs.list_executions(dataset=dataset, status=ExecutionStatus.SUCCEEDED, limit=LOOKED_AT)
    for execution in page.items:
        for stored in ports.runs.list_jobs(execution.id):
            past = stored.job
            alike = _alike(past, job) and _same_engine(past, outlook)
            if past.status is JobStatus.COMPLETE and alike and past.start_time and past.end_time:
                yield (past.end_time - past.start_time).total_seconds()


def _alike(past: AnyJob, job: AnyJob) -> bool:
    if isinstance(past, AnalysisJob) or isinstance(job, AnalysisJob):
        return isinstance(past, AnalysisJob) and isinstance(job, AnalysisJob) and _same_table(past, job)
    return past.kind == job.kind and past.dataset == job.dataset


def _same_engine(past: AnyJob, outlook: Outlook | None) -> bool:
    """Jobs of before engines were chosen do not say which theirs was."""
    return not isinstance(past, AnalysisJob) or outlook is None or past.engine in {None, outlook.engine}


def _same_table(past: AnalysisJob, job: AnalysisJob) -> bool:
    tables = [(one.table.dataset, one.table.analysis, one.change_only) for one in (past, job)]
    return tables[0] == tables[1]
