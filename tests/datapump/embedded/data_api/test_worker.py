"""The thread that does the Data API's background work."""

from __future__ import annotations

import threading

import pytest

from datapump.embedded.data_api.worker import Worker
from datapump.errors import StorageError


@pytest.fixture
def started():
    """Starts a worker on a step, and ends it."""
    workers = []

    def start(step, again_s):
        workers.append(Worker("test", step, again_s))
        workers[-1].start()
        return workers[-1]

    yield start
    for worker in workers:
        worker.stop()


def test_a_step_that_could_not_be_stored_is_taken_again_without_being_asked(started):
    steps, done = [], threading.Event()

    def step():
        steps.append(len(steps))
        if len(steps) < 4:
            raise StorageError("the disk is full")
        done.set()
        return False

    started(step, 0.01)
    assert done.wait(20)
    assert len(steps) == 4


def test_a_step_that_was_stored_is_not_taken_again_before_it_is_asked_for(started):
    steps, taken = [], threading.Semaphore(0)

    def step():
        steps.append(len(steps))
        taken.release()
        if len(steps) == 1:
            raise StorageError("the disk is full")
        return False

    worker = started(step, 0.01)
    assert taken.acquire(timeout=20)
    assert taken.acquire(timeout=20)
    assert not taken.acquire(timeout=0.2)
    worker.wake()
    assert taken.acquire(timeout=20)
