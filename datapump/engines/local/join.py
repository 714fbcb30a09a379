"""Which fires lie in which features."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

if TYPE_CHECKING:
    from datapump.engines.local.features import Features
    from datapump.engines.local.fires import Fires
    from datapump.engines.local.grouping import IntArray

_BLOCK_ROWS = 2048


class Matches(NamedTuple):
    """Pairs of a feature and a fire in it, each pair once, both of shape (k,).

    Attributes:
        feature: Number of the feature in the features' `ids`.
        fire: Index of the fire.
    """

    feature: IntArray
    fire: IntArray


class FireIndex:
    """Finds fires in polygons; to be asked from several threads at once.

    Args:
        fires: Some fires, few enough for their points to be held in memory.
    """

    def __init__(self, fires: Fires) -> None:
        self._fires = len(fires)
        # The tree holds the points and is asked with polygons: shapely prepares what it asks with, and a
        # prepared polygon decides about each of its points in logarithmic time.
        self._tree = shapely.STRtree(shapely.points(fires.longitude, fires.latitude))

    def within(self, features: Features, block: slice) -> Matches:
        """The fires in some features, boundaries included; coordinates are compared as they are.

        A fire counts once for a feature, however many of its rows it touches.

        Args:
            features: Valid polygons.
            block: Which rows of them: all rows of some features.
        """
        row, fire = self._tree.query(features.geometries[block], predicate="intersects")
        feature = features.codes[block][row]
        if not len(feature):
            return Matches(feature, fire)
        first = int(feature[0])
        pairs = np.unique((feature - first) * self._fires + fire)
        return Matches(pairs // self._fires + first, pairs % self._fires)


def blocks(codes: IntArray, size: int = _BLOCK_ROWS) -> list[slice]:
    """Rows in blocks of about `size`, never cut within a feature.

    Args:
        codes: The feature of each row, rising, shape (n,).
        size: How many rows at least, but for the last block.
    """
    cuts = [0]
    while cuts[-1] < len(codes):
        last = codes[min(cuts[-1] + size, len(codes)) - 1]
        cuts.append(int(np.searchsorted(codes, last, side="right")))
    return [slice(start, stop) for start, stop in pairwise(cuts)]
