"""The fire files of a run as the arguments of a step, which EMR limits."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from datapump.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from datapump.objects import Objects

# All arguments of an EMR step may have 10,280 characters together.
LONGEST: Final = 9000
OPTION: Final = len("--fire_alert_source ") + 1
_YEAR: Final = len("2026-")
_MONTH: Final = len("2026-01-")


def fitted(sources: Sequence[str], objects: Objects) -> tuple[str, ...]:
    """The same files, where they are too many for a step by patterns that match exactly them.

    The files of a whole past year become one pattern, then those of a whole past month. Files that arrive later are
    never matched: new alerts come after all that are saved, and the month of the last file is always named file by
    file.

    Raises:
        UnsupportedError: There are too many all the same.
    """
    if _length(sources) <= LONGEST:
        return tuple(sources)
    shortened: list[str] = []
    for folder, names in groupby(sorted(sources), key=lambda name: name.rsplit("/", 1)[0]):
        shortened += _patterns(folder, [name.rsplit("/", 1)[1] for name in names], objects)
    if _length(shortened) > LONGEST:
        raise UnsupportedError(f"{len(sources)} fire files are more than a step of EMR can be told of: merge old ones")
    return tuple(shortened)


def _length(sources: Iterable[str]) -> int:
    return sum(len(source) + OPTION for source in sources)


def _patterns(folder: str, names: list[str], objects: Objects) -> list[str]:
    wanted = {f"{folder}/{name}" for name in names}
    there = {info.uri for info in objects.listing(folder + "/") if info.uri.count("/") == folder.count("/") + 1}
    newest = names[-1][:_MONTH]
    found: list[str] = []
    for year, of_year in groupby(names, key=lambda name: name[:_YEAR]):
        listed = list(of_year)
        if not newest.startswith(year) and _exact(f"{folder}/{year}", wanted, there):
            found.append(f"{folder}/{year}*.tsv")
            continue
        for month, of_month in groupby(listed, key=lambda name: name[:_MONTH]):
            if month != newest and _exact(f"{folder}/{month}", wanted, there):
                found.append(f"{folder}/{month}*.tsv")
            else:
                found += [f"{folder}/{name}" for name in of_month]
    return found


def _exact(prefix: str, wanted: set[str], there: set[str]) -> bool:
    """Whether a pattern of that beginning matches no file beyond those that are wanted."""
    matched = {name for name in there if name.startswith(prefix) and name.endswith(".tsv")}
    return matched <= wanted
