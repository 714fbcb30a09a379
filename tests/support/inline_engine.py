"""The embedded engine without its worker process: a run is over when `start` returns."""

from __future__ import annotations

from datetime import date

from datapump.analyses import Analysis
from datapump.engines import Outlook, RunState, RunStatus
from datapump.engines.local.manifest import notes
from datapump.engines.local.requests import available
from datapump.engines.local.zonal import run
from datapump.errors import DatapumpError

TODAY = date(2026, 2, 1)


class InlineEngine:
    """Computes for real, in this process; remembers its runs by name as every engine does.

    `script` holds the outcomes of the next runs, where a test wants other ones than the real. `tables` holds, by
    analysis, what makes its tables in place of the engine: a function of the request that gives TSV text by (level,
    table). `layers` is the catalog file of raster layers.
    """

    def __init__(self, objects):
        self.layers = None
        self.script = []
        self.tables = {}
        self.requests = []
        self.runs = {}
        self.cancelled = []
        self._objects = objects

    @property
    def analyses(self):
        return available(self.layers) | set(self.tables)

    def find(self, name, _run_id=None):
        return self.runs.get(name)

    def outlook(self, request):  # noqa: ARG002 - every request runs here
        return Outlook(engine="local", reason="it is the only engine")

    def start(self, request):
        if request.name in self.runs:
            return
        self.requests.append(request)
        if self.script:
            self.runs[request.name] = self.script.pop(0)
            return
        if request.analysis in self.tables:
            for (level, table), text in self.tables[request.analysis](request).items():
                self._objects.put(f"{request.output}/{level}/{table}/part-00000-x.csv", text.encode())
            self.runs[request.name] = RunStatus(state=RunState.SUCCEEDED, progress=1.0, message="done")
            return
        if request.analysis is Analysis.INTEGRATED_ALERTS:
            request = request.model_copy(update={"as_of": request.as_of or TODAY})
        try:
            summary = run(request, self._objects, layers=self.layers, progress=lambda *_: None)
        except DatapumpError as error:
            status = RunStatus(state=RunState.FAILED, message=error.message, retryable=error.retryable)
        else:
            status = RunStatus(
                state=RunState.SUCCEEDED, progress=1.0, message="done", summary=summary, notes=notes(summary)
            )
        self.runs[request.name] = status

    def cancel(self, name, _run_id=None):
        self.cancelled.append(name)
        if name in self.runs and self.runs[name].state is RunState.RUNNING:
            self.runs[name] = RunStatus(state=RunState.CANCELLED)
