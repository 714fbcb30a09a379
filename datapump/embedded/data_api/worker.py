"""A thread that does steps while there are any, then waits to be woken."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from datapump.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

# A disk that is full, or a store that is held, may be usable again without anybody asking for anything.
_AGAIN_S = 5.0

_log = logging.getLogger(__name__)


class Worker:
    """Runs `step` until it returns False, and again whenever it is woken, or some time after it failed to store.

    Args:
        name: The thread's name.
        step: Does one thing; returns whether there was one to do.
        again_s: Seconds from a step that could not be stored to the next try.
    """

    def __init__(self, name: str, step: Callable[[], bool], again_s: float = _AGAIN_S) -> None:
        self._step = step
        self._again_s = again_s
        self._failed = False
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; what waits already is done at once."""
        self._woken.set()
        self._thread.start()

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    def stop(self) -> None:
        """Finish the step under way, then end."""
        self._stopping.set()
        self._woken.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait(self._again_s if self._failed else None)
            self._woken.clear()
            while not self._stopping.is_set() and self._did_step():
                pass

    def _did_step(self) -> bool:
        try:
            found = self._step()
        except StorageError:
            _log.exception("the step is taken again in %g s, or at the next request", self._again_s)
            self._failed = True
            return False
        self._failed = False
        return found
