"""The analysis job: `starting` (an engine run is asked for), `analyzing`, `uploading`, `complete`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.effects import UnsettledError, age, once
from datapump.engines import AnalysisRequest, RunState
from datapump.engines.choice import ChoosingEngine
from datapump.jobs import publishing
from datapump.jobs.documents import AnalysisJob, JobStatus, ResultTable
from datapump.jobs.result_versions import fix_targets
from datapump.jobs.ticking import JobFailedError, advance, complete, reopen, wait
from datapump.jobs.turns import leave_out_published, take_turn
from datapump.results import appends, dataset_name, level_and_table, output_folder, version_name

if TYPE_CHECKING:
    from datapump.effects import Outcome
    from datapump.engines import Engine
    from datapump.ports import Ports

MAX_RETRIES = 3
ANALYZED = 0.7


def tick(job: AnalysisJob, execution_id: str, ports: Ports) -> None:
    """Move the job on by at most one remote write.

    Raises:
        JobFailedError: It cannot go on.
        DatapumpError: As the remote systems raise.
    """
    if not take_turn(job, execution_id, ports):
        return
    if job.step == "starting":
        _start(job, ports)
    elif job.step == "analyzing":
        _analyze(job, ports)
    else:
        publishing.tick(job, ports)


def cancel(job: AnalysisJob, ports: Ports) -> None:
    """End what the job runs; what it has published stays.

    Raises:
        UnsettledError: Too early to tell whether a run has been started.
        RemoteUnavailableError: The engine did not answer, or the run does not end.
    """
    if job.step not in {"starting", "analyzing"}:
        return
    name = run_name(job)
    effect = ports.runs.get_effect(_start_key(job))
    engine = engine_of(job, ports)
    unknown = effect is not None and not effect.done and engine.find(name) is None
    if effect is not None and unknown and age(effect, ports) < ports.settings.effect_settle_s:
        # It may have been asked for and not be there yet: it would go on when nobody looks any more.
        raise UnsettledError(effect.key)
    engine.cancel(name, job.run_id)


def take_up(job: AnalysisJob, ports: Ports) -> None:
    """Make a failed job ready to go on: an engine run that ended badly is not looked at again, a new one is started.

    Raises:
        RemoteUnavailableError: The engine did not answer.
    """
    reopen(job)
    if job.ended or job.step not in {"starting", "analyzing"}:
        return
    run = engine_of(job, ports).find(run_name(job), job.run_id)
    lost = run is None and job.step == "analyzing"
    if lost or (run is not None and run.state in {RunState.FAILED, RunState.CANCELLED}):
        _start_over(job)
        # A new run may be better off elsewhere.
        job.engine, job.engine_reason = None, ""
        job.status = JobStatus.STARTING


def engine_of(job: AnalysisJob, ports: Ports) -> Engine:
    """The engine that the job's run is on, or would be.

    Raises:
        UnsupportedError: The deployment does not have it any more.
    """
    engine = ports.engine
    return engine.named(job.engine) if isinstance(engine, ChoosingEngine) else engine


def run_name(job: AnalysisJob) -> str:
    """The name of the engine run, by which it is found again."""
    table = job.table
    name = f"{table.dataset}_{table.analysis}_{job.analysis_version}__{job.id}"
    return name if not job.attempt else f"{name}_{job.attempt}"


def _start(job: AnalysisJob, ports: Ports) -> None:
    done = leave_out_published(job, ports)
    if done is not None:
        complete(job, ports.clock.now(), done)
        return
    if job.output is None:
        # Another execution may have made the tables while this one waited for its turn.
        hindrance = publishing.published_already(job, ports) or fix_targets(job, ports)
        if hindrance is not None:
            raise JobFailedError(hindrance)
        # Saved before the engine is asked, so that whoever takes the job up again finds the same folder.
        output = _free_folder(job, ports)
        if job.engine is None:
            chosen = ports.engine.outlook(_request(job, output))
            job.engine, job.engine_reason = chosen.engine, chosen.reason
        job.output = output
        advance(job, message=f"asking the engine {job.engine} for a run")
        return
    request = _request(job, job.output)
    started = once(_start_key(job), ports, do=lambda: _begin(request, job, ports), find=lambda: _begun(job, ports))
    job.run_id = started.get("run_id")
    job.status = JobStatus.EXECUTING
    job.start_time = job.start_time or ports.clock.now()
    advance(job, step="analyzing", message="analyzing")


def _request(job: AnalysisJob, output: str) -> AnalysisRequest:
    return AnalysisRequest(
        name=run_name(job),
        analysis=job.table.analysis,
        feature_type=job.feature_type,
        features=tuple(job.features),
        output=output,
        fire_sources=tuple(job.alert_sources),
        change_only=job.change_only,
        dataset=job.table.dataset,
        sync_type=job.sync_type,
        geotrellis_version=job.geotrellis_version,
        retries=job.retries,
        engine=job.engine_asked,
    )


def _start_key(job: AnalysisJob) -> str:
    return f"{job.id}/start/{run_name(job)}"


def _begin(request: AnalysisRequest, job: AnalysisJob, ports: Ports) -> Outcome:
    return {"run_id": engine_of(job, ports).start(request)}


def _begun(job: AnalysisJob, ports: Ports) -> Outcome | None:
    run = engine_of(job, ports).find(run_name(job))
    return None if run is None else {"run_id": run.run_id}


def _free_folder(job: AnalysisJob, ports: Ports) -> str:
    """An output folder that nobody has written to: its name counts minutes, and two nights may share one."""
    moment = ports.clock.now()
    bucket = ports.settings.pipeline_bucket
    base = output_folder(job, bucket, "").rsplit("/", 1)[0] + "/"
    taken = {info.uri[len(base) :].split("/", 1)[0] for info in ports.objects.listing(base)}
    number = 0
    while True:
        stamp = f"{moment:%Y%m%d_%H%M}" + (f"_{number}" if number else "")
        folder = output_folder(job, bucket, stamp)
        if folder.rsplit("/", 1)[-1] not in taken:
            return folder
        number += 1


def _analyze(job: AnalysisJob, ports: Ports) -> None:
    status = engine_of(job, ports).find(run_name(job), job.run_id)
    if status is not None:
        job.links.update(status.links)
    if status is None:
        _retry(job, "the engine no longer knows the run")
    elif status.state is RunState.RUNNING:
        share = None if status.progress is None else ANALYZED * status.progress
        wait(job, ports.settings, message=status.message, progress=share)
    elif status.state is RunState.CANCELLED:
        raise JobFailedError(f"the engine run {run_name(job)} was ended by hand: {status.message}".rstrip(": "))
    elif status.state is RunState.FAILED and not status.retryable:
        raise JobFailedError(f"the analysis of {job.table} failed: {status.message}")
    elif status.state is RunState.FAILED:
        _retry(job, status.message)
    else:
        job.results = _results(job, ports)
        job.notes += status.notes
        advance(job, step="uploading", message=f"{len(job.results)} tables to publish", progress=ANALYZED)


def _retry(job: AnalysisJob, reason: str) -> None:
    if job.retries >= MAX_RETRIES:
        raise JobFailedError(f"the analysis of {job.table} failed {MAX_RETRIES + 1} times, last: {reason}")
    job.retries += 1
    _start_over(job)
    advance(job, message=f"trying again ({job.retries} of {MAX_RETRIES}) after: {reason}")


def _start_over(job: AnalysisJob) -> None:
    job.attempt += 1
    job.output = None
    job.run_id = None
    job.step = "starting"


def _results(job: AnalysisJob, ports: Ports) -> list[ResultTable]:
    files: dict[tuple[str, str], list[str]] = {}
    for info in ports.objects.listing(f"{job.output}/"):
        place = level_and_table(info.uri)
        if place is not None:
            files.setdefault(place, []).append(info.uri)
    if not files:
        raise JobFailedError(f"the analysis of {job.table} ended without a result file under {job.output}")
    return [
        ResultTable(
            dataset=dataset_name(job.table.dataset, job.table.analysis, job.feature_type, level, table),
            version=version_name(job, table),
            level=level,
            table=table,
            uris=uris,
            action="append" if appends(job) else "create",
        )
        for (level, table), uris in sorted(files.items())
    ]
