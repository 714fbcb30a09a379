"""The result tables, made from counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from datapump.engines.local.columns import (
    DAILY,
    WHITELIST,
    context_columns,
    layers_of,
    table_columns,
)
from datapump.engines.local.doubles import double_texts
from datapump.engines.local.grouping import grouped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from datapump.engines.local.catalog import Catalog, Layer
    from datapump.engines.local.grouping import FloatArray, IntArray
    from datapump.engines.local.ids import Ids
    from datapump.engines.local.tally import Counts

_EPOCH = date(1970, 1, 1).toordinal()
_NOTHING = {"", "false"}
# What a table's texts take in memory, this many rows at a time.
_ROWS_AT_ONCE = 50_000
_NEEDS_QUOTES = '[\t\n\r"]'


@dataclass(frozen=True)
class Part:
    """Consecutive columns of a table.

    Attributes:
        texts: The distinct texts of these columns, tab-separated and quoted, an arrow array of strings.
        index: Of each row its text, shape (n,).
    """

    texts: Any
    index: IntArray

    def text(self, start: int, stop: int) -> Any:  # noqa: ANN401 - pyarrow has no types
        """The texts of some rows, an arrow array."""
        return self.texts.take(pa.array(self.index[start:stop]))


@dataclass(frozen=True)
class Doubles:
    """A column of doubles, shape (n,)."""

    values: FloatArray

    def text(self, start: int, stop: int) -> Any:  # noqa: ANN401 - pyarrow has no types
        """The texts of some rows, an arrow array."""
        return double_texts(self.values[start:stop])


@dataclass(frozen=True)
class Table:
    """A result table.

    Attributes:
        level: The level of its features.
        name: Its name.
        columns: Its columns.
        parts: Its values but for the last column of all but whitelists, in column order.
        counts: Its last column, shape (n,); None in a whitelist.
        rows: How many rows it has.
        alerts: How many alerts it counts, where its last column does not say.
    """

    level: str
    name: str
    columns: tuple[str, ...]
    parts: tuple[Part | Doubles, ...]
    counts: IntArray | None
    rows: int
    alerts: int | None = None

    @property
    def amounts(self) -> dict[str, FloatArray]:
        """Its columns of numbers that are sums, each of shape (n,)."""
        if self.counts is not None:
            return {self.columns[-1]: self.counts.astype(np.float64)}
        # What is summed stands last, a part for each column.
        places = zip(reversed(self.columns), reversed(self.parts), strict=False)
        return {column: part.values for column, part in places if isinstance(part, Doubles)}

    @property
    def when(self) -> Part | None:
        """Of a daily or weekly table of fires: its day, or its year and week."""
        part = self.parts[1] if {"alert__date", "alert__year"} & set(self.columns) else None
        return part if isinstance(part, Part) else None

    @property
    def total(self) -> int | None:
        """The sum of its counts."""
        return self.alerts if self.counts is None else int(self.counts.sum())

    def text(self, start: int, stop: int) -> bytes:
        """The header and some rows, as the file holds them."""
        pieces = [self._rows(at, min(at + _ROWS_AT_ONCE, stop)) for at in range(start, stop, _ROWS_AT_ONCE)]
        return ("\t".join(self.columns) + "\n").encode() + b"".join(pieces)

    def _rows(self, start: int, stop: int) -> bytes:
        pieces = [part.text(start, stop) for part in self.parts]
        if self.counts is not None:
            pieces.append(compute.cast(pa.array(self.counts[start:stop]), pa.string()))
        rows = compute.binary_join_element_wise(*pieces, "\t")
        lines = compute.binary_join_element_wise(rows, "", "\n")
        # The values of an arrow array lie side by side in one buffer: joined, they are the file.
        offsets, values = lines.buffers()[1:]
        begin, end = np.frombuffer(offsets, dtype=np.int32)[[lines.offset, lines.offset + len(lines)]]
        return memoryview(values)[begin:end].tobytes()


@dataclass(frozen=True)
class Sources:
    """All that tables are made from.

    Attributes:
        ids: The features at their own level.
        counts: The fires in them.
        confidences: Confidence texts by number; None is unknown.
        contexts: Of each context, by number: the text of every sampled layer, by name.
        catalog: The layers.
    """

    ids: Ids
    counts: Counts
    confidences: Sequence[str | None]
    contexts: Sequence[dict[str, str]]
    catalog: Catalog


def build(sources: Sources, wanted: Sequence[tuple[str, str]]) -> Iterator[Table]:
    """Make tables, one at a time.

    The adm1 and iso levels are the sums of adm2: a fire on the border of two adm2 areas counts in both, so twice
    for the adm1 area around them. That is how these tables are defined.

    Args:
        sources: What they are made from.
        wanted: (level, table) pairs.
    """
    for level, name in wanted:
        ids, number = sources.ids, np.arange(len(sources.ids), dtype=np.int64)
        if level != sources.ids.level:
            ids, number = sources.ids.above(level)
        feature = number[sources.counts.feature]
        make = _whitelist if name == WHITELIST else _alerts
        yield make(sources, ids, feature, name)


def when_part(name: str, day: IntArray) -> Part:
    """The column or columns that say when, of a daily or a weekly table.

    Args:
        name: The table's name.
        day: Days since 1970-01-01, shape (n,).
    """
    return Part(*(_days(day) if name == DAILY else _weeks(day)))


def _alerts(sources: Sources, ids: Ids, feature: IntArray, name: str) -> Table:
    counts = sources.counts
    when_texts, when = _days(counts.day) if name == DAILY else _weeks(counts.day)
    layers = layers_of(ids.level, name, sources.catalog)
    confidence = ranked(quoted(sources.confidences), counts.confidence)
    context = ranked([_context_text(texts, layers) for texts in sources.contexts], counts.context)
    (feature, when, *others), total = grouped([feature, when, confidence.index, context.index], counts.count)
    parts = (
        Part(id_texts(ids), feature),
        Part(when_texts, when),
        Part(confidence.texts, others[0]),
        Part(context.texts, others[1]),
    )
    return Table(ids.level, name, table_columns(ids.level, name, sources.catalog), parts, total, len(total))


def _whitelist(sources: Sources, ids: Ids, feature: IntArray, name: str) -> Table:
    """One row per feature that has a fire: whether any of its fires has a value of each layer.

    A text counts wherever it is not empty, the name of a default ("Unknown") too: so it is published.
    """
    layers = layers_of(ids.level, name, sources.catalog)
    (pairs, context), _ = grouped([feature, sources.counts.context], sources.counts.count)
    features, row = np.unique(pairs, return_inverse=True)
    columns = []
    for _, layer in context_columns(layers):
        known = any(layer.name in texts for texts in sources.contexts)
        inside = [texts.get(layer.name, "") not in _NOTHING for texts in sources.contexts]
        found = np.zeros(len(features), dtype=np.int64)
        np.maximum.at(found, row, np.asarray(inside, dtype=np.int64)[context])
        columns.append(Part(pa.array(["false", "true"] if known else ["", ""]), found))
    parts = (Part(id_texts(ids), features), *columns)
    return Table(ids.level, name, table_columns(ids.level, name, sources.catalog), parts, None, len(features))


def _days(day: IntArray) -> tuple[Any, IntArray]:
    distinct, index = np.unique(day, return_inverse=True)
    return pa.array([date.fromordinal(int(value) + _EPOCH).isoformat() for value in distinct], pa.string()), index


def _weeks(day: IntArray) -> tuple[Any, IntArray]:
    """ISO 8601 weeks: Monday first, in the year that their Thursday lies in."""
    distinct, index = np.unique(day, return_inverse=True)
    calendar = [date.fromordinal(int(value) + _EPOCH).isocalendar()[:2] for value in distinct]
    weeks = {week: number for number, week in enumerate(sorted(set(calendar)))}
    number = np.array([weeks[week] for week in calendar], dtype=np.int64)
    return pa.array([f"{year}\t{week}" for year, week in weeks], pa.string()), number[index]


def ranked(texts: Sequence[str], number: IntArray) -> Part:
    """Texts that were numbered as they came, numbered anew in their order; equal ones share a number."""
    distinct = sorted(set(texts))
    places = {text: place for place, text in enumerate(distinct)}
    ranks = np.array([places[text] for text in texts], dtype=np.int64)
    return Part(pa.array(distinct, pa.string()), ranks[number] if len(number) else number)


def _context_text(texts: dict[str, str], layers: Sequence[Layer]) -> str:
    return "\t".join(quoted([texts.get(layer.name) for _, layer in context_columns(layers)]))


def quoted(values: Sequence[str | None]) -> list[str]:
    """Texts as a field holds them; None is an empty field."""
    quoted: list[str] = _quote(pa.array(values, pa.string())).to_pylist()
    return quoted


def id_texts(ids: Ids) -> Any:  # noqa: ANN401 - pyarrow has no types
    """The id columns of every feature, as a file holds them."""
    columns = [compute.cast(column, pa.string()) for column in ids.table.combine_chunks().columns]
    return compute.binary_join_element_wise(*(_quote(column) for column in columns), "\t").combine_chunks()


def _quote(column: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Texts as a field holds them: empty for null, in quotes where a tab, line end or quote asks for them."""
    text = compute.fill_null(column, "")
    if not compute.any(compute.match_substring_regex(text, _NEEDS_QUOTES)).as_py():
        return text
    doubled = compute.replace_substring(text, '"', '""')
    quoted = compute.binary_join_element_wise('"', doubled, '"', "")
    return compute.if_else(compute.match_substring_regex(text, _NEEDS_QUOTES), quoted, text)
