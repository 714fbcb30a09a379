"""Counts of fires by feature, day, confidence and context."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from datapump.engines.local.grouping import grouped
from datapump.engines.local.join import FireIndex, blocks
from datapump.engines.local.places import Sample

if TYPE_CHECKING:
    from datapump.engines.local.features import Features
    from datapump.engines.local.fires import Fires
    from datapump.engines.local.grouping import BoolArray, IntArray

_MERGE_ROWS = 2_000_000
_THREADS = 2


@dataclass(frozen=True)
class Counts:
    """Distinct groups of fires, ordered by feature, day, confidence, context; all of shape (k,).

    Attributes:
        feature: Number of the feature.
        day: Days since 1970-01-01.
        confidence: Number of the confidence text.
        context: Number of the context.
        count: How many fires.
    """

    feature: IntArray
    day: IntArray
    confidence: IntArray
    context: IntArray
    count: IntArray


@dataclass
class Tally:
    """Counts fires in features, chunk by chunk.

    Attributes:
        features: Where they are counted.
        fires: How many fires were looked at.
        matched: How many of them lie in at least one feature.
        sample: Some of those.
    """

    features: Features
    fires: int = 0
    matched: int = 0
    sample: Sample = field(default_factory=Sample)
    _parts: list[list[IntArray]] = field(default_factory=list)
    _rows: int = 0

    def add(self, fires: Fires, context: IntArray) -> None:
        """Count some more fires.

        Args:
            fires: The fires.
            context: The number of each fire's context, shape (n,).
        """
        index = FireIndex(fires)
        hit: BoolArray = np.zeros(len(fires), dtype=bool)

        def count(block: slice) -> list[IntArray]:
            feature, fire = index.within(self.features, block)
            hit[fire] = True
            keys = [feature, fires.day[fire], fires.confidence[fire], context[fire]]
            keys, counts = grouped(keys, np.ones(len(fire), dtype=np.int64))
            return [*keys, counts]

        with ThreadPoolExecutor(_THREADS) as pool:
            for part in pool.map(count, blocks(self.features.codes)):
                self._parts.append(part)
                self._rows += len(part[-1])
        self.fires += len(fires)
        self.matched += int(np.count_nonzero(hit))
        self.sample.add(fires, hit)
        if self._rows > _MERGE_ROWS and self._rows > 2 * len(self._parts[0][-1]):
            self._merge()

    def counts(self) -> Counts:
        """All that was counted."""
        self._merge()
        return Counts(*self._parts[0])

    def _merge(self) -> None:
        empty = [np.zeros(0, dtype=np.int64) for _ in range(5)]
        columns = [np.concatenate(column) for column in zip(empty, *self._parts, strict=True)]
        keys, counts = grouped(columns[:-1], columns[-1])
        self._parts, self._rows = [[*keys, counts]], len(counts)
