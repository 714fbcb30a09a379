"""Releases of alert rasters, found in the buckets of those who make them, with as few listings as possible."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from datapump.errors import DataError, NotFoundError
from datapump.names import day_of
from datapump.recipes.model import FolderRelease, UploadRelease, YearlyRelease

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datapump.objects import Objects
    from datapump.recipes.model import Recipe

_WORDS = re.compile(r"\b([A-Z][a-z]{2})\s+(\d{1,2})\s+\d{2}:\d{2}:\d{2}\s+(\d{4})(?![-\w])")
_MONTH_DAY = re.compile(r"(\d{2})_(\d{2})")
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONGEST_TEXT = 10_000


@dataclass(frozen=True)
class FoundRelease:
    """A complete release.

    Attributes:
        version: `vYYYYMMDD`.
        folder: The folder of its files.
        years: Of a release that has a folder for each year of data: the folder by year, earliest first.
    """

    version: str
    folder: str
    years: dict[int, str] = field(default_factory=dict)

    @property
    def day(self) -> date:
        """The day that the version is named after."""
        day = day_of(self.version)
        if day is None:
            raise DataError(f"{self.folder}: {self.version} is not named after a day")
        return day


def version_of(day: date) -> str:
    """`vYYYYMMDD` of a day."""
    return f"v{day:%Y%m%d}"


def find_release(recipe: Recipe, objects: Objects, today: date) -> FoundRelease:
    """The newest complete release of a dataset whose releases are in a bucket.

    Args:
        recipe: Says where and how.
        objects: The buckets.
        today: The day (UTC) of looking.

    Raises:
        DataError: There is none, one has grown beyond what the recipe knows, or its day cannot be read; the message
            names the folder, and the recipe's key to change.
    """
    release = recipe.release
    if isinstance(release, FolderRelease):
        return _newest_folder(recipe.dataset, release, objects)
    if isinstance(release, UploadRelease):
        return _uploaded(release, objects, today)
    if isinstance(release, YearlyRelease):
        return _Years(recipe.dataset, release, objects, today).find()
    raise DataError(f"{recipe.dataset}: its releases are not in a bucket, but {release.found_by}")


def _newest_folder(dataset: str, release: FolderRelease, objects: Objects) -> FoundRelease:
    named = [name for name in objects.folders(release.uri) if day_of(name) is not None]
    looked_at = []
    for name in sorted(named, reverse=True)[: release.newest]:
        folder = f"{release.uri}/{name}"
        count = sum(info.uri.endswith(".tif") for info in objects.listing(folder))
        if count > max(release.tiles):
            raise _grown(dataset, folder, count, max(release.tiles))
        if count in release.tiles:
            return FoundRelease(name, folder)
        looked_at.append(f"{name} has {count}")
    expected = " or ".join(map(str, sorted(release.tiles)))
    found = ", ".join(looked_at) or "there is no folder named vYYYYMMDD"
    raise DataError(f"{release.uri}: no complete release: expected {expected} tiles, but {found}")


def _uploaded(release: UploadRelease, objects: Objects, today: date) -> FoundRelease:
    uri = f"{release.uri}/{release.file}"
    try:
        text = objects.head(uri, _LONGEST_TEXT).decode("utf-8", "replace").strip()
    except NotFoundError:
        raise DataError(f"{uri} does not exist: the day of the release cannot be known") from None
    day = upload_day(text, release.date)
    if day is None:
        raise DataError(f"{uri}: no day can be read from {text[:100]!r}")
    if day > today + timedelta(days=1):
        raise DataError(f"{uri}: {day} is in the future: nothing newer would be seen until then")
    return FoundRelease(version_of(day), release.uri)


def upload_day(text: str, style: str) -> date | None:
    """The day that a text like `Updated Fri Apr 15 14:27:01 2022 UTC` tells; None if it tells none.

    Args:
        text: One line.
        style: `words`: as above; `iso`: the last `YYYY-MM-DD` in it.
    """
    if style == "iso":
        found = _ISO.findall(text)
        return _day(*map(int, found[-1])) if found else None
    match = _WORDS.search(text)
    if match is None or match.group(1) not in _MONTHS:
        return None
    return _day(int(match.group(3)), _MONTHS.index(match.group(1)) + 1, int(match.group(2)))


class _Years:
    """Looks for the release of each year of data; what is listed is remembered.

    A year's final release takes one listing. Provisional ones take at most three of this year's folder (its days, the
    newest day, then all of it) and one more of the last year's. So no folder of a year is listed more than three times,
    whatever the date, and on most days this year's twice and each other one once.
    """

    def __init__(self, dataset: str, release: YearlyRelease, objects: Objects, today: date) -> None:
        self._dataset = dataset
        self._release = release
        self._objects = objects
        self._today = today
        self._days_by_year: dict[int, list[_Day]] = {}

    def find(self) -> FoundRelease:
        version = version_of(self._today)
        years: dict[int, str] = {}
        for year in range(self._release.first_year, self._today.year + 1):
            years[year], day = self._folder_of(year)
            if year == self._today.year and day is not None:
                version = version_of(day)
        return FoundRelease(version, self._release.uri, years)

    def _folder_of(self, year: int) -> tuple[str, date | None]:
        """The folder of a year's data, and the day of it unless it is the final one."""
        final = f"{self._release.uri}/{year}/final"
        if (year < self._today.year or "final" in self._this_year) and self._complete(final, year, self._names(final)):
            return final, None
        oldest = max(self._today - timedelta(days=self._release.back_days), date(year, 1, 1))
        for found in self._days(oldest):
            if found.day < oldest:
                break
            if self._complete(found.folder, year, found.names):
                return found.folder, found.day
        raise DataError(
            f"{self._release.uri}: no complete release of {year}: expected {self._release.tiles} tiles "
            f"{self._counted(year)}*.tif in {year}/final or in the folder of a day from {oldest} to {self._today}"
        )

    def _complete(self, folder: str, year: int, names: list[str]) -> bool:
        count = sum(name.startswith(self._counted(year)) and name.endswith(".tif") for name in names)
        if count > self._release.tiles:
            raise _grown(self._dataset, f"{folder}/{self._counted(year)}*.tif", count, self._release.tiles)
        return count == self._release.tiles

    def _counted(self, year: int) -> str:
        return self._release.counted.format(yy=f"{year % 100:02d}")

    def _days(self, oldest: date) -> Iterator[_Day]:
        """The days that have a folder, newest first."""
        if self._newest is not None:
            yield self._newest
        # Until there is a second day, this year's folder holds no more than is known of it.
        if len(self._this_year_days) > 1:
            yield from self._all_days(self._today.year)[1:]
        if oldest.year < self._today.year:
            yield from self._all_days(self._today.year - 1)

    @cached_property
    def _this_year(self) -> list[str]:
        return self._objects.folders(f"{self._release.uri}/{self._today.year}")

    @cached_property
    def _this_year_days(self) -> list[date]:
        days = (_month_day(self._today.year, name) for name in self._this_year)
        return sorted(day for day in days if day is not None and day <= self._today)

    @cached_property
    def _newest(self) -> _Day | None:
        if not self._this_year_days:
            return None
        day = self._this_year_days[-1]
        folder = f"{self._release.uri}/{day:%Y/%m_%d}"
        return _Day(day, folder, self._names(folder))

    def _all_days(self, year: int) -> list[_Day]:
        """The days of a year, from one listing of all that its folder holds."""
        if year not in self._days_by_year:
            root = f"{self._release.uri}/{year}"
            names: dict[str, list[str]] = defaultdict(list)
            for info in self._objects.listing(root):
                folder, _, name = info.uri.removeprefix(f"{root}/").partition("/")
                names[folder].append(name)
            days = {day: name for name in names if (day := _month_day(year, name)) is not None and day <= self._today}
            self._days_by_year[year] = [
                _Day(day, f"{root}/{days[day]}", names[days[day]]) for day in sorted(days, reverse=True)
            ]
        return self._days_by_year[year]

    def _names(self, folder: str) -> list[str]:
        return [info.uri.removeprefix(f"{folder}/") for info in self._objects.listing(folder)]


class _Day(NamedTuple):
    """A day's folder, and the names of the files in it."""

    day: date
    folder: str
    names: list[str]


def _month_day(year: int, name: str) -> date | None:
    match = _MONTH_DAY.fullmatch(name)
    return None if match is None else _day(year, int(match.group(1)), int(match.group(2)))


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _grown(dataset: str, folder: str, count: int, most: int) -> DataError:
    return DataError(
        f"{folder}: the extent has grown: {count} tiles, where at most {most} were known; if that is right, "
        f"change release.tiles in the recipe of {dataset}"
    )
