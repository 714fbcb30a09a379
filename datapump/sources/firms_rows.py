"""From the columns of a FIRMS feed to fires: every row is read, or passed over for a reason."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from datapump.sources.columns import UNREADABLE, codes, numbers
from datapump.sources.detections import Detections
from datapump.sources.fire_files import FireType
from datapump.sources.fire_time import MINUTES_A_DAY, day_number, minute_of_day

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datapump.sources.firms_feed import FeedBatch

_PERCENT = re.compile(r"(\d{1,3})(?:\.0*)?", re.ASCII)
_VIIRS_CONFIDENCE = {word: ord(word[0]) for word in ("l", "n", "h", "low", "nominal", "high")}


def read_rows(batch: FeedBatch, fire_type: FireType) -> tuple[Detections, Counter[str]]:
    """The fires of a batch, in its order, and how many rows were passed over for which reason.

    A row counts for the first reason that holds. Missing brightness or power is no reason: the row keeps NaN there.
    """
    latitude, longitude = batch.latitude, batch.longitude
    day = codes(batch.texts["acq_date"], day_number)
    minute = codes(batch.texts["acq_time"], minute_of_day)
    confidence = codes(batch.texts["confidence"], viirs_confidence if fire_type is FireType.VIIRS else modis_confidence)
    faults: list[tuple[str, NDArray[np.bool_]]] = [
        ("no coordinate", np.isnan(latitude) | np.isnan(longitude)),
        ("coordinate out of range", (np.abs(latitude) > 90) | (np.abs(longitude) > 180)),  # noqa: PLR2004 - degrees
        ("unreadable date", day == UNREADABLE),
        ("unreadable time", minute == UNREADABLE),
        ("impossible confidence", confidence == UNREADABLE),
    ]
    measured = []
    for name in (*fire_type.brightness, "frp"):
        values, unreadable = numbers(batch.texts[name])
        measured.append(values)
        faults.append((f"unreadable {name}", unreadable))
    usable, skipped = _sift(faults)
    rows = Detections(day * MINUTES_A_DAY + minute, latitude, longitude, confidence, *measured)
    return (rows.where(usable) if skipped else rows), skipped


def viirs_confidence(text: str) -> int:
    """The code point of `l`, `n` or `h`, from the letter or the word it begins, in any case.

    Raises:
        ValueError: Another text.
    """
    code = _VIIRS_CONFIDENCE.get(text.lower())
    if code is None:
        raise ValueError(f"{text!r} is not a VIIRS confidence: expected low, nominal or high")
    return code


def modis_confidence(text: str) -> int:
    """The percentage, 0 to 100.

    Raises:
        ValueError: Another number, or none.
    """
    match = _PERCENT.fullmatch(text)
    if match is None or int(match[1]) > 100:  # noqa: PLR2004 - per cent
        raise ValueError(f"{text!r} is not a MODIS confidence: expected a whole number from 0 to 100")
    return int(match[1])


def _sift(faults: list[tuple[str, NDArray[np.bool_]]]) -> tuple[NDArray[np.bool_], Counter[str]]:
    """Which rows have no fault, and how many have each as their first."""
    usable = np.ones(len(faults[0][1]), dtype=bool)
    skipped: Counter[str] = Counter()
    for reason, faulty in faults:
        count = int((faulty & usable).sum())
        if count:
            skipped[reason] += count
            usable &= ~faulty
    return usable, skipped
