"""Workers of the local engine: killed, cancelled, left behind by a server, out of disk, out of memory."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from datapump.engines import RunState
from datapump.errors import StorageError
from tests.datapump.engines.local.sites import LONG_S, ended
from tests.support.disk import largest_file


def test_a_killed_worker_is_a_failure_worth_a_retry_and_the_same_name_starts_afresh(site):
    engine = site.engine(gated=True)
    site.start_gated(engine, site.request())
    os.kill(site.pid(), signal.SIGKILL)
    status = ended(site, engine)
    assert (status.state, status.retryable) == (RunState.FAILED, True)
    assert "the worker process ended without a result" in status.message
    site.release()
    site.engine().start(site.request())
    assert ended(site, engine).state is RunState.SUCCEEDED
    assert site.result() == site.expected()


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_and_started_again_it_writes_the_same_tables(site, seed):
    engine = site.engine()
    engine.start(site.request())
    if not site.run().wait(random.Random(seed).uniform(0.1, 0.9)):
        text = (site.folder / "run-1" / "lock").read_text()
        if text:
            os.kill(int(text), signal.SIGKILL)
    if ended(site, engine).state is not RunState.SUCCEEDED:
        assert "manifest.json" not in site.result()
        engine.start(site.request())
    assert ended(site, engine).state is RunState.SUCCEEDED
    assert site.result() == site.expected()


def test_cancel_ends_the_worker_and_nothing_is_written_afterwards(site):
    engine = site.engine(gated=True)
    site.start_gated(engine, site.request())
    engine.cancel("run-1")
    assert not site.run().alive()
    status = engine.find("run-1")
    assert (status.state, status.retryable, status.message) == (RunState.CANCELLED, False, "the run was cancelled")
    assert site.result() == {}
    engine.cancel("run-1")
    site.release()
    site.engine().start(site.request())
    assert ended(site, engine).state is RunState.SUCCEEDED


def test_cancel_kills_a_worker_that_does_not_listen(site, monkeypatch):
    monkeypatch.setattr("datapump.engines.local.engine._GRACE_S", 0.1)
    engine = site.engine(gated=True)
    site.start_gated(engine, site.request())
    os.kill(site.pid(), signal.SIGSTOP)
    engine.cancel("run-1")
    assert engine.find("run-1").state is RunState.CANCELLED


def test_a_worker_that_is_cancelled_before_its_first_word_does_nothing(site):
    run = site.run()
    run.create(site.order())
    run.cancel()
    worker = subprocess.run([sys.executable, "-m", "datapump.engines.local.worker", str(run.path)], check=False)
    assert worker.returncode == 1
    status = site.engine().find("run-1")
    assert (status.state, status.message) == (RunState.CANCELLED, "the run was cancelled")
    assert site.result() == {}


def test_cancel_of_a_run_that_never_was_does_nothing(site):
    engine = site.engine()
    engine.cancel("run-1")
    assert engine.find("run-1") is None


def test_a_signal_meant_for_a_dead_worker_reaches_no_other_process(site):
    engine = site.engine(gated=True)
    site.start_gated(engine, site.request())
    os.kill(site.pid(), signal.SIGKILL)
    assert site.run().wait(LONG_S)
    (site.folder / "run-1" / "lock").write_text(str(os.getpid()))
    site.run().cancel()
    site.run().end(signal.SIGKILL)  # this test would be dead


def test_a_worker_outlives_the_process_that_started_it(site):
    engine = site.engine(gated=True)
    with site.server() as parent, site.gate.open("w"):
        parent.kill()
        parent.wait()
        assert engine.find("run-1").state is RunState.RUNNING
    assert ended(site, engine).state is RunState.SUCCEEDED
    assert site.result() == site.expected()


def test_a_worker_of_a_dead_server_can_be_cancelled(site):
    engine = site.engine(gated=True)
    with site.server() as parent:
        parent.kill()
        parent.wait()
        with site.gate.open("w"):
            engine.cancel("run-1")
    assert engine.find("run-1").state is RunState.CANCELLED


def test_no_zombie_is_left(site):
    engine = site.engine()
    engine.start(site.request())
    assert site.run().wait(LONG_S)
    for thread in threading.enumerate():
        if thread.name == "reap run-1":
            thread.join(LONG_S)
    assert not Path(f"/proc/{site.pid()}").exists()


def test_a_run_without_a_word_from_its_worker_is_told_as_dead_by_another_process(site):
    site.engine().start(site.request())
    assert site.run().wait(LONG_S)
    (site.folder / "run-1" / "status.json").write_bytes(b"")
    status = site.engine().find("run-1")
    assert (status.state, status.retryable) == (RunState.FAILED, True)


def test_a_full_disk_is_a_failure_worth_a_retry(site):
    engine = site.engine()
    with largest_file(3_000):
        engine.start(site.request())
    status = ended(site, engine)
    assert (status.state, status.retryable) == (RunState.FAILED, True)
    assert "daily_alerts" in status.message
    assert "could not be written" in status.message
    assert "manifest.json" not in site.result()
    engine.start(site.request())
    assert ended(site, engine).state is RunState.SUCCEEDED
    assert site.result() == site.expected()


def test_a_disk_too_full_for_the_run_s_own_folder_is_told_by_start(site):
    with largest_file(10), pytest.raises(StorageError, match=r"run-1 could not be started: .*File too large"):
        site.engine().start(site.request())
    assert site.engine().find("run-1") is None
    site.engine().start(site.request())
    assert ended(site, site.engine()).state is RunState.SUCCEEDED


def test_not_enough_memory_is_a_failure_worth_a_retry(site, monkeypatch):
    from datapump.engines.local import worker  # noqa: PLC0415 - the engine itself does without

    def exhausted(*_, **__):
        raise MemoryError

    monkeypatch.setattr(worker, "run_analysis", exhausted)
    run = site.run()
    run.create(site.order())
    status = worker._outcome(run)
    assert (status.state, status.retryable) == (RunState.FAILED, True)
    assert status.message.startswith("not enough memory")


def test_an_error_of_our_own_is_told_without_its_words_and_logged_with_them(site, monkeypatch, caplog):
    from datapump.engines.local import worker  # noqa: PLC0415 - the engine itself does without

    def broken(*_, **__):
        raise ZeroDivisionError("token=secret")

    monkeypatch.setattr(worker, "run_analysis", broken)
    run = site.run()
    run.create(site.order())
    status = worker._outcome(run)
    assert (status.retryable, status.message) == (True, "an error of datapump's own, ZeroDivisionError; see log")
    assert "token=secret" in caplog.text
