"""The port behind which contextual layers are sampled at points, and the contexts that come of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.engines.local.catalog import Layer
    from datapump.engines.local.grouping import FloatArray, IntArray


class LayerSampler(Protocol):
    """Reads rasters at points."""

    @property
    def missing(self) -> dict[str, int]:
        """Of each layer: how many of the tiles that points lie in are not there."""
        ...

    def sample(self, layer: Layer, longitude: FloatArray, latitude: FloatArray) -> IntArray:
        """The layer's pixel value at each point.

        Args:
            layer: A configured layer.
            longitude: Degrees east, WGS 84, shape (n,).
            latitude: Degrees north, WGS 84, shape (n,).

        Returns:
            Shape (n,); 0 where the raster has no pixel or its nodata value.
        """
        ...


class Contexts:
    """The distinct combinations of layer values that points have, each with a number.

    Args:
        layers: The layers that are sampled, in column order; the others are null.
        sampler: What samples them; None only where no layer is sampled.
    """

    def __init__(self, layers: Sequence[Layer] = (), sampler: LayerSampler | None = None) -> None:
        if layers and sampler is None:
            raise ValueError("layers without a sampler")
        self._layers = tuple(layers)
        self._sampler = sampler
        self._numbers: dict[tuple[str, ...], int] = {}
        if not layers:
            self._numbers[()] = 0

    def at(self, longitude: FloatArray, latitude: FloatArray) -> IntArray:
        """The number of each point's context.

        Args:
            longitude: Degrees east, shape (n,).
            latitude: Degrees north, shape (n,).
        """
        if self._sampler is None or not len(longitude):
            return np.zeros(len(longitude), dtype=np.int64)
        values = np.stack([self._sampler.sample(layer, longitude, latitude) for layer in self._layers], axis=1)
        distinct, inverse = np.unique(values, axis=0, return_inverse=True)
        numbers = [self._number(row) for row in distinct]
        return np.asarray(numbers, dtype=np.int64)[inverse.reshape(-1)]

    def texts(self) -> list[dict[str, str]]:
        """Of each context, by number: the text of every sampled layer, by name."""
        names = [layer.name for layer in self._layers]
        return [dict(zip(names, texts, strict=True)) for texts in self._numbers]

    def _number(self, values: IntArray) -> int:
        texts = tuple(layer.text(int(value)) for layer, value in zip(self._layers, values, strict=True))
        return self._numbers.setdefault(texts, len(self._numbers))
