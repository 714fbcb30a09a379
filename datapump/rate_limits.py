"""How often a caller may ask: a token bucket for each, in the memory of the process."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from datapump.clock import Clock


class Allowance(NamedTuple):
    """What a caller may still do.

    Attributes:
        allowed: Whether this request may pass.
        quota: The most requests at once.
        window_s: Seconds in which an empty bucket fills.
        remaining: Requests that may follow at once.
        full_in_s: Seconds until the bucket is full again.
        next_in_s: Seconds until a request may pass; 0 if one may now.
    """

    allowed: bool
    quota: int
    window_s: int
    remaining: int
    full_in_s: int
    next_in_s: int


class RateLimiter:
    """Token buckets: each caller's holds `quota` requests and fills within `window_s` seconds."""

    def __init__(self, clock: Clock, quota: int, window_s: int) -> None:
        self._clock = clock
        self._quota = quota
        self._window_s = window_s
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, datetime]] = {}

    def take(self, caller: str) -> Allowance:
        """Count a request of a caller, if it may pass."""
        now = self._clock.now()
        rate = self._quota / self._window_s
        with self._lock:
            tokens, since = self._buckets.get(caller, (float(self._quota), now))
            # A clock that was set back must not empty the bucket.
            elapsed = max((now - since).total_seconds(), 0.0)
            tokens = min(tokens + elapsed * rate, float(self._quota))
            allowed = tokens >= 1
            tokens -= allowed
            self._buckets[caller] = (tokens, now)
        return Allowance(
            allowed=allowed,
            quota=self._quota,
            window_s=self._window_s,
            remaining=int(tokens),
            full_in_s=math.ceil((self._quota - tokens) / rate),
            next_in_s=0 if tokens >= 1 else math.ceil((1 - tokens) / rate),
        )
