"""Which engine runs an analysis: this machine's, or a cluster.

A pure decision on an estimate of the work, with its reason in words; and an engine that delegates by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Self

from datapump.analyses import FIRE_ANALYSES, Analysis
from datapump.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datapump.engines import AnalysisRequest, Engine, EngineName, Outlook, RunStatus
    from datapump.objects import Objects
    from datapump.settings import Settings

Preference = Literal["auto", "local", "emr"]

# Pixels of 30 m on the land of the world (1.5e8 km2), spread over the 1x1 degree export of its divisions.
_LAND_PIXELS: Final = 1.9e11
_EXPORT_BYTES: Final = 2.5e9
_FINER: Final = {Analysis.INTEGRATED_ALERTS: 6.25}
# What one process does in a second, all layers of an analysis.
_PIXELS_A_SECOND: Final = 5e6
_BYTES_A_SECOND: Final = 2e7
_HOUR: Final = 3600
_MB: Final = 1e6


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

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say."""
        return cls(settings.engine, settings.engine_limit_hours, settings.analysis_processes)


class Effort(NamedTuple):
    """Roughly what an analysis takes on this machine.

    Attributes:
        pixels: Pixels to look at.
        megabytes: Of features and fires, to read.
    """

    hours: float
    pixels: float
    megabytes: float

    def __str__(self) -> str:
        """In words: `about 5.3 hours of work for this machine (190 billion pixels, 2500 MB of features and fires)`."""
        hours = f"about {self.hours:.1f} hours" if self.hours >= 0.1 else "minutes"  # noqa: PLR2004 - what a person wants to know
        read = f"{self.megabytes:.0f} MB of features and fires"
        what = f"about {self.pixels / 1e9:.3g} billion pixels, {read}" if self.pixels else read
        return f"{hours} of work for this machine ({what})"


def effort(request: AnalysisRequest, work: Work, processes: int) -> Effort:
    """Roughly how much this machine has to do; areas are told from the size of the files that describe them."""
    size = work.features + work.fires
    reading = size / _BYTES_A_SECOND
    if request.analysis in FIRE_ANALYSES:
        return Effort(reading / _HOUR, 0, size / _MB)
    share = min(1.0, work.features / _EXPORT_BYTES)
    pixels = _LAND_PIXELS * share * _FINER.get(request.analysis, 1)
    return Effort((reading + pixels / _PIXELS_A_SECOND / processes) / _HOUR, pixels, size / _MB)


def choose(
    request: AnalysisRequest, work: Work, able: Mapping[EngineName, frozenset[Analysis]], limits: Limits
) -> tuple[EngineName, str]:
    """The engine that runs an analysis, and why.

    Args:
        request: The analysis, and which engine it was asked of.
        work: What there is to read.
        able: What each engine of the deployment can compute.
        limits: What decides.

    Returns:
        The engine, and the reason in words.

    Raises:
        UnsupportedError: None can, or not the one that was asked.
    """
    can = [name for name, analyses in able.items() if request.analysis in analyses]
    told = effort(request, work, limits.processes)
    if request.engine is not None:
        if request.engine not in can:
            raise UnsupportedError(_cannot(request.engine, request.analysis, able))
        return request.engine, f"the command asks for the engine {request.engine}; {told}"
    if not can:
        raise UnsupportedError(f"no engine of this deployment can compute {request.analysis}: configure its layers")
    if len(able) == 1:
        return can[0], f"this deployment has no other engine; {told}"
    if len(can) == 1:
        other = next(name for name in able if name != can[0])
        return can[0], f"the engine {other} cannot compute {request.analysis} here; {told}"
    if limits.prefer != "auto":
        return limits.prefer, f"the settings ask for the engine {limits.prefer}; {told}"
    if told.hours > limits.above_hours:
        return "emr", f"{told}, more than the limit of {limits.above_hours:g} hours"
    return "local", f"{told}, within the limit of {limits.above_hours:g} hours"


class ChoosingEngine:
    """Runs each analysis on the engine that `choose` chooses.

    A run stays where it was started: whoever remembers where that is asks that engine (`named`); without, a run is
    looked for on all, on a cluster first where its id is known.

    Args:
        engines: The engines of the deployment.
        objects: Where sources lie, whose sizes tell how much there is to do.
        limits: What decides.
    """

    def __init__(self, engines: Mapping[EngineName, Engine], objects: Objects, limits: Limits) -> None:
        self._engines = dict(engines)
        self._objects = objects
        self._limits = limits

    @property
    def names(self) -> tuple[EngineName, ...]:
        """The engines of the deployment."""
        return tuple(self._engines)

    @property
    def analyses(self) -> frozenset[Analysis]:
        """What any of them can compute."""
        return frozenset().union(*self._able().values())

    def named(self, name: EngineName | None) -> Engine:
        """One of the engines; None: all of them.

        Raises:
            UnsupportedError: The deployment does not have it (any more).
        """
        if name is None:
            return self
        if name not in self._engines:
            raise UnsupportedError(
                f"this run is on the engine {name}, which this deployment does not have any more: configure it again, "
                "then retry"
            )
        return self._engines[name]

    def refuse(self, analysis: Analysis, asked: EngineName | None) -> None:
        """Refuse an analysis that cannot be computed where it is asked for.

        Raises:
            UnsupportedError: The message says what can.
        """
        if asked is not None and analysis not in self._able().get(asked, frozenset()):
            raise UnsupportedError(_cannot(asked, analysis, self._able()))

    def find(self, name: str, run_id: str | None = None) -> RunStatus | None:
        """The run of that name in whatever state it is, None if it was never started."""
        found = (engine.find(name, run_id) for engine in self._order(run_id))
        return next((status for status in found if status is not None), None)

    def outlook(self, request: AnalysisRequest) -> Outlook:
        """Which engine the run would take, and why; nothing is started.

        Raises:
            UnsupportedError: None can compute it, or not the one that was asked.
        """
        name, reason = self._choice(request)
        return self._engines[name].outlook(request).model_copy(update={"engine": name, "reason": reason})

    def start(self, request: AnalysisRequest) -> str | None:
        """Start a run and return at once; one that an engine has started already changes nothing there.

        Raises:
            RemoteBusyError: The engine takes no more runs now; ask again later.
        """
        for engine in self._engines.values():
            if engine.find(request.name) is not None:
                return engine.start(request)
        return self._engines[self._choice(request)[0]].start(request)

    def cancel(self, name: str, run_id: str | None = None) -> None:
        """End the run if it goes on, wherever it is."""
        for engine in self._order(run_id):
            if engine.find(name, run_id) is not None:
                engine.cancel(name, run_id)
                return

    def _order(self, run_id: str | None) -> list[Engine]:
        names = sorted(self._engines, reverse=run_id is None)
        return [self._engines[name] for name in names]

    def _able(self) -> dict[EngineName, frozenset[Analysis]]:
        return {name: engine.analyses for name, engine in self._engines.items()}

    def _choice(self, request: AnalysisRequest) -> tuple[EngineName, str]:
        work = Work(self._size(request.features), self._size(request.fire_sources))
        return choose(request, work, self._able(), self._limits)

    def _size(self, names: tuple[str, ...]) -> int:
        return sum(info.size for name in names for info in self._objects.glob(name))


def _cannot(asked: EngineName, analysis: Analysis, able: Mapping[EngineName, frozenset[Analysis]]) -> str:
    if asked not in able:
        return f"this deployment has no engine {asked}; it has {' and '.join(able)}"
    return (
        f"the engine {asked} cannot compute {analysis} here: it computes {', '.join(sorted(able[asked])) or 'nothing'}"
    )
