"""A real feed as two nights: what comes before its last day is kept already, the last day is news."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from datapump.errors import DataError
from datapump.sources.fire_files import near_real_time_name
from datapump.sources.fire_time import MINUTES_A_DAY, FireTime
from datapump.sources.firms import convert, detect_fire_type

if TYPE_CHECKING:
    from pathlib import Path

    from datapump.sources.fire_files import FireType


class History(NamedTuple):
    """The fires of a feed before its last day.

    Attributes:
        path: The file that holds them.
        name: What such a file is called among the saved ones.
    """

    fire_type: FireType
    path: Path
    name: str


def split(feed: Path, folder: Path) -> History:
    """Write the fires before the feed's last day into a folder; of a feed of one day, those of its first minute.

    Raises:
        DataError: Not a FIRMS feed, or one without a usable fire.
        StorageError: The disk refused a write.
    """
    fire_type = detect_fire_type(feed)
    every = convert(feed, fire_type, after=None, out=folder / f"{fire_type}-all.tsv")
    if every.first is None or every.last is None:
        raise DataError(f"{feed} holds no usable fire")
    eve = FireTime(every.last.minute // MINUTES_A_DAY * MINUTES_A_DAY - 1)
    path = folder / f"{fire_type}-before.tsv"
    before = convert(feed, fire_type, after=None, until=max(eve, every.first), out=path)
    if before.first is None or before.last is None:
        raise DataError(f"{feed} holds no usable fire")
    return History(fire_type, path, near_real_time_name(before.first, before.last))
