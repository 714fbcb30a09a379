"""The port for time, ids and randomness: nothing else in datapump asks the machine for them."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where time, ids and randomness come from."""

    def now(self) -> datetime:
        """The current instant, timezone-aware, UTC."""
        ...

    def new_id(self) -> str:
        """A new id: 32 lower-case hexadecimal digits, in the order of their making."""
        ...

    def jitter(self) -> float:
        """A number in [0, 1)."""
        ...


class SystemClock:
    """The machine's own clock and random source."""

    def now(self) -> datetime:
        """The current instant, timezone-aware, UTC."""
        return datetime.now(UTC)

    def new_id(self) -> str:
        """48 bits of milliseconds, then 80 random bits: ids sort by their time of making."""
        milliseconds = int(self.now().timestamp() * 1000)
        return f"{milliseconds:012x}{uuid.uuid4().hex[:20]}"

    def jitter(self) -> float:
        """A number in [0, 1)."""
        return random.random()  # noqa: S311 - spreads retries, guards nothing


def isoformat(moment: datetime) -> str:
    """`2026-11-22T06:56:44.857569Z`: UTC with a fixed width, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
