"""Feature ids: which columns make them, how those are read, and the features in the order of their ids."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from datapump.analyses import FeatureType
from datapump.engines.local.delimited import Field, texts
from datapump.engines.local.grouping import packed

if TYPE_CHECKING:
    from collections.abc import Callable

    from datapump.engines.local.grouping import BoolArray, IntArray

ID_COLUMNS: dict[str, tuple[str, ...]] = {
    "iso": ("iso",),
    "adm1": ("iso", "adm1"),
    "adm2": ("iso", "adm1", "adm2"),
    "wdpa": (
        "wdpa_protected_area__id",
        "wdpa_protected_area__name",
        "wdpa_protected_area__iucn_cat",
        "wdpa_protected_area__iso",
        "wdpa_protected_area__status",
    ),
    "geostore": ("geostore__id",),
    "feature": ("feature__id",),
}

NOT_UTF8 = "not UTF-8 text"

_INTEGER = r"^-?[0-9]{1,18}$"
_GID_1 = re.compile(r"[^.]*\.(\d{1,9})(?:_\d+)?")
_GID_2 = re.compile(r"[^.]*\.\d+\.(\d{1,9})(?:_\d+)?")

Problems = tuple[tuple[str, "BoolArray"], ...]


@dataclass(frozen=True)
class Layout:
    """How the files of a feature type are laid out.

    Attributes:
        level: The level that the files' rows are at.
        fields: The columns that make the id.
        geometry: The column of the polygon, hexadecimal WKB.
        known: Names that the files' other columns go by.
    """

    level: str
    fields: tuple[Field, ...]
    geometry: Field
    known: tuple[str, ...] = ("tile_id", "tcl", "glad")

    def parse(self, columns: dict[str, Any]) -> tuple[Any, Problems]:
        """The ids of a batch.

        Args:
            columns: Raw values by field name, binary arrow arrays of shape (n,).

        Returns:
            An arrow table of the level's id columns; and why rows cannot be used, and which, shape (n,) each.
        """
        read = {field.name: texts(columns[field.name]) for field in self.fields}
        broken = np.logical_or.reduce([bad for _, bad in read.values()])
        parsed, problem = _PARSERS[self.level]({name: text for name, (text, _) in read.items()})
        table = pa.table(dict(zip(ID_COLUMNS[self.level], parsed, strict=True)))
        return table, (("id is " + NOT_UTF8, broken), problem)

    def label(self, columns: dict[str, Any], row: int) -> str:
        """What a row of a batch calls itself, for reports."""
        values = [columns[field.name][row].as_py().decode(errors="replace") for field in self.fields]
        return " ".join(values)[:100]


@dataclass(frozen=True)
class Ids:
    """Features, each once, in the order of their ids, columns in turn; null comes first.

    Attributes:
        level: Whose id columns the table has.
        table: Arrow table of the id columns, a row per feature.
    """

    level: str
    table: Any

    def __len__(self) -> int:
        return len(self.table)

    @classmethod
    def of(cls, table: Any, level: str) -> tuple[Ids, IntArray]:  # noqa: ANN401 - pyarrow has no types
        """The distinct ids of rows, and of each row the number of its id.

        Args:
            table: Arrow table that has the level's id columns, n rows.
            level: The level.
        """
        table = table.select(ID_COLUMNS[level]).combine_chunks()
        key = packed([_rank(table.column(name)) for name in table.column_names])
        _, first, codes = np.unique(key, return_index=True, return_inverse=True)
        return cls(level, table.take(pa.array(first))), codes.astype(np.int64)

    def above(self, level: str) -> tuple[Ids, IntArray]:
        """The ids of a level above, and of each id here the number of the one it lies in."""
        return Ids.of(self.table, level)


def _rank(column: Any) -> IntArray:  # noqa: ANN401 - pyarrow has no types
    """Of each value its place among the sorted distinct values, from 1; of null 0."""
    distinct = compute.drop_null(compute.unique(column))
    distinct = distinct.take(compute.sort_indices(distinct))
    ranks = compute.add(compute.fill_null(compute.index_in(column, distinct), -1), 1)
    return np.asarray(ranks.to_numpy(), dtype=np.int64)


def _integers(text: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Texts as integers; null where they are none."""
    whole = compute.match_substring_regex(text, _INTEGER)
    return compute.cast(compute.if_else(whole, text, pa.scalar(None, pa.string())), pa.int64())


def _extracted(text: Any, pattern: re.Pattern[str]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """The integer in a GADM id; null where it is not of the pattern."""
    encoded = compute.dictionary_encode(text)
    matches = [value and pattern.fullmatch(value) for value in encoded.dictionary.to_pylist()]
    numbers = pa.array([int(match[1]) if match else None for match in matches], pa.int64())
    return numbers.take(encoded.indices)


def _null(column: Any) -> BoolArray:  # noqa: ANN401 - pyarrow has no types
    return np.asarray(compute.is_null(column).to_numpy(zero_copy_only=False), dtype=bool)


def _parse_gadm(text: dict[str, Any]) -> tuple[list[Any], tuple[str, BoolArray]]:
    columns = [text["gid_0"], _extracted(text["gid_1"], _GID_1), _extracted(text["gid_2"], _GID_2)]
    return columns, ("gid_0 is empty", _null(text["gid_0"]))


def _parse_wdpa(text: dict[str, Any]) -> tuple[list[Any], tuple[str, BoolArray]]:
    number = _integers(text["site_id"])
    columns = [number, text["name"], text["iucn_cat"], text["iso3"], text["status"]]
    return columns, ("site_id is not an integer", _null(number))


def _parse_geostore(text: dict[str, Any]) -> tuple[list[Any], tuple[str, BoolArray]]:
    return [text["geostore_id"]], ("geostore_id is empty", _null(text["geostore_id"]))


def _parse_feature(text: dict[str, Any]) -> tuple[list[Any], tuple[str, BoolArray]]:
    number = _integers(text["fid"])
    return [number], ("fid is not an integer", _null(number))


_PARSERS: dict[str, Callable[[dict[str, Any]], tuple[list[Any], tuple[str, BoolArray]]]] = {
    "adm2": _parse_gadm,
    "wdpa": _parse_wdpa,
    "geostore": _parse_geostore,
    "feature": _parse_feature,
}

LAYOUTS: dict[FeatureType, Layout] = {
    FeatureType.GADM: Layout("adm2", (Field("gid_0", 1), Field("gid_1", 2), Field("gid_2", 3)), Field("geom", 7)),
    FeatureType.WDPA: Layout(
        "wdpa",
        (
            Field("site_id", 0, ("wdpaid",)),
            Field("name", 1),
            Field("iucn_cat", 2),
            Field("iso3", 3, ("iso",)),
            Field("status", 4),
        ),
        Field("geom", 7),
    ),
    FeatureType.GEOSTORE: Layout("geostore", (Field("geostore_id", 0),), Field("geom", 1)),
    FeatureType.FEATURE: Layout("feature", (Field("fid", 0),), Field("geom", 1)),
}
