"""The sync of fires: from a FIRMS feed to the night's file of what is new in it."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from datapump.errors import DataError, NotFoundError, StorageError
from datapump.sources.archives import ArchiveLimits
from datapump.sources.detections import Detections, write_detections
from datapump.sources.fire_files import FireType
from datapump.sources.fire_time import FireTime
from datapump.sources.firms_feed import open_feed
from datapump.sources.firms_rows import read_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.sources.firms_feed import Feed

NOT_NEWER = "not newer"
TOO_LATE = "later than until"
DUPLICATE = "duplicate"
_MOST_NAMES = 40


class FiresSummary(BaseModel):
    """What came of reading a feed. `rows` and all that is `skipped` add up to `read`.

    Attributes:
        rows: Rows written.
        first: The earliest fire written.
        last: The latest fire written.
        read: Rows of the feed.
        skipped: Rows not written, by reason.
        feed_first: The earliest fire of the feed, written or not.
        feed_last: The latest fire of the feed, written or not.
        gap: If the feed begins later than the last fire saved: a sentence that says so.
        gap_hours: How much later.
        out: The file written, None if there was nothing to write.
        reason: Why nothing was written.
        counted_from: From when on the feed's fires that are not newer were counted; None: they were not.
        older: How many those are, none twice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    first: FireTime | None = None
    last: FireTime | None = None
    read: int
    skipped: dict[str, int] = Field(default_factory=dict)
    feed_first: FireTime | None = None
    feed_last: FireTime | None = None
    gap: str | None = None
    gap_hours: float | None = None
    out: Path | None = None
    reason: str | None = None
    counted_from: FireTime | None = Field(default=None, exclude=True)
    older: int = Field(default=0, exclude=True)


def convert(  # noqa: PLR0913 - what is read, what of it, and where to: most by name
    source_file: Path,
    fire_type: FireType,
    *,
    after: FireTime | None,
    until: FireTime | None = None,
    out: Path,
    limits: ArchiveLimits | None = None,
    nights: Sequence[FireTime] = (),
) -> FiresSummary:
    """Write the feed's fires that are later than `after` and not later than `until`, by time, none twice.

    The same rows give the same bytes, whatever order they come in. The file appears only when it is complete; if
    there is nothing to write there is none. Give `until` where a fire dated in the future must not pass for the last.

    Args:
        source_file: The feed: see `open_feed`.
        fire_type: Whose fires they are.
        after: The last fire saved already; None: there is none.
        until: The last time to write.
        out: The tab-separated file to write; its folder is made if need be.
        limits: What an archive may hold.
        nights: The first fires of what is saved, earliest first: from the first that the feed still holds, its fires
            until `after` are counted.

    Raises:
        NotFoundError: There is no such feed.
        DataError: The feed cannot be used: another kind of file, damaged, columns missing, no usable row.
        StorageError: The disk refused the file.
    """
    if not source_file.is_file():
        raise NotFoundError(f"the feed {str(source_file)!r} does not exist")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fires-", dir=out.parent) as folder:
            feed = open_feed(source_file, Path(folder) / "feed", limits or ArchiveLimits())
            rows, summary = _select(feed, fire_type, after, until, nights)
            if not len(rows):
                return summary
            part = Path(folder) / "part"
            write_detections(rows, fire_type, part)
            part.replace(out)
    except OSError as error:
        raise StorageError(f"{source_file.name} could not be turned into {out}: {error}") from error
    return summary.model_copy(update={"out": out})


def detect_fire_type(source_file: Path, *, limits: ArchiveLimits | None = None) -> FireType:
    """Whose fires a feed holds, told from its columns.

    Raises:
        NotFoundError: There is no such feed.
        DataError: Its columns are neither VIIRS' nor MODIS', or it is damaged.
        StorageError: The disk refused the unpacked files.
    """
    if not source_file.is_file():
        raise NotFoundError(f"the feed {str(source_file)!r} does not exist")
    try:
        with tempfile.TemporaryDirectory() as folder:
            feed = open_feed(source_file, Path(folder), limits or ArchiveLimits())
    except OSError as error:
        raise StorageError(f"{source_file.name} could not be opened: {error}") from error
    fitting = [fire_type for fire_type in FireType if not _missing(feed, fire_type)]
    if len(fitting) != 1:
        raise DataError(f"{feed.name} is neither a VIIRS nor a MODIS feed: its columns are {_words(feed.columns)}")
    return fitting[0]


