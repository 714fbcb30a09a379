"""Logs and metrics of the Lambda functions."""

from __future__ import annotations

import io
import json
import logging

import pytest

from datapump.executor import TickResult
from datapump.jobs.documents import JobStatus
from state_machine.telemetry import Telemetry


@pytest.fixture
def tell():
    return Telemetry("executor")


@pytest.fixture
def lines(tell, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(tell.logger.registered_handler, "stream", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def metrics(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]


def test_inside_an_invocation_every_line_names_execution_and_job(tell, lines):
    with tell.about("request-1", execution_id="e-1", job_id="j-1"):
        tell.logger.info("ours")
        logging.getLogger("datapump.jobs.analysis").warning("of a module")
    with tell.about("request-2", execution_id="e-2", job_id=None):
        logging.getLogger("datapump.dispatcher").warning("another")
    logging.getLogger("datapump").warning("outside")
    told = [(line["message"], line.get("execution_id"), line.get("job_id")) for line in lines()]
    assert told == [
        ("ours", "e-1", "j-1"),
        ("of a module", "e-1", "j-1"),
        ("another", "e-2", None),
        ("outside", None, None),
    ]
    assert [line.get("request_id") for line in lines()] == ["request-1", "request-1", "request-2", None]


def test_ticks_and_ends_are_measured_by_kind_and_outcome(tell, capsys):
    tell.ticked(TickResult(JobStatus.COMPLETE, 0.0, "analysis", behind_s=3.5), seconds=0.25)
    tell.ended("analysis", JobStatus.COMPLETE)
    tell.finished("succeeded")
    told = {line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"]: line for line in metrics(capsys)}
    assert set(told) == {"TickDuration", "Polls", "SecondsBehind", "Jobs", "Executions"}
    assert told["TickDuration"]["TickDuration"] == [250.0]
    assert told["SecondsBehind"]["SecondsBehind"] == [3.5]
    assert (told["Jobs"]["kind"], told["Jobs"]["outcome"]) == ("analysis", "complete")
    assert told["Executions"]["outcome"] == "succeeded"
    dimensions = told["Jobs"]["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    assert set(dimensions[0]) >= {"function", "kind", "outcome"}


def test_an_invocation_is_measured_also_when_it_fails(tell, capsys):
    with pytest.raises(KeyError), tell.about("request-1"):
        raise KeyError
    assert [line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"] for line in metrics(capsys)] == ["Duration"]


def test_what_an_alarm_waits_for_has_exactly_its_dimensions(tell, capsys):
    tell.synced("viirs", "production")
    [line] = metrics(capsys)
    [told] = line["_aws"]["CloudWatchMetrics"]
    assert (told["Namespace"], told["Metrics"][0]["Name"]) == ("datapump", "SyncSucceeded")
    assert [sorted(names) for names in told["Dimensions"]] == [["environment", "sync_type"]]
    assert (line["environment"], line["sync_type"]) == ("production", "viirs")
