"""The engine of a plan: says what would run, and pretends that its tables are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.engines import AnalysisRequest, Outlook, RunState, RunStatus
from datapump.results import ID_COLUMNS, expected_tables

if TYPE_CHECKING:
    from datapump.analyses import Analysis
    from datapump.engines import Engine
    from datapump.planning.objects import PlannedObjects
    from datapump.planning.plans import Recorder


class PlannedEngine:
    """Every run that is started has succeeded at once, and its tables hold their id columns.

    Attributes:
        outlooks: What the runs that were started would take, by the runs' names.
    """

    def __init__(self, real: Engine, objects: PlannedObjects, recorder: Recorder) -> None:
        self._real = real
        self._objects = objects
        self._recorder = recorder
        self.outlooks: dict[str, Outlook] = {}

    @property
    def analyses(self) -> frozenset[Analysis]:
        """What the deployment's engine can compute."""
        return self._real.analyses

    def find(self, name: str, run_id: str | None = None) -> RunStatus | None:
        """A run of the plan, or one that was started before it."""
        return RunStatus(state=RunState.SUCCEEDED) if name in self.outlooks else self._real.find(name, run_id)

    def outlook(self, request: AnalysisRequest) -> Outlook:
        """What the run would take."""
        return self._real.outlook(request)

    def start(self, request: AnalysisRequest) -> str | None:
        """Record that a run would be started."""
        if request.name in self.outlooks:
            return None
        self.outlooks[request.name] = self.outlook(request)
        for level, table in expected_tables(request.analysis, request.feature_type, change_only=request.change_only):
            header = "\t".join(ID_COLUMNS[level]) + "\n"
            self._objects.stage(f"{request.output}/{level}/{table}/part-00000.csv", header.encode())
        target = f"{request.analysis} of {request.feature_type} features"
        self._recorder.note("engine", "run", target, features=[*request.features], output=request.output)
        return None

    def cancel(self, name: str, run_id: str | None = None) -> None:
        """Nothing runs."""
