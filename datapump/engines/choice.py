"""Which engine runs an analysis: this machine's, or a cluster.

A pure decision on an estimate of the work, with its reason in words; and an engine that delegates by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from datapump.errors import DataError, NotFoundError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datapump.analyses import Analysis
    from datapump.engines import AnalysisRequest, Engine, EngineName, Outlook, RunStatus
    from datapump.settings import Settings

Preference = Literal["auto", "local", "emr"]


class Limits(NamedTuple):
    """What decides.

    Attributes:
        prefer: `local` or `emr`: that one wherever it can; `auto`: by the estimate.
        above_hours: From how many estimated hours on this machine a cluster is started.
    """

    prefer: Preference = "auto"
    above_hours: float = 6.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say."""
        return cls(settings.engine, settings.engine_limit_hours)


class Effort(NamedTuple):
    """Roughly what an analysis takes on this machine.

    Attributes:
        pixels: Pixels to look at.
        megabytes: Of features and fires, to read.
        fires: Fires to look for in features.
        layers: Rasters that are configured for the analysis.
    """

    hours: float
    pixels: float
    megabytes: float
    fires: float = 0
    layers: int = 0

    def __str__(self) -> str:
        """In words: `about 5.3 h on this machine (190 billion pixels of 27 layers, 2,500 MB of features)`."""
        read = f"{_two(self.megabytes)} MB of features{' and fires' if self.fires else ''}"
        layers = f"{self.layers} layer{'s' * (self.layers != 1)}"
        if self.pixels:
            what = f"{_large(self.pixels)} pixels of {layers}, {read}"
        else:
            what = f"{_large(self.fires)} fires looked up in {layers}, {read}" if self.fires and self.layers else read
        return f"{_span(self.hours)} on this machine ({what})"


class Unknown(NamedTuple):
    """Why nobody can tell how much an analysis is."""

    why: str

    def __str__(self) -> str:
        """In words."""
        return f"how much work it is cannot be told beforehand: {self.why}"


# How the work for this machine is told; its errors are those of what it reads.
Estimate = Callable[["AnalysisRequest"], Effort]


def choose(
    request: AnalysisRequest,
    told: Effort | Unknown | None,
    able: Mapping[EngineName, frozenset[Analysis]],
    limits: Limits,
) -> tuple[EngineName, str]:
    """The engine that runs an analysis, and why.

    What cannot be told is tried here: this machine says in a minute what is wrong with its input, and a cluster costs
    money.

    Args:
        request: The analysis, and which engine it was asked of.
        told: How much work it is for this machine; None: there is no engine here.
        able: What each engine of the deployment can compute.
        limits: What decides.

    Returns:
        The engine, and the reason in words.

    Raises:
        UnsupportedError: None can, or not the one that was asked.
    """
    can = [name for name, analyses in able.items() if request.analysis in analyses]
    work = "" if told is None else f"; {told}"
    if request.engine is not None:
        if request.engine not in can:
            raise UnsupportedError(_cannot(request.engine, request.analysis, able))
        return request.engine, f"the command asks for the engine {request.engine}{work}"
    if not can:
        raise UnsupportedError(f"no engine of this deployment can compute {request.analysis}: configure its layers")
    if len(able) == 1:
        return can[0], f"this deployment has no other engine{work}"
    if len(can) == 1:
        other = next(name for name in able if name != can[0])
        return can[0], f"the engine {other} cannot compute {request.analysis} here{work}"
    if limits.prefer != "auto":
        return limits.prefer, f"the settings ask for the engine {limits.prefer}{work}"
    return _by_work(told, limits)


def _by_work(told: Effort | Unknown | None, limits: Limits) -> tuple[EngineName, str]:
    if not isinstance(told, Effort):
        return "local", f"{told or 'nobody tells how much work it is'}; so it is tried on this machine"
    if told.hours > limits.above_hours:
        return "emr", f"{told}, more than the limit of {limits.above_hours:g} h"
    return "local", f"{told}, within the limit of {limits.above_hours:g} h"


class ChoosingEngine:
    """Runs each analysis on the engine that `choose` chooses.

    A run stays where it was started: whoever remembers where that is asks that engine (`named`); without, a run is
    looked for on all, on a cluster first where its id is known.

    Args:
        engines: The engines of the deployment.
        estimate: Tells how much work an analysis is for this machine; None: no engine is here.
        limits: What decides.
    """

    def __init__(self, engines: Mapping[EngineName, Engine], estimate: Estimate | None, limits: Limits) -> None:
        self._engines = dict(engines)
        self._estimate = estimate
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
        told = self._told(request)
        name, reason = choose(request, told, self._able(), self._limits)
        seconds = told.hours * 3600 if name == "local" and isinstance(told, Effort) else None
        found = {"engine": name, "reason": reason, "duration_s": seconds}
        return self._engines[name].outlook(request).model_copy(update=found)

    def start(self, request: AnalysisRequest) -> str | None:
        """Start a run and return at once; one that an engine has started already changes nothing there.

        Raises:
            RemoteBusyError: The engine takes no more runs now; ask again later.
        """
        for engine in self._engines.values():
            if engine.find(request.name) is not None:
                return engine.start(request)
        name, _ = choose(request, self._told(request), self._able(), self._limits)
        return self._engines[name].start(request)

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

    def _told(self, request: AnalysisRequest) -> Effort | Unknown | None:
        """How much work it is for this machine, where it can compute it: not being able to tell is no reason not to.

        A bucket that does not answer is an error.
        """
        if self._estimate is None or request.analysis not in self._able().get("local", ()):
            return None
        try:
            return self._estimate(request)
        except (NotFoundError, DataError) as error:
            return Unknown(error.message)


def _span(hours: float) -> str:
    minutes = hours * 60
    if minutes < 1:
        return "less than a minute"
    return f"about {minutes:.0f} min" if minutes < 90 else f"about {_two(hours)} h"  # noqa: PLR2004 - what a person wants to know


def _large(number: float) -> str:
    for size, name in ((1e9, "billion"), (1e6, "million")):
        if number >= size:
            return f"{_two(number / size)} {name}"
    return _two(number)


def _two(number: float) -> str:
    """A number to two digits that count, written out: 0.52, 5.2, 52, 520, 5,200."""
    return f"{float(f'{number:.2g}'):,.15g}"


def _cannot(asked: EngineName, analysis: Analysis, able: Mapping[EngineName, frozenset[Analysis]]) -> str:
    if asked not in able:
        return f"this deployment has no engine {asked}; it has {' and '.join(able)}"
    return (
        f"the engine {asked} cannot compute {analysis} here: it computes {', '.join(sorted(able[asked])) or 'nothing'}"
    )
