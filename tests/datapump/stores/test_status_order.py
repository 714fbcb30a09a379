"""Statuses only move forward, whatever order, doubling and delay the updates come in."""

from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datapump.errors import ConflictError
from datapump.executions import Execution, ExecutionStatus
from datapump.jobs.documents import JobStatus
from datapump.stores.sqlite import Database, SqliteRunStore
from tests.support.clock import FakeClock
from tests.support.jobs import analysis_job

EXECUTION_ORDER = {"accepted": 0, "running": 1, "succeeded": 2, "failed": 2, "stopped": 2}
JOB_ORDER = {"starting": 0, "executing": 1, "complete": 2, "failed": 2}
JOBS = ("a", "b")
Updates = st.lists(
    st.one_of(
        st.tuples(st.just("begin")),
        st.tuples(st.just("stop")),
        st.tuples(st.just("finish"), st.sampled_from(sorted({"succeeded", "failed", "stopped"}))),
        # a save names the revision that its tick has read: late ones name an old one
        st.tuples(st.just("save"), st.sampled_from(JOBS), st.sampled_from(sorted(JOB_ORDER)), st.integers(1, 6)),
    ),
    max_size=30,
)


def apply(runs, name, update):
    kind, *arguments = update
    if kind == "begin":
        runs.begin(name, [analysis_job(job) for job in JOBS], [], [])
    elif kind == "stop":
        with suppress(ConflictError):
            runs.request_stop(name, "why")
    elif kind == "finish":
        runs.finish(name, ExecutionStatus(arguments[0]))
    else:
        job, status, revision = arguments
        runs.save_job(name, analysis_job(job, status=JobStatus(status)), revision)


def seen(runs, name):
    jobs = {stored.job.id: stored.status.value for stored in runs.list_jobs(name)}
    return runs.get_execution(name).status.value, jobs


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(updates=Updates, doubled=st.integers(1, 3), data=st.data())
def test_status_never_goes_back_under_shuffled_doubled_and_delayed_updates(tmp_path_factory, updates, doubled, data):
    order = data.draw(st.permutations(updates * doubled))
    database = Database(tmp_path_factory.mktemp("runs") / "datapump.sqlite")
    clock = FakeClock()
    runs = SqliteRunStore(database, clock)
    command = {"command": "sync", "parameters": {"types": ["viirs"]}}
    runs.create_execution(Execution(id="e", command=command, fingerprint="f", caller="ada", created=clock.now()))
    status, jobs = seen(runs, "e")
    try:
        for update in order:
            apply(runs, "e", update)
            now, now_jobs = seen(runs, "e")
            assert now == status or EXECUTION_ORDER[now] > EXECUTION_ORDER[status]
            for name, before in jobs.items():
                assert now_jobs[name] == before or JOB_ORDER[now_jobs[name]] > JOB_ORDER[before]
            status, jobs = now, now_jobs
    finally:
        database.close()
