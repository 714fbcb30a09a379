"""What people are told when an execution ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from datapump.end_messages import faults_of
from datapump.executions import ExecutionStatus, JobFaults
from datapump.postprocessor import postprocess
from tests.support.deployment import ANALYSIS, Deployment
from tests.support.jobs import analysis_job, begun, ended
from tests.support.receiver import receiving


@pytest.fixture
def world(tmp_path):
    deployment = Deployment(tmp_path)
    yield deployment
    deployment.close()


def told(world, identity):
    return [event.message for event in world.runs.list_events(identity) if event.kind == "notification"]


def end(world, *jobs, **more):
    identity = begun(world, *jobs, **more)
    for _ in range(2):
        postprocess(identity, world.ports)
    return told(world, identity)


UNSENT = " (recorded only: no receiver is configured)"
GOOD = ended(analysis_job("good"), message="2 tables published")
BAD = ended(analysis_job("bad", dataset="gadm"), "failed", message="the engine broke")


def test_each_end_is_a_line_of_the_log_also_where_nobody_is_told(world, caplog):
    caplog.set_level("INFO")
    end(world, GOOD, BAD, errors=["two\nlines"])
    end(world)
    first, *_, last = [(record.levelname, record.getMessage().split(": ", 1)[1]) for record in caplog.records]
    assert first == (
        "WARNING",
        "analysis has failed: 1 of 2 jobs are done; two lines; gadm v1 viirs: the engine broke",
    )
    assert last == ("INFO", "analysis has succeeded: no job was started")


def test_a_success_says_what_was_published(world):
    expected = "info: analysis has succeeded: 1 of 1 jobs are done\ngeostore v1 viirs: 2 tables published"
    assert end(world, GOOD) == [expected + UNSENT]


def test_a_part_that_failed_is_a_warning_that_says_which_and_why(world):
    expected = "warning: analysis has failed: 1 of 2 jobs are done\ngadm v1 viirs: the engine broke"
    assert end(world, GOOD, BAD) == [expected + UNSENT]


def test_a_whole_that_failed_is_an_error(world):
    expected = "error: analysis has failed: 0 of 1 jobs are done\nthe extent has grown\ngadm v1 viirs: the engine broke"
    assert end(world, BAD, errors=["the extent has grown"]) == [expected + UNSENT]


def test_an_execution_keeps_how_many_jobs_failed_and_why_the_first_did(world):
    now = world.clock.now()
    later = ended(analysis_job("later", dataset="wdpa"), "failed", message="no")
    later = later.model_copy(update={"end_time": now + timedelta(seconds=1)})
    identity = begun(world, GOOD, later, BAD.model_copy(update={"end_time": now}))
    postprocess(identity, world.ports)
    found = world.runs.get_execution(identity).job_faults
    assert found == JobFaults(failed=2, jobs=3, job_id="bad", subject="gadm v1 viirs", message="the engine broke")
    identity = begun(world, GOOD)
    postprocess(identity, world.ports)
    assert world.runs.get_execution(identity).job_faults is None


def test_a_long_reason_is_cut():
    job = BAD.model_copy(update={"message": "x" * 1000})
    assert faults_of([job]).message == "x" * 297 + "..."


def test_what_the_caller_should_know_is_told_too(world):
    execution = world.submit({"command": "analysis", "parameters": ANALYSIS["parameters"]})
    world.runs.begin(execution, [GOOD], ["viirs: the feed has a gap"], [])
    postprocess(execution, world.ports)
    (message,) = told(world, execution)
    assert message.endswith("geostore v1 viirs: 2 tables published\nviirs: the feed has a gap" + UNSENT)


def test_nothing_is_told_where_nothing_was_to_do(world):
    assert end(world) == []


def test_a_long_list_is_cut(world):
    (message,) = end(world, *(ended(analysis_job(f"j{number}"), "failed") for number in range(30)))
    assert message.endswith("and 21 more" + UNSENT)
    assert message.count("\n") == 10


def test_the_channel_is_told_once_and_its_address_is_kept_nowhere(tmp_path):
    secret = "T00/B00/a-very-secret-part"
    with receiving() as server:
        settings = {
            "slack_channel": "updates",
            "slack_webhooks": {"updates": f"http://127.0.0.1:{server.server_port}/{secret}"},
            "webhook_hosts": ["127.0.0.1"],
            "url": "https://datapump.example",
        }
        world = Deployment(tmp_path, **settings)
        identity = begun(world, GOOD)
        for _ in range(3):
            postprocess(identity, world.ports)
        world.close()
    ((_, body),) = server.received
    assert body["text"].startswith(":white_check_mark: analysis has succeeded: 1 of 1 jobs are done")
    assert body["text"].endswith(f"<https://datapump.example/executions/{identity}>")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def test_a_receiver_that_is_down_fails_no_execution(tmp_path):
    with receiving(500) as server:
        url = f"http://127.0.0.1:{server.server_port}/x"
        world = Deployment(tmp_path, slack_channel="c", slack_webhooks={"c": url}, webhook_hosts=["127.0.0.1"])
        identity = begun(world, GOOD)
        assert postprocess(identity, world.ports).status is ExecutionStatus.SUCCEEDED
        assert told(world, identity)[0].endswith("(not delivered: Slack answered 500)")
        world.close()


def test_a_command_that_cannot_be_dispatched_is_told_of(world):
    execution = world.run({"command": "set_latest", "parameters": {"analysis_version": "v1"}})
    assert execution.status is ExecutionStatus.FAILED
    (message,) = told(world, execution.id)
    assert message.startswith("error: set_latest has failed: no job was started\nno sync config has the analysis")
