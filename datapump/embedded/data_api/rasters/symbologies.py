"""From pixel values to the colours of map tiles. Source: the Data API's own formulas for encoded tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from datapump.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

Values = np.ndarray[Any, Any]

_HIGH, _LOW, _STEP = 30000, 20000, 10000
_BASE = 255


def _date_conf(values: Values, intensity: Values) -> Values:
    """Red and green: the day, in base 255; blue: 100 of a low, 200 of a high confidence, plus the intensity."""
    alerts = values.astype(np.int64)
    day = alerts - (alerts >= _HIGH) * _STEP - (alerts >= _LOW) * _LOW
    blue = ((alerts >= _HIGH) + 1) * 100 + intensity
    return np.stack([day // _BASE, day % _BASE, blue]).astype(np.uint8)


def _year(values: Values, intensity: Values) -> Values:
    """Red: the year; blue: the intensity."""
    return np.stack([values, np.zeros_like(values), intensity]).astype(np.uint8)


class Symbology:
    """How the map tiles of one kind are drawn.

    Attributes:
        intensity: What a pixel with data has at the highest zoom level; below, it is resampled.
        resampling: How.
        colours: From values and intensities, shape (rows, columns), to colours, shape (3, rows, columns).
    """

    def __init__(self, intensity: int, resampling: str, colours: Callable[[Values, Values], Values]) -> None:
        self.intensity = intensity
        self.resampling = resampling
        self.colours = colours


_KNOWN = {
    "date_conf_intensity": Symbology(55, "bilinear", _date_conf),
    "year_intensity": Symbology(255, "average", _year),
}


def symbology(name: str) -> Symbology:
    """The symbology of that name.

    Raises:
        UnsupportedError: Its tiles are not drawn here.
    """
    if name not in _KNOWN:
        raise UnsupportedError(
            f"map tiles with symbology {name} are not drawn by the embedded Data API; it draws {', '.join(_KNOWN)}"
        )
    return _KNOWN[name]
