"""The embedded engine: each run in a worker process that outlives the process that started it."""

from __future__ import annotations

import fcntl
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from datapump.analyses import Analysis
from datapump.engines import Outlook, RunState
from datapump.engines.local.requests import available, check
from datapump.engines.local.resolving import resolved
from datapump.engines.local.run_folder import Order, RunFolder
from datapump.errors import InvalidInputError, RemoteBusyError, RemoteUnavailableError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from datapump.clock import Clock
    from datapump.engines import AnalysisRequest, RunStatus
    from datapump.engines.local.catalog import Catalog
    from datapump.engines.local.resolving import Versions
    from datapump.objects import Objects

_GRACE_S = 5.0
_KILL_S = 20.0
_UNFINISHED = "."
_JOURNALS = ".journals"
_KEPT = timedelta(days=30)


class LocalEngine:
    """Runs analyses on this machine (Linux).

    Args:
        folder: Where the folders of runs are kept; one engine per folder, in any number of processes.
        objects: Where sources lie and results go: folders, or real buckets.
        layers: Catalog file of configured layers; None: no layer is configured.
        max_runs: How many workers may run at once.
        clock: Where ids and the day come from.
        processes: How many processes of one run compute windows of rasters.
        versions: The Data API, which says where the tiles of layers are that name a dataset; None: there is none.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a deployment chooses
        self,
        folder: Path,
        objects: Objects,
        layers: Path | None,
        max_runs: int,
        clock: Clock,
        processes: int = 1,
        versions: Versions | None = None,
    ) -> None:
        # The worker runs in another working folder.
        self._folder = folder.resolve()
        self._objects = objects
        self._layers = layers.resolve() if layers else None
        self._max_runs = max_runs
        self._clock = clock
        self._processes = processes
        self._versions = versions

    @property
    def analyses(self) -> frozenset[Analysis]:
        """What it can compute: the analyses whose needed layers are configured."""
        return available(self._layers)

    def find(self, name: str, run_id: str | None = None) -> RunStatus | None:  # noqa: ARG002 - runs have only names
        """The run of that name in whatever state it is, None if it was never started."""
        run = self._run(name)
        return run.status() if run.exists else None

    def outlook(self, request: AnalysisRequest) -> Outlook:  # noqa: ARG002 - every request runs here
        """Every run is this machine's."""
        return Outlook(engine="local", reason="this deployment has no other engine than this machine's own")

    def start(self, request: AnalysisRequest) -> None:
        """Start a run and return at once.

        A run that goes on or has succeeded stays as it is; one that failed or was cancelled starts afresh.

        Raises:
            UnsupportedError: This engine cannot run such an analysis, or its layers are not configured.
            InvalidInputError: There is no fire source.
            NotFoundError: The layer catalog is not there.
            DataError: The layer catalog cannot be used.
            RemoteError: The Data API did not answer as it should.
            RemoteBusyError: As many runs as may go on; ask again later.
            StorageError: The run's folder could not be written.
        """
        run = self._run(request.name)
        if request.analysis is Analysis.INTEGRATED_ALERTS and request.as_of is None:
            request = request.model_copy(update={"as_of": self._clock.now().date()})
        try:
            with self._exclusive():
                if run.exists and run.status().state in {RunState.RUNNING, RunState.SUCCEEDED}:
                    return
                catalog = check(request, self._layers)
                self._refuse_if_busy()
                # Found once: a run that is taken up again reads the same files, whatever is the latest by then.
                catalog = resolved(catalog, catalog.grids[request.analysis], self._versions)
                self._begin(run, self._order(request, catalog))
        except OSError as error:
            raise StorageError(f"the run {request.name} could not be started: {error}") from error

    def cancel(self, name: str, run_id: str | None = None) -> None:  # noqa: ARG002 - runs have only names
        """End the run if it goes on; afterwards it writes nothing more. A run that has ended stays as it is.

        Raises:
            RemoteUnavailableError: The worker does not end, as one that hangs in its disk; ask again later.
        """
        run = self._run(name)
        with self._exclusive():
            if not run.exists or not run.alive():
                return
            run.cancel()
        for number, seconds in ((signal.SIGTERM, _GRACE_S), (signal.SIGKILL, _KILL_S)):
            with self._exclusive():
                run.end(number)
            if run.wait(seconds):
                return
        raise RemoteUnavailableError(f"the worker of the run {name} does not end; ask again later")

    def _run(self, name: str) -> RunFolder:
        if name.startswith(_UNFINISHED):
            raise InvalidInputError(f"{name!r} is not a run's name: it begins with a dot", pointer="/name")
        return RunFolder(self._folder / name)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """One start at a time, of all threads and processes."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _refuse_if_busy(self) -> None:
        runs = [RunFolder(path) for path in self._folder.iterdir() if not path.name.startswith(_UNFINISHED)]
        busy = sum(run.alive() for run in runs)
        if busy >= self._max_runs:
            raise RemoteBusyError(f"waiting for its turn: the embedded engine is busy with {busy} runs")

    def _order(self, request: AnalysisRequest, catalog: Catalog) -> Order:
        return Order(
            request=request,
            objects_root=self._objects.root and self._objects.root.resolve(),
            buckets=self._objects.buckets,
            layers=self._layers,
            uris={layer.name: layer.uri or "" for layer in catalog.configured},
            processes=self._processes,
            journals=self._folder / _JOURNALS,
        )

    def _prune(self) -> None:
        """Remove what is known of runs that ended long ago; nobody asks for them any more."""
        oldest = (self._clock.now() - _KEPT).timestamp()
        for path in self._folder.iterdir():
            if path.is_dir() and path.stat().st_mtime < oldest and not RunFolder(path).alive():
                shutil.rmtree(path, ignore_errors=True)

    def _begin(self, run: RunFolder, order: Order) -> None:
        for leftover in self._folder.glob(".run-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        self._prune()
        new = RunFolder(self._folder / f".run-{self._clock.new_id()}")
        new.create(order)
        with new.locked() as lock:
            if run.path.exists():
                run.path.rename(self._folder / f".run-{self._clock.new_id()}")
            new.path.rename(run.path)
            _spawn(run, lock)


def _spawn(run: RunFolder, lock: int) -> None:
    """Start the worker, which has the lock from its first instant, in a session of its own."""
    with run.log.open("ab") as log:
        worker = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", "-m", "datapump.engines.local.worker", str(run.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
            pass_fds=(lock,),
        )
    threading.Thread(target=worker.wait, name=f"reap {run.path.name}", daemon=True).start()
