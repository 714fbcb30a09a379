"""The orchestrator of one machine: a durable loop over the run store.

What is to be done is never kept in memory: the store says what is due (an accepted execution, a job whose wait is over,
an execution whose last job has ended). So a restart after a kill at any instant goes on where the store stands.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

from datapump.errors import StorageError
from state_machine.flow import take_dispatch, take_postprocess, take_tick

if TYPE_CHECKING:
    from collections.abc import Callable

    from datapump.ports import Ports
    from datapump.stores.sqlite.claims import Unit
    from datapump.stores.sqlite.runs import SqliteRunStore

logger = logging.getLogger(__name__)
LONGEST_SLEEP_S = 30.0
AGAIN_S = 1.0
# What a defect broke is likely to break again: not a traceback a second all night.
AFTER_DEFECT_S = 30.0


class LocalOrchestrator:
    """Claims what is due, several at once, and takes the step that is due.

    Only one may run on a store: whoever starts one holds the data folder's lock.
    """

    def __init__(self, store: SqliteRunStore, ports: Ports, threads: int) -> None:
        self._store = store
        self._ports = ports
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="tick")
        self._changed = threading.Condition()
        self._busy = 0
        self._taken: list[tuple[Unit, float | None]] = []
        self._woken = False
        self._closing = False
        self._seen: datetime | None = None
        self._also: list[Callable[[], object]] = []
        self._broken: dict[str, str] = {}
        self._loop = threading.Thread(target=self._run, name="orchestrator", daemon=True)

    def carry_also(self, carry: Callable[[], object]) -> None:
        """Have something else carried whenever the loop looks for work: after each step, and twice a minute."""
        self._also.append(carry)

    def open(self) -> None:
        """Start to carry what is open, also what an earlier process left in the middle."""
        self._store.give_back_all()
        # Nobody knows how the clock was set while nothing ran.
        self._store.bring_forward()
        self._loop.start()

    def close(self) -> None:
        """Finish the steps that are being taken, begin no more. What is open stays open for the next start."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._loop.is_alive():
            self._loop.join()
        self._pool.shutdown(wait=True)
        try:
            self._give_back()
        except StorageError as error:
            logger.warning("what was claimed is given back at the next start: %s", error.message)

    def start(self, execution_id: str) -> None:
        """Look at once: the execution is due by being stored."""
        logger.debug("execution %s is due", execution_id)
        self.wake()

    def stop(self, execution_id: str, reason: str) -> None:
        """Record the wish; the jobs end themselves at their next tick, which is now."""
        self._store.request_stop(execution_id, reason)
        self.wake()

    def trouble(self) -> str | None:
        """Why nothing, or not all, is being carried; None if all is."""
        if not self._loop.is_alive():
            return "the orchestrator's loop does not run"
        broken = ", ".join(sorted(self._broken))
        return f"{broken} failed by a defect: see the log" if broken else None

    def wake(self) -> None:
        """Look for work at once."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._woken = False
                free = self._threads - self._busy
                if self._closing:
                    return
            sleep_s = self._claim(free)
            with self._changed:
                if not (self._woken or self._closing):
                    self._changed.wait(sleep_s)

    def _claim(self, free: int) -> float:
        """Hand out what is due to free threads; seconds until there may be more."""
        try:
            self._watch_clock()
            self._give_back()
            self._carry()
            if not free:
                # The step that ends first wakes the loop.
                return LONGEST_SLEEP_S
            for unit in self._store.claim(free):
                with self._changed:
                    self._busy += 1
                self._pool.submit(self._take, unit)
            due = self._store.next_due()
        except StorageError as error:
            logger.warning("the run store cannot be used now: %s", error.message)
            return AGAIN_S
        except Exception:  # whatever happens, the loop must go on, or nothing would be carried any more
            logger.exception("the run store failed by a defect")
            return AFTER_DEFECT_S
        if due is None:
            return LONGEST_SLEEP_S
        ahead = (datetime.fromisoformat(due) - self._ports.clock.now()).total_seconds()
        return min(max(ahead, 0.0), LONGEST_SLEEP_S)

    def _carry(self) -> None:
        """Carry what else there is; what breaks holds up nothing but itself."""
        for carry in self._also:
            name = getattr(carry, "__qualname__", repr(carry))
            try:
                carry()
            except StorageError:
                raise
            except Exception as error:  # a defect there must not keep executions from being carried
                words = f"{type(error).__name__}: {error}"
                if self._broken.get(name) != words:
                    # Said once: the loop comes by here after each step.
                    logger.exception("%s failed by a defect, and is tried again all the time", name)
                self._broken[name] = words
            else:
                self._broken.pop(name, None)

    def _watch_clock(self) -> None:
        """What is due by a clock that has been set back since would wait as long as it was set back."""
        now, seen = self._ports.clock.now(), self._seen
        back_s = 0.0 if seen is None else (seen - now).total_seconds()
        if back_s >= AGAIN_S:
            logger.warning("the clock was set back by %.0f s: all that is open is looked at now", back_s)
            self._store.bring_forward()
        self._seen = now

    def _give_back(self) -> None:
        """Let go of the units whose step was taken; one that the store refuses now is let go of later."""
        while self._taken:
            self._store.give_back(*self._taken[0])
            with self._changed:
                self._taken.pop(0)

    def _take(self, unit: Unit) -> None:
        wait_s: float | None = AGAIN_S
        try:
            wait_s = self._step(unit)
        except StorageError as error:
            logger.warning("step %s of execution %s is taken again: %s", unit.phase, unit.execution_id, error.message)
        except Exception:  # whatever happens, the unit must be given back, or it would never be taken again
            wait_s = AFTER_DEFECT_S
            logger.exception("step %s of execution %s could not be taken", unit.phase, unit.execution_id)
        with self._changed:
            self._busy -= 1
            self._taken.append((unit, wait_s))
            self._woken = True
            self._changed.notify_all()

    def _step(self, unit: Unit) -> float | None:
        if unit.phase == "dispatch":
            return take_dispatch(unit.execution_id, unit.attempts, self._ports)
        if unit.phase == "postprocess":
            return take_postprocess(unit.execution_id, unit.attempts, self._ports)
        return take_tick(unit.execution_id, unit.job_id, self._ports)
