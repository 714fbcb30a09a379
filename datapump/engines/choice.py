"""Which engine runs an analysis: this machine's, or a cluster.

A pure decision on an estimate of the work, with its reason in words; and an engine that delegates by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from datapump.analyses import FIRE_ANALYSES, Analysis
from datapump.errors import UnsupportedError

if TYPE_CHECKING:
    from datapump.engines import AnalysisRequest, Engine, Outlook, RunStatus
    from datapump.objects import Objects

Preference = Literal["auto", "local", "emr"]

LOCAL: Final = "local"
EMR: Final = "emr"

# Pixels of 30 m on the land of the world (1.5e8 km2), spread over the 1x1 degree export of its divisions.
_LAND_PIXELS: Final = 1.9e11
_EXPORT_BYTES: Final = 2.5e9
_FINER: Final = {Analysis.INTEGRATED_ALERTS: 6.25}
# What one process does in a second, all layers of an analysis.
_PIXELS_A_SECOND: Final = 5e6
_BYTES_A_SECOND: Final = 2e7
_HOUR: Final = 3600


class Work(NamedTuple):
    """What there is to read, in bytes."""

    features: int
    fires: int = 0


class Limits(NamedTuple):
    """What decides.

    Attributes:
        prefer: `local` or `emr`: that one wherever it can; `auto`: by the estimate.
        above_hours: From how many estimated hours on this machine a cluster is started.
        processes: Processes of one analysis on this machine.
    """

    prefer: Preference = "auto"
    above_hours: float = 6.0
    processes: int = 2


def estimated_hours(request: AnalysisRequest, work: Work, processes: int) -> float:
    """Roughly how long this machine takes; areas are told from the size of the files that describe them."""
    reading = (work.features + work.fires) / _BYTES_A_SECOND
    if request.analysis in FIRE_ANALYSES:
        return reading / _HOUR
    share = min(1.0, work.features / _EXPORT_BYTES)
    pixels = _LAND_PIXELS * share * _FINER.get(request.analysis, 1)
    return (reading + pixels / _PIXELS_A_SECOND / processes) / _HOUR


def choose(
    request: AnalysisRequest, work: Work, able: dict[str, frozenset[Analysis]], limits: Limits
) -> tuple[str, str]:
    """The engine that runs an analysis, and why.

    Args:
        request: The analysis.
        work: What there is to read.
        able: What each engine can compute, by its name.
        limits: What decides.

    Returns:
        `local` or `emr`, and the reason in words.

    Raises:
        UnsupportedError: Neither can.
    """
    can = [name for name in (LOCAL, EMR) if request.analysis in able.get(name, frozenset())]
    if not can:
        raise UnsupportedError(f"no engine of this deployment can compute {request.analysis}: configure its layers")
    hours = estimated_hours(request, work, limits.processes)
    told = f"about {hours:.1f} hours of work for this machine" if hours >= 0.1 else "minutes of work for this machine"  # noqa: PLR2004 - what a person wants to know
    if len(can) == 1:
        other = EMR if can[0] == LOCAL else LOCAL
        return can[0], f"{told}; the engine {other} cannot compute {request.analysis} here"
    if limits.prefer != "auto":
        return limits.prefer, f"{told}; the settings ask for the engine {limits.prefer}"
    if hours > limits.above_hours:
        return EMR, f"{told}, more than the limit of {limits.above_hours:g}"
    return LOCAL, f"{told}, within the limit of {limits.above_hours:g} hours"


class ChoosingEngine:
    """Runs each analysis on the engine that `choose` chooses.

    A run stays where it was started: it is looked for on both, on a cluster first where its id is known.

    Args:
        local: This machine's engine.
        emr: The one that starts clusters.
        objects: Where sources lie, whose sizes tell how much there is to do.
        limits: What decides.
    """

    def __init__(self, local: Engine, emr: Engine, objects: Objects, limits: Limits) -> None:
        self._engines = {LOCAL: local, EMR: emr}
        self._objects = objects
        self._limits = limits

    @property
    def analyses(self) -> frozenset[Analysis]:
        """What either can compute."""
        return self._engines[LOCAL].analyses | self._engines[EMR].analyses

    def find(self, name: str, run_id: str | None = None) -> RunStatus | None:
        """The run of that name in whatever state it is, None if it was never started."""
        order = (EMR, LOCAL) if run_id else (LOCAL, EMR)
        found = (self._engines[engine].find(name, run_id) for engine in order)
        return next((status for status in found if status is not None), None)

    def outlook(self, request: AnalysisRequest) -> Outlook:
        """Which engine the run would take, and why; nothing is started."""
        engine, reason = self._choice(request)
        outlook = self._engines[engine].outlook(request)
        return outlook.model_copy(update={"engine": engine, "reason": reason})

    def start(self, request: AnalysisRequest) -> str | None:
        """Start a run and return at once; one that either engine has started already changes nothing there.

        Raises:
            RemoteBusyError: The engine takes no more runs now; ask again later.
        """
        for engine in (LOCAL, EMR):
            if self._engines[engine].find(request.name) is not None:
                return self._engines[engine].start(request)
        return self._engines[self._choice(request)[0]].start(request)

    def cancel(self, name: str, run_id: str | None = None) -> None:
        """End the run if it goes on, wherever it is."""
        for engine in (EMR, LOCAL) if run_id else (LOCAL, EMR):
            if self._engines[engine].find(name, run_id) is not None:
                self._engines[engine].cancel(name, run_id)
                return

    def _choice(self, request: AnalysisRequest) -> tuple[str, str]:
        able = {name: engine.analyses for name, engine in self._engines.items()}
        work = Work(self._size(request.features), self._size(request.fire_sources))
        return choose(request, work, able, self._limits)

    def _size(self, names: tuple[str, ...]) -> int:
        return sum(info.size for name in names for info in self._objects.glob(name))
