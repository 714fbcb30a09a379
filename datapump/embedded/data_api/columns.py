"""Columns of tables: their PostgreSQL types, and how text becomes values of these types in DuckDB."""

from __future__ import annotations

from typing import Any, NamedTuple

GEOMETRY = "geometry"

# PostgreSQL's types as clients name them, and DuckDB's to store them
STORED = {
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp without time zone": "TIMESTAMP",
    "character varying": "VARCHAR",
    "text": "VARCHAR",
    "xml": "VARCHAR",
    "jsonb": "VARCHAR",
    GEOMETRY: "VARCHAR",
    "bigint": "BIGINT",
    "integer": "INTEGER",
    "smallint": "SMALLINT",
    "double precision": "DOUBLE",
    "numeric": "DOUBLE",
    "boolean": "BOOLEAN",
    "time": "TIME",
    "uuid": "UUID",
}
_WHOLE = frozenset({"bigint", "integer", "smallint"})
_FREE_TEXT = frozenset({"character varying", "text", "xml"})
_TRUE = ("t", "tr", "tru", "true", "y", "ye", "yes", "on", "1")
_FALSE = ("f", "fa", "fal", "fals", "false", "n", "no", "of", "off", "0")


class Column(NamedTuple):
    """A column of a table and its PostgreSQL type."""

    name: str
    data_type: str


def quoted(name: str) -> str:
    """An identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def from_text(column: Column, where: str) -> str:
    """SQL that reads a text column as PostgreSQL's COPY would: null stays null, what does not fit is an error.

    Args:
        column: The column; its type must be one of `STORED`.
        where: What the error names as the place, such as the file.
    """
    name, data_type = quoted(column.name), column.data_type
    if data_type in _FREE_TEXT:
        return name
    what = literal(f"{where}: column {column.name}: not a value of type {data_type}: ")
    refusal = f"error({what} || chr(39) || left({name}, 100) || chr(39))"
    return f"CASE WHEN {name} IS NULL THEN NULL ELSE coalesce({_value(name, data_type)}, {refusal}) END"


def field_metadata(columns: list[Column]) -> list[dict[str, Any]]:
    """What an asset's metadata tells of its columns."""
    return [
        {
            "name": column.name,
            "alias": column.name,
            "description": None,
            "data_type": column.data_type,
            "unit": None,
            "is_feature_info": column.data_type != GEOMETRY,
            "is_filter": column.data_type != GEOMETRY,
        }
        for column in columns
    ]


def _value(name: str, data_type: str) -> str:
    """SQL for the value of a text that is not null; null where it does not fit."""
    stored = STORED[data_type]
    if data_type in _WHOLE:
        return f"CASE WHEN regexp_full_match({name}, '\\s*[+-]?[0-9]+\\s*') THEN try_cast({name} AS {stored}) END"
    if data_type == "boolean":
        # Patterns, as DuckDB makes two joins of each list of words: ten times the time of a small load.
        yes, no = (f"regexp_full_match(lower(trim({name})), {literal('|'.join(words))})" for words in (_TRUE, _FALSE))
        usual = f"WHEN {name} = 'true' THEN true WHEN {name} = 'false' THEN false"
        return f"CASE {usual} WHEN {yes} THEN true WHEN {no} THEN false END"
    if data_type == "jsonb":
        return f"CASE WHEN json_valid({name}) THEN {name} END"
    if data_type == GEOMETRY:
        return f"CASE WHEN regexp_full_match({name}, '([0-9A-Fa-f]{{2}})+') THEN {name} END"
    return f"try_cast({name} AS {stored})"
