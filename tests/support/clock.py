"""A clock that only moves when told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count


class FakeClock:
    """Stands still; ids count up."""

    def __init__(self, start=datetime(2026, 2, 1, 2, 0, tzinfo=UTC)):
        self.moment = start
        self._ids = count(1)

    def now(self):
        return self.moment

    def new_id(self):
        return f"{next(self._ids):032x}"

    def jitter(self):
        return 1.0

    def advance(self, seconds):
        self.moment += timedelta(seconds=seconds)
