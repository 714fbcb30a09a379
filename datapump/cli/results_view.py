"""How results look in a terminal: the list of tables, fires per day and area as a table and as a chart.

Everything here turns plain rows into something that rich can print, at the width there is, with or without colour.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.columns import Columns
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

OTHERS = "all others"

# Colours that stay apart for colour-blind eyes, on dark and on light ground (after Okabe and Ito); grey for the others.
_COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#d55e00", "#cc79a7", "#0072b2")
_GREY = "#767676"
# Without colour the areas differ by their shading.
_SHADES = ("█", "░", "▓", "▚", "▒", "▄")
_ASCII_SHADES = ("#", "=", "%", "+", "o", "x")
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LONGEST_CHART = 31  # days
_QUIET_DAYS = 3  # days without fires that the chart draws as one line
_WIDEST_BAR = 100  # characters
_WIDEST_AREA = 28

DailyCount = tuple[str, date, int]


class ResultTable(NamedTuple):
    """A version of a result dataset, its number of rows, and whether it is the latest."""

    dataset: str
    version: str
    rows: int
    latest: bool


def tables_view(rows: Iterable[ResultTable]) -> RenderableType:
    """The result tables in the order of their names."""
    listed = sorted(rows)
    if not listed:
        return Text("There are no result tables yet.")
    table = Table(box=SIMPLE_HEAD)
    table.add_column("Dataset", overflow="fold")
    table.add_column("Version", no_wrap=True)
    table.add_column("Rows", justify="right", no_wrap=True)
    table.add_column("Latest", no_wrap=True)
    for row in listed:
        table.add_row(Text(row.dataset), Text(row.version), f"{row.rows:,}", "yes" if row.latest else "")
    sizes = f"{_counted(len(listed), 'table')}, {_counted(sum(row.rows for row in listed), 'row')}"
    return Group(_title("Result tables"), table, _note(sizes))


def daily_view(rows: Iterable[DailyCount], top: int = 8) -> RenderableType:
    """Fires per area (down) and day (across), with totals.

    Args:
        rows: Area, day and number of fires; rows of the same area and day add up.
        top: How many areas have a line of their own, those with most fires; the others share one.

    Returns:
        A table with as many of the last days as fit; it says what it leaves out.
    """
    counts = _Counts.of(rows)
    return _DailyTable(counts, top) if counts.total else Text("There are no fires to list.")


def daily_chart(rows: Iterable[DailyCount], top: int = 6) -> RenderableType:
    """Fires per day as bars, each divided by area.

    Args:
        rows: Area, day and number of fires; rows of the same area and day add up.
        top: How many areas have a colour of their own (6 at most), those with most fires; the others share one.

    Returns:
        A chart of the last 31 days at most; it says what it leaves out.
    """
    counts = _Counts.of(rows)
    return _DailyChart(counts, min(top, len(_COLOURS))) if counts.total else Text("There are no fires to draw.")


@dataclass(frozen=True)
class _Counts:
    """Fires by area and day; an area or a day that is not in it has none."""

    by_area_day: Counter[tuple[str, date]]

    @classmethod
    def of(cls, rows: Iterable[DailyCount]) -> _Counts:
        counter: Counter[tuple[str, date]] = Counter()
        for area, day, count in rows:
            counter[area, day] += count
        return cls(+counter)

    @property
    def total(self) -> int:
        return self.by_area_day.total()

    def last_days(self, most: int) -> list[date]:
        """Every day of the calendar from the first to the last with fires, of these the last ones."""
        days = [day for _, day in self.by_area_day]
        first, last = min(days), max(days)
        length = min((last - first).days + 1, max(most, 1))
        return [last - timedelta(days=back) for back in reversed(range(length))]

    def lines(self, days: Sequence[date], top: int) -> list[tuple[str, list[int]]]:
        """The areas with most fires on these days and their fires on each; last, if there are more, all others."""
        shown = {area: 0 for area, _ in self.by_area_day}
        for (area, day), count in self.by_area_day.items():
            shown[area] += count if day >= days[0] else 0
        ranked = sorted((area for area in shown if shown[area]), key=lambda area: (-shown[area], area))
        lines = [(area, [self.by_area_day[area, day] for day in days]) for area in ranked[:top]]
        if ranked[top:]:
            lines.append((OTHERS, [sum(self.by_area_day[area, day] for area in ranked[top:]) for day in days]))
        return lines

    def left_out(self, days: Sequence[date]) -> str:
        """What there is before these days, in words; empty if nothing."""
        before = {key: count for key, count in self.by_area_day.items() if key[1] < days[0]}
        if not before:
            return ""
        number = _counted(len({day for _, day in before}), "earlier day")
        return f"Not shown: {_counted(sum(before.values()), 'fire')} on {number}."


@dataclass(frozen=True)
class _DailyTable:
    counts: _Counts
    top: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        days = self.counts.last_days(self._days_that_fit(options.max_width))
        lines = self.counts.lines(days, self.top)
        table = Table(box=SIMPLE_HEAD, show_footer=True)
        widest_area = self._widest_area(options.max_width)
        table.add_column("\nArea", "Total", overflow="ellipsis", no_wrap=True, max_width=widest_area)
        for position, day in enumerate(days):
            sum_of_day = sum(line[position] for _, line in lines)
            table.add_column(f"{day:%a}\n{day.day}", f"{sum_of_day:,}", justify="right", no_wrap=True)
        table.add_column("\nTotal", f"{sum(sum(line) for _, line in lines):,}", justify="right", no_wrap=True)
        for area, line in lines:
            cells = [Text(f"{count:,}", style="bold" if count == max(line) else "") for count in line]
            table.add_row(Text(area), *cells, f"{sum(line):,}")
        yield _title(f"Fires per day and area, {_span(days)}")
        yield table
        if note := self.counts.left_out(days):
            yield _note(note)

    def _widest_area(self, width: int) -> int:
        return min(_WIDEST_AREA, max(width // 3, len(OTHERS)))

    def _days_that_fit(self, width: int) -> int:
        """How many columns there is room for; every column is three characters wider than what is in it."""
        by_day: Counter[date] = Counter()
        for (_, day), count in self.counts.by_area_day.items():
            by_day[day] += count
        day_width = max(len("Mon"), len(f"{max(by_day.values()):,}")) + 3
        names = [OTHERS, *(area for area, _ in self.counts.by_area_day)]
        area_width = min(max(map(cell_len, names)), self._widest_area(width)) + 3
        total_width = max(len("Total"), len(f"{self.counts.total:,}")) + 3
        return max((width - area_width - total_width - 1) // day_width, 1)


@dataclass(frozen=True)
class _DailyChart:
    counts: _Counts
    top: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        days = self.counts.last_days(_LONGEST_CHART)
        lines = self.counts.lines(days, self.top)
        inks = _inks([area for area, _ in lines], console, options)
        totals = [sum(line[position] for _, line in lines) for position in range(len(days))]
        number_width = len(f"{max(totals):,}")
        room = options.max_width - len("  Sat 31 Jan  ") - number_width - 3
        scale = max(min(room, _WIDEST_BAR), 1) / max(totals)
        yield _title(f"Fires per day, {_span(days)}")
        yield Text()
        for burning, run in groupby(range(len(days)), key=lambda position: totals[position] > 0):
            positions = list(run)
            if not burning and len(positions) >= _QUIET_DAYS:
                yield Text(f"  ({len(positions)} days without fires)")
                continue
            for position in positions:
                day = days[position]
                bar = _bar([(line[position], ink) for (_, line), ink in zip(lines, inks, strict=True)], scale)
                label = f"  {day:%a} {day.day:2d} {day:%b}  {totals[position]:{number_width},} "
                yield Text.assemble(label, bar, no_wrap=True, overflow="crop")
        yield Text()
        legend = [
            Text.assemble("  ", (ink.shade, ink.colour), f" {area} {sum(line):,}")
            for (area, line), ink in zip(lines, inks, strict=True)
        ]
        yield Columns(legend, padding=(0, 1))
        if note := self.counts.left_out(days):
            yield _note(note)


class _Ink(NamedTuple):
    """How an area's part of a bar is drawn: a character, and a colour (empty where there are none)."""

    shade: str
    colour: str


