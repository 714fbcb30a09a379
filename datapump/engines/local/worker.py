"""A worker process: runs one analysis and tells how it goes. `python -m datapump.engines.local.worker RUN_FOLDER`."""

from __future__ import annotations

import errno
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from datapump.engines import RunState, RunStatus
from datapump.engines.local.manifest import notes
from datapump.engines.local.run_folder import RunFolder
from datapump.engines.local.zonal import run as run_analysis
from datapump.errors import DatapumpError
from datapump.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Callable

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_STEP = 0.005

_log = logging.getLogger(__name__)


def main(folder: Path) -> int:
    """Run what the folder asks for; returns the process's exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    _let_signals_end_it()
    run = RunFolder(folder)
    if not run.enter():
        _log.info("cancelled before it began")
        return 1
    status = _outcome(run)
    try:
        run.tell(status)
    except OSError:
        _log.exception("the outcome could not be told: %s", status.message)
        return 1
    _log.info("%s %s", status.state, status.message)
    return 0 if status.state is RunState.SUCCEEDED else 1


def _let_signals_end_it() -> None:
    """Whatever the parent process ignored or blocked, its worker ends when told to."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _outcome(run: RunFolder) -> RunStatus:
    try:
        order = run.order()
        summary = run_analysis(
            order.request,
            Objects(order.objects_root, order.buckets),
            layers=order.layers,
            uris=order.uris,
            progress=_teller(run),
            processes=order.processes,
            journals=order.journals,
        )
    except DatapumpError as error:
        _log.exception("the run failed")
        return _failed(error.message, retryable=error.retryable)
    except MemoryError:
        _log.exception("the run failed")
        return _failed("not enough memory; free some, or set fewer runs at once, and try again", retryable=True)
    except Exception as error:  # noqa: BLE001 - the process ends here, and its outcome must be told
        _log.exception("the run failed")
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return _failed(f"no room for {error.filename or 'results'}; free some and try again", retryable=True)
        return _failed(f"an error of datapump's own, {type(error).__name__}; see log", retryable=True)
    return RunStatus(state=RunState.SUCCEEDED, progress=1.0, message="done", summary=summary, notes=notes(summary))


def _failed(message: str, *, retryable: bool) -> RunStatus:
    return RunStatus(state=RunState.FAILED, message=message, retryable=retryable)


def _teller(run: RunFolder) -> Callable[[float, str], None]:
    last = (-1.0, "")

    def tell(progress: float, message: str) -> None:
        nonlocal last
        if progress - last[0] < _STEP and message == last[1]:
            return
        last = (progress, message)
        run.tell(RunStatus(state=RunState.RUNNING, progress=progress, message=message))

    return tell


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
