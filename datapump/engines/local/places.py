"""A sample of the fires that lie in features, to be drawn on a map."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from datapump.places import MOST_PLACES, Day, DayOfFires, MultiPoint, Places, places_uri

if TYPE_CHECKING:
    from datapump.engines.local.fires import Fires
    from datapump.engines.local.grouping import BoolArray, FloatArray
    from datapump.objects import Objects

_EPOCH = date(1970, 1, 1)
# About a metre.
_DECIMALS = 5
_SEED = 7


class Sample:
    """Keeps as many fires as a map can show, each of those it is given as likely as any other.

    Which are kept depends on their order alone, not on how many are given at a time: the same input gives the same.

    Attributes:
        total: How many it has been given.
    """

    def __init__(self, most: int = MOST_PLACES) -> None:
        self.total = 0
        self._most = most
        self._random = np.random.default_rng(_SEED)
        # Drawn lot, longitude, latitude, day.
        self._kept: FloatArray = np.zeros((4, 0))

    def add(self, fires: Fires, hit: BoolArray) -> None:
        """Give it the fires that are hit.

        Args:
            fires: Some fires.
            hit: Which of them lie in a feature, shape (n,).
        """
        chosen = np.stack([fires.longitude[hit], fires.latitude[hit], fires.day[hit]])
        self.total += chosen.shape[1]
        lots = self._random.random(chosen.shape[1])
        together = np.hstack([self._kept, np.vstack([lots, chosen])])
        self._kept = together[:, np.argsort(together[0], kind="stable")[: self._most]]

    def places(self) -> Places:
        """Those that are kept, by day, the newest first."""
        _, longitude, latitude, day = self._kept
        features = []
        for one in np.unique(day)[::-1]:
            where = day == one
            pairs = np.column_stack([longitude[where], latitude[where]]).round(_DECIMALS).tolist()
            features.append(
                DayOfFires(
                    properties=Day(date=str(_EPOCH + timedelta(days=int(one)))),
                    geometry=MultiPoint(coordinates=[(x, y) for x, y in sorted(pairs)]),
                )
            )
        return Places(features=features, total=self.total)

    def write(self, objects: Objects, output: str) -> None:
        """Write them beside the run's tables.

        Raises:
            StorageError: The disk or bucket refused it.
        """
        objects.put(places_uri(output), self.places().model_dump_json().encode())