def _inks(areas: Sequence[str], console: Console, options: ConsoleOptions) -> list[_Ink]:
    colourless = console.color_system is None or console.no_color
    shades = _ASCII_SHADES if options.ascii_only else _SHADES if colourless else ("█",) * len(_COLOURS)
    inks = [_Ink(shade, "" if colourless else colour) for shade, colour in zip(shades, _COLOURS, strict=True)]
    rest = "." if options.ascii_only else "·" if colourless else "█"
    inks = inks[: len(areas)]
    if areas[-1] == OTHERS:
        inks = [*inks[: len(areas) - 1], _Ink(rest, "" if colourless else _GREY)]
    return inks


def _bar(parts: Sequence[tuple[int, _Ink]], scale: float) -> Text:
    """One bar; with colour its steps are eighths of a character, without they are whole ones."""
    fine = any(ink.colour and ink.shade == "█" for _, ink in parts)
    step = 8 if fine else 1
    ends: list[tuple[int, _Ink]] = []
    cumulated = 0
    for count, ink in parts:
        cumulated += count
        end = round(cumulated * scale * step)
        if end > (ends[-1][0] if ends else 0):
            ends.append((end, ink))
    if not ends:
        # So little that it rounds to nothing is still not nothing.
        some = [ink for count, ink in parts if count]
        return Text.assemble(*((_EIGHTHS[1] if fine else ink.shade, ink.colour) for ink in some[:1]))
    cells = [_cell(left, step, ends) for left in range(0, ends[-1][0], step)]
    return Text.assemble(*((char * len(list(run)), style) for (char, style), run in groupby(cells)))


def _cell(left: int, step: int, ends: Sequence[tuple[int, _Ink]]) -> tuple[str, str]:
    """One character of a bar and its style: one ink, or where two meet, the first on the ground of the second."""
    end, ink = next((end, ink) for end, ink in ends if end > left)
    if end >= left + step:
        return ink.shade, ink.colour
    second = next((following for its_end, following in ends if its_end > end), None)
    return _EIGHTHS[end - left], f"{ink.colour} on {second.colour}" if second else ink.colour


def _title(words: str) -> Padding:
    return Padding(Text(words, style="bold"), (0, 0, 0, 2))


def _note(words: str) -> Padding:
    return Padding(Text(words, style="italic"), (0, 0, 0, 2))


def _span(days: Sequence[date]) -> str:
    first, last = days[0], days[-1]
    until = f"{last.day} {last:%B %Y}"
    if first == last:
        return until
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {until}"
    return f"{first.day} {first:%B}{f' {first.year}' if first.year != last.year else ''} to {until}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
