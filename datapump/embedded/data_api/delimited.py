"""Delimited text: its header, the types of its columns, and the SQL that reads it."""

from __future__ import annotations

import csv
from itertools import islice
from typing import TYPE_CHECKING

import duckdb

from datapump.embedded.data_api.columns import Column, from_text, literal, quoted
from datapump.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from datapump.embedded.data_api.models.tables import TableSource

SAMPLE_LINES = 100
_MAX_LINE = 2**20
# PostgreSQL's type, DuckDB's, and what texts of the type look like
_GUESSES = (
    ("bigint", "BIGINT", r"[+-]?[0-9]+"),
    ("numeric", "DOUBLE", r".+"),
    ("date", "DATE", r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"),
    ("timestamp without time zone", "TIMESTAMP", r".+"),
)
_BOOLEANS = frozenset({"true", "false", "t", "f"})


def read_header(path: Path, uri: str, delimiter: str) -> list[str]:
    """The names in the first line.

    Raises:
        DataError: There is no such line, or its names cannot be columns.
    """
    try:
        names = next(_rows(path, delimiter), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{uri}: its first line cannot be read: {error}") from error
    if not any(names):
        raise DataError(f"{uri} is empty: a first line with the names of the columns is needed")
    if "" in names:
        raise DataError(f"{uri}: column {names.index('') + 1} has no name in the first line")
    folded = [name.lower() for name in names]
    twice = [name for name in names if folded.count(name.lower()) > 1]
    if twice:
        raise DataError(f"{uri}: column {twice[0]} occurs twice in the first line")
    return names


def decide_columns(path: Path, uri: str, options: TableSource) -> list[Column]:
    """A new table's columns in the order of its first file: typed by the given schema, else by the first 100 lines.

    Raises:
        DataError: The file lacks a column of the schema, or has one more.
    """
    names = read_header(path, uri, options.delimiter)
    if not options.table_schema:
        return _inferred(path, names, options.delimiter)
    types = {field.name: field.data_type for field in options.table_schema}
    check_names(names, list(types), uri)
    arrays = [name for name in names if types[name] == "ARRAY"]
    if arrays:
        raise DataError(f"column {arrays[0]}: ARRAY alone is not a type that a column can have")
    return [Column(name, types[name]) for name in names]


def check_names(names: Sequence[str], wanted: Sequence[str], uri: str) -> None:
    """Refuse a file whose columns are not those of the table.

    Raises:
        DataError: Naming the columns that are missing or too many.
    """
    missing = [name for name in wanted if name not in names]
    extra = [name for name in names if name not in wanted]
    if missing:
        raise DataError(f"{uri} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}")
    if extra:
        raise DataError(f"{uri} has the column{'s' * (len(extra) > 1)} {', '.join(extra)}, which the table has not")


def select(path: Path, uri: str, columns: Sequence[Column], delimiter: str) -> str:
    """SQL that reads the file with the table's columns in the table's order.

    Raises:
        DataError: The file's columns are not those of the table.
    """
    names = read_header(path, uri, delimiter)
    check_names(names, [column.name for column in columns], uri)
    texts = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    values = ", ".join(f"{from_text(column, uri)} AS {quoted(column.name)}" for column in columns)
    return (
        f"SELECT {values} FROM read_csv({literal(str(path))}, auto_detect = false, header = true,"  # noqa: S608 - names and texts are quoted
        f" delim = {literal(delimiter)}, quote = '\"', escape = '\"', columns = {{{texts}}}, nullstr = '',"
        f" allow_quoted_nulls = false, strict_mode = true, null_padding = false, max_line_size = {8 * _MAX_LINE})"
    )


def _inferred(path: Path, names: list[str], delimiter: str) -> list[Column]:
    sample = [row for row in islice(_rows(path, delimiter), 1, 1 + SAMPLE_LINES) if len(row) == len(names)]
    with duckdb.connect(":memory:") as connection:
        types = [_guess(connection, [row[at] for row in sample if row[at] != ""]) for at in range(len(names))]
    return [Column(name, data_type) for name, data_type in zip(names, types, strict=True)]


def _guess(connection: duckdb.DuckDBPyConnection, texts: list[str]) -> str:
    """The narrowest PostgreSQL type that all texts fit."""
    if texts and all(text.lower() in _BOOLEANS for text in texts):
        return "boolean"
    for data_type, stored, shape in _GUESSES:
        fits = (
            f"SELECT bool_and(regexp_full_match(value, ?) AND try_cast(value AS {stored}) IS NOT NULL)"  # noqa: S608 - a constant type
            " FROM unnest(?) AS texts(value)"
        )
        if connection.execute(fits, [shape, texts]).fetchall()[0][0]:
            return data_type
    return "character varying"


def _rows(path: Path, delimiter: str) -> Iterator[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        yield from csv.reader(iter(lambda: lines.readline(_MAX_LINE), ""), delimiter=delimiter)
