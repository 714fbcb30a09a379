"""Every remote write is done once, also when the process dies in the middle of it.

Before a write its key is recorded as intended, afterwards as done. Who finds an intention without an outcome first asks
the remote system whether it happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datapump.errors import RemoteBusyError, RemoteRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from datapump.executions import Effect
    from datapump.ports import Ports

Outcome = dict[str, Any]


class UnsettledError(Exception):
    """It is too early to go on: look again later.

    Attributes:
        reason: What is waited for, in words: by default, the outcome of a write that may still be on its way.
    """

    def __init__(self, key: str, reason: str = "waiting to learn what became of the last write") -> None:
        super().__init__(key)
        self.reason = reason


def once(key: str, ports: Ports, do: Callable[[], Outcome | None], find: Callable[[], Outcome | None]) -> Outcome:
    """Do a write, unless it has been done.

    Args:
        key: Names the write for ever: job, step, target, attempt.
        ports: Where intentions are recorded.
        do: Makes the write; returns its outcome.
        find: Tells the outcome if the remote system shows that the write has happened, else None.

    Raises:
        RemoteRefusedError: The remote system said no; the intention is withdrawn.
        RemoteBusyError: It said "not now"; the intention is withdrawn.
        RemoteUnavailableError: It did not answer; the next call finds out what happened.
        UnsettledError: Too early to tell whether an earlier try has happened.
    """
    effect = ports.runs.get_effect(key)
    if effect is not None and effect.done:
        return effect.outcome or {}
    if effect is None:
        ports.runs.intend(key)
    else:
        age_s = age(effect, ports)
        outcome = find()
        if outcome is not None:
            ports.runs.complete(key, outcome)
            return outcome
        if age_s < ports.settings.effect_settle_s:
            raise UnsettledError(key)
        ports.runs.intend(key)
    try:
        outcome = do() or {}
    except (RemoteRefusedError, RemoteBusyError):
        ports.runs.withdraw(key)
        raise
    ports.runs.complete(key, outcome)
    return outcome


def age(effect: Effect, ports: Ports) -> float:
    """How many seconds ago a write without an outcome was tried.

    One that was tried in the future, because the clock has been set back since, counts from now.
    """
    age_s = (ports.clock.now() - effect.intended).total_seconds()
    if age_s < 0:
        effect.intended = ports.runs.intend(effect.key).intended
    return max(age_s, 0.0)
