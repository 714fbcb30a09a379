"""What an execution costs of the limits of Step Functions, measured from the interpreter's history (docs/limits.md)."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest

from datapump.executor import TickResult
from datapump.jobs.documents import JobStatus
from state_machine import handlers
from tests.support.deployment import ANALYSIS
from tests.support.jobs import begun, ended, set_latest_job
from tests.support.twins import AwsTwin

logger = logging.getLogger(__name__)
HOUR = 3600
JOB = "%d h: %d polls, %d events, %.2f a poll, largest payload %d bytes"
PARENT = "%d jobs: %d events of the execution, largest payload %d bytes"
EVENTS_PER_POLL = 9
EVENTS_OF_A_JOB = 5_000
EVENTS_OF_A_PARENT = 25_000
PAYLOAD_BYTES = 64 * 1024


def opened(folder, **settings):
    return AwsTwin(folder, viirs_url=str(folder / "feed.csv"), **settings)


def largest(events):
    """Bytes of the largest input or output in a history."""
    texts = [text for _, details in events for told in (details or {}).values() for text in told.values()]
    return max(len(text.encode()) for text in texts if isinstance(text, str))


def measured_job(folder, hours):
    """Polls, events and largest payload of a job whose cluster computes for so many hours, polled as in production."""
    with opened(folder, poll_min_s=15, poll_max_s=120) as d:
        d.prepare()
        until = d.clock.now() + timedelta(hours=hours)
        d.account.geotrellis.goes_on = lambda: d.clock.now() < until
        polls = []
        d.before_tick(None, polls.append, times=10**6)
        execution = d.run(ANALYSIS)
        assert execution.status == "succeeded", execution.errors
        history = d.account.interpreter.history
        # On AWS a child execution has a start and an end besides.
        return len(polls), len(history.of_jobs()) + 2, largest(history.of_jobs() + history.of_machine())


def test_a_poll_takes_less_than_nine_events(tmp_path):
    polls, events, payload = measured_job(tmp_path, hours=1)
    logger.info(JOB, 1, polls, events, events / polls, payload)
    assert polls > 30
    assert events < EVENTS_PER_POLL * polls
    assert payload < PAYLOAD_BYTES


@pytest.mark.soak
def test_a_job_of_sixteen_hours_takes_less_than_five_thousand_events(tmp_path, monkeypatch):
    monkeypatch.setattr("datapump.command_jobs.FIRE_TIMEOUT_S", 17 * HOUR)
    polls, events, payload = measured_job(tmp_path, hours=16)
    logger.info(JOB, 16, polls, events, events / polls, payload)
    assert events < EVENTS_OF_A_JOB
    assert events < EVENTS_PER_POLL * polls
    assert payload < PAYLOAD_BYTES


def measured_parent(folder, jobs, monkeypatch):
    """Events and largest payload of an execution of so many jobs, each of which ends at its first tick."""

    def complete(execution_id, job_id, ports):
        stored = ports.runs.get_job(execution_id, job_id)
        assert ports.runs.save_job(execution_id, ended(stored.job), stored.revision)
        return TickResult(JobStatus.COMPLETE, 0.0, stored.job.kind)

    folder.mkdir(exist_ok=True)
    with opened(folder) as d:
        monkeypatch.setattr(handlers, "tick", complete)
        execution_id = begun(d, *(set_latest_job(f"{number:032x}", "geostore__viirs__all") for number in range(jobs)))
        d.orchestrator.start(execution_id)
        assert d.carry(execution_id).status == "succeeded"
        history = d.account.interpreter.history
        assert len([kind for kind, _ in history.of_jobs() if kind == "PassStateExited"]) == jobs
        return len(history.of_machine()), largest(history.of_jobs() + history.of_machine())


def test_the_history_of_an_execution_does_not_grow_with_its_jobs(tmp_path, monkeypatch):
    few = measured_parent(tmp_path / "few", 5, monkeypatch)
    many = measured_parent(tmp_path / "many", 50, monkeypatch)
    logger.info(PARENT, 50, *many)
    assert few[0] == many[0] < EVENTS_OF_A_PARENT
    assert many[1] - few[1] < 10


@pytest.mark.soak
def test_an_execution_of_a_thousand_jobs_stays_far_below_the_limits(tmp_path, monkeypatch):
    events, payload = measured_parent(tmp_path, 1000, monkeypatch)
    logger.info(PARENT, 1000, events, payload)
    assert events < EVENTS_OF_A_PARENT
    assert payload < PAYLOAD_BYTES


def test_a_large_payload_would_be_seen():
    output = json.dumps("x" * PAYLOAD_BYTES)
    assert largest([("TaskSucceeded", {"taskSucceededEventDetails": {"output": output}})]) > PAYLOAD_BYTES
