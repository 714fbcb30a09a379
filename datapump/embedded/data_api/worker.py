"""A thread that does steps while there are any, then waits to be woken."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from datapump.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


class Worker:
    """Runs `step` until it returns False, and again whenever it is woken.

    Args:
        name: The thread's name.
        step: Does one thing; returns whether there was one to do.
    """

    def __init__(self, name: str, step: Callable[[], bool]) -> None:
        self._step = step
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
            self._woken.wait()
            self._woken.clear()
            while not self._stopping.is_set() and self._did_step():
                pass

    def _did_step(self) -> bool:
        try:
            return self._step()
        except StorageError:
            _log.exception("the step is taken again at the next request or start")
            return False
