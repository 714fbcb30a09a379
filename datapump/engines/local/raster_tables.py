"""What the tables made from rasters have in common: ids and contexts of rows, whitelists, columns of amounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from datapump.engines.local.columns import WHITELIST
from datapump.engines.local.raster_columns import columns, contexts
from datapump.engines.local.sums import summed
from datapump.engines.local.tables import Doubles, Part, Table, id_texts, quoted, ranked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from datapump.analyses import Analysis
    from datapump.engines.local.catalog import Catalog
    from datapump.engines.local.decoding import ContextCodes
    from datapump.engines.local.grouping import FloatArray, IntArray
    from datapump.engines.local.ids import Ids
    from datapump.engines.local.sums import Sums

_EMPTY = {"", "false"}


@dataclass(frozen=True)
class RasterSources:
    """All that tables are made from.

    Attributes:
        analysis: Whose tables.
        ids: The features at their own level.
        sums: The analysis's sums; the first two keys are feature and context.
        contexts: What the contexts stand for.
        catalog: The analysis's layers.
    """

    analysis: Analysis
    ids: Ids
    sums: Sums
    contexts: ContextCodes
    catalog: Catalog


@dataclass(frozen=True)
class Rows:
    """How the rows of one table are told apart.

    Attributes:
        level: The table's level.
        name: The table's name.
        ids: The features at that level.
        feature: Of each feature at its own level its number in `ids`.
        known: The contexts there are, rising.
        rank: Of each of them its place among the texts that the table has for contexts.
        texts: Those texts, an arrow array; several contexts may share one.
    """

    level: str
    name: str
    ids: Ids
    feature: IntArray
    known: IntArray
    rank: IntArray
    texts: Any

    def places(self, feature: IntArray, context: IntArray) -> tuple[IntArray, IntArray]:
        """Of features at their own level, and of contexts, the places among this table's."""
        return self.feature[feature], self.rank[np.searchsorted(self.known, context)]

    def identity(self, feature: IntArray) -> Part:
        """The id columns of features at this level."""
        return Part(id_texts(self.ids), feature)

    def contextual(self, context: IntArray) -> Part:
        """The context columns of contexts by their place."""
        return Part(self.texts, context)

    def table(
        self, sources: RasterSources, parts: Sequence[Part | Doubles], rows: int, alerts: int | None = None
    ) -> Table:
        """The table that parts make."""
        names = columns(sources.analysis, self.level, self.name, sources.catalog)
        return Table(self.level, self.name, names, tuple(parts), None, rows, alerts)


def rows_of(sources: RasterSources, level: str, name: str) -> Rows:
    """How the rows of a table are told apart."""
    ids, feature = sources.ids, np.arange(len(sources.ids), dtype=np.int64)
    if level != ids.level:
        ids, feature = ids.above(level)
    names = [layer.name for _, layer in contexts(sources.analysis, level, name, sources.catalog)]
    known = np.unique(sources.sums.keys[1])
    found = [sources.contexts.texts(int(number)) for number in known]
    texts = ["\t".join(quoted([texts.get(name) for name in names])) for texts in found]
    part = ranked(texts, np.arange(len(known), dtype=np.int64))
    return Rows(level, name, ids, feature, known, part.index, part.texts)


def build(sources: RasterSources, level: str, name: str, make: Callable[[RasterSources, Rows], Table]) -> Table:
    """Make a table.

    Args:
        sources: What it is made from.
        level: Its level.
        name: Its name.
        make: Makes those of the analysis that are no whitelists.
    """
    return whitelist(sources, level) if name == WHITELIST else make(sources, rows_of(sources, level, name))


def configured(catalog: Catalog, names: Iterable[str]) -> bool:
    """Whether there are rasters of all these layers."""
    return all(catalog.layer(name).uri is not None for name in names)


def measure(values: FloatArray, sources: RasterSources, needed: Iterable[str] = ()) -> Part | Doubles:
    """A column of amounts, shape (n,); empty without the layers that it needs."""
    return Doubles(values) if configured(sources.catalog, needed) else empty(len(values))


def enumerated(texts: Iterable[str], index: Any) -> Part:  # noqa: ANN401 - integers or flags
    """A column of texts.

    Args:
        texts: The texts.
        index: Of each row the place of its text, shape (n,).
    """
    return Part(pa.array(list(texts), pa.string()), np.asarray(index, dtype=np.int64))


def integers(values: IntArray) -> Part:
    """A column of integers."""
    distinct, index = np.unique(values, return_inverse=True)
    return enumerated(map(str, distinct.tolist()), index)


def empty(rows: int) -> Part:
    """A column without values."""
    return enumerated([""], np.zeros(rows))


def whitelist(sources: RasterSources, level: str) -> Table:
    """One row per feature that has a pixel: whether any of its pixels has a value of each layer.

    A text counts wherever it is not empty, the name of a default ("Unknown") too: so it is published.
    """
    rows = rows_of(sources, level, WHITELIST)
    keys = [rows.feature[sources.sums.keys[0]], np.searchsorted(rows.known, sources.sums.keys[1])]
    pairs = summed(keys, np.zeros((len(keys[0]), 0)))
    features, row = np.unique(pairs.keys[0], return_inverse=True)
    texts = [sources.contexts.texts(int(number)) for number in rows.known]
    parts = [rows.identity(features)]
    for _, layer in contexts(sources.analysis, level, WHITELIST, sources.catalog):
        if layer.uri is None:
            parts.append(empty(len(features)))
            continue
        inside = np.array([text[layer.name] not in _EMPTY for text in texts], dtype=np.int64)
        found = np.zeros(len(features), dtype=np.int64)
        np.maximum.at(found, row, inside[pairs.keys[1]])
        parts.append(enumerated(["false", "true"], found))
    return rows.table(sources, parts, len(features))
