"""Notifications: each is sent once, recorded as an event, and fails nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from datapump.errors import RemoteUnavailableError
from datapump.notifications import announce, post
from datapump.notifier import Level
from tests.support.deployment import Deployment
from tests.support.jobs import analysis_job, begun


class Recorder:
    """A notifier that keeps what it is given, or breaks."""

    def __init__(self, error=None, *, takes=True):
        self.sent = []
        self._error = error
        self._takes = takes

    def post(self, message):
        return self._take(message)

    def announce(self, receiver, dataset, version):
        return self._take((receiver, dataset, version))

    def _take(self, sent):
        self.sent.append(sent)
        if self._error is not None:
            raise self._error
        return self._takes


@pytest.fixture
def world(tmp_path):
    deployment = Deployment(tmp_path, url="https://datapump.example/")
    yield deployment
    deployment.close()


def with_(world, notifier):
    return replace(world.ports, notifier=notifier)


def said(world, execution):
    return [event.message for event in world.runs.list_events(execution) if event.kind == "notification"]


def test_a_message_is_posted_once_with_a_link_and_recorded(world):
    execution, recorder = begun(world, analysis_job()), Recorder()
    for _ in range(2):
        post("ended", execution, Level.INFO, "all is well", with_(world, recorder))
    (message,) = recorder.sent
    assert message == (Level.INFO, "all is well", f"https://datapump.example/executions/{execution}")
    assert said(world, execution) == ["info: all is well"]


def test_a_version_is_announced_once_for_each_job_and_receiver(world):
    execution, recorder = begun(world, analysis_job()), Recorder()
    for receiver in ("gnw", "gnw", "other"):
        announce(receiver, "d_s", "v1", with_(world, recorder), execution_id=execution, job_id="job-1")
    assert recorder.sent == [("gnw", "d_s", "v1"), ("other", "d_s", "v1")]
    assert said(world, execution) == ["to gnw: d_s v1 is published", "to other: d_s v1 is published"]


def test_what_no_receiver_takes_is_recorded_all_the_same(world):
    execution = begun(world, analysis_job())
    post("ended", execution, Level.WARNING, "x", world.ports)
    assert said(world, execution) == ["warning: x (recorded only: no receiver is configured)"]


def test_a_receiver_that_fails_fails_nothing_and_is_not_asked_again(world):
    execution, recorder = begun(world, analysis_job()), Recorder(RemoteUnavailableError("Slack answered 500"))
    told = [post("ended", execution, Level.ERROR, "x", with_(world, recorder)) for _ in range(2)]
    assert told == ["error: x (not delivered: Slack answered 500)"] * 2
    assert (len(recorder.sent), said(world, execution)) == (1, told[:1])


def test_what_was_on_its_way_when_the_process_died_is_not_sent_again(world):
    execution, recorder = begun(world, analysis_job()), Recorder(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        post("ended", execution, Level.ERROR, "x", with_(world, recorder))
    after = Recorder()
    post("ended", execution, Level.ERROR, "x", with_(world, after))
    assert after.sent == []
    assert said(world, execution) == ["error: x (not sent again after an interruption: it may have been delivered)"]