def _select(
    feed: Feed, fire_type: FireType, after: FireTime | None, until: FireTime | None, nights: Sequence[FireTime]
) -> tuple[Detections, FiresSummary]:
    """The rows to write, in order, and the summary of having written them."""
    _check_columns(feed, fire_type)
    parts, spans, older = [_no_rows()], [], [_no_rows()]
    read, skipped = 0, Counter[str]()
    for batch in feed.batches(fire_type.columns[2:]):
        usable, faults = read_rows(batch, fire_type)
        wanted, outside = _between(usable, after, until)
        read += len(batch.latitude)
        skipped.update(faults + outside)
        spans.append(usable.span())
        parts.append(wanted)
        if nights and after is not None:
            older.append(usable.where((usable.minute >= nights[0].minute) & (usable.minute <= after.minute)))
    skipped.update(feed.passed_over)
    read += feed.passed_over.total()
    known = [span for span in spans if span]
    if read and not known:
        raise DataError(f"none of the {read} rows of {feed.name} can be used: {_listed(skipped)}")
    rows, skipped[DUPLICATE] = Detections.concatenate(parts).sorted_unique()
    first, last = rows.span() or (None, None)
    feed_first = min((span[0] for span in known), default=None)
    feed_last = max((span[1] for span in known), default=None)
    hours = _gap_hours(after, feed_first)
    counted_from = next((night for night in nights if feed_first is not None and night >= feed_first), None)
    summary = FiresSummary(
        rows=len(rows),
        first=first,
        last=last,
        read=read,
        skipped={reason: count for reason, count in sorted(skipped.items()) if count},
        feed_first=feed_first,
        feed_last=feed_last,
        gap=_gap(hours, after, feed_first),
        gap_hours=hours,
        reason=None if len(rows) else _reason(feed_first, feed_last, after, until),
        counted_from=counted_from,
        older=0 if counted_from is None else _count(Detections.concatenate(older), counted_from),
    )
    return rows, summary


def _between(rows: Detections, after: FireTime | None, until: FireTime | None) -> tuple[Detections, Counter[str]]:
    """The rows later than `after` and not later than `until`; how many are not, by reason."""
    old = np.zeros(len(rows), dtype=bool) if after is None else rows.minute <= after.minute
    late = np.zeros(len(rows), dtype=bool) if until is None else (rows.minute > until.minute) & ~old
    outside = Counter({NOT_NEWER: int(old.sum()), TOO_LATE: int(late.sum())})
    return (rows.where(~(old | late)) if outside.total() else rows), outside


def _count(rows: Detections, begin: FireTime) -> int:
    """How many of these fires were seen then or later, none twice."""
    return len(rows.where(rows.minute >= begin.minute).sorted_unique()[0])


def _gap_hours(after: FireTime | None, feed_first: FireTime | None) -> float | None:
    """How much later than the last fire saved the feed begins; None if it does not."""
    if after is None or feed_first is None or feed_first <= after:
        return None
    return after.hours_until(feed_first)


def _gap(hours: float | None, after: FireTime | None, feed_first: FireTime | None) -> str | None:
    if hours is None:
        return None
    return (
        f"the feed begins at {feed_first}, {hours:.1f} hours later than the last fire saved ({after}): "
        "fires in between are missing; fill them in from the FIRMS archive"
    )


def _reason(
    feed_first: FireTime | None, feed_last: FireTime | None, after: FireTime | None, until: FireTime | None
) -> str:
    """Why there is nothing to write."""
    if feed_first is None:
        return "the feed holds no fires"
    if after is not None and feed_last is not None and feed_last <= after:
        return f"nothing newer than {after}: the feed ends at {feed_last}"
    bounds = f"not later than {until}" if after is None else f"later than {after} and not later than {until}"
    return f"nothing {bounds}: the feed goes from {feed_first} to {feed_last}"


def _check_columns(feed: Feed, fire_type: FireType) -> None:
    missing = _missing(feed, fire_type)
    if not missing:
        return
    hint = ""
    if not _missing(feed, fire_type.other):
        hint = f"; it looks like a feed of {fire_type.other.value} fires"
    raise DataError(
        f"{feed.name} has no {_words(missing)}: a feed of {fire_type.value} fires has the columns "
        f"{_words(fire_type.columns)}, this one has {_words(feed.columns)}{hint}"
    )


def _missing(feed: Feed, fire_type: FireType) -> list[str]:
    return [name for name in fire_type.columns if name not in feed.columns]


def _words(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:_MOST_NAMES])} and {more} more"


def _listed(skipped: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()) if count)


def _no_rows() -> Detections:
    whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
    return Detections(whole, real, real, whole, real, real, real)
