"""Published result tables, read back from the Data API: which there are, their columns, their rows and sums."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from datapump.errors import ConflictError, InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from datapump.clients.data_api import DataApi

INNER = "__"
NUMBERS = frozenset({"numeric", "integer", "bigint", "smallint", "double precision"})
COLUMN = re.compile(r"[a-z][a-zA-Z0-9_]{0,62}")
MOST_ROWS = 2000
SAVED = "saved"
STATE = 16


class Column(NamedTuple):
    """A column: its name, and its type in the words of the Data API."""

    name: str
    type: str


class Choice(NamedTuple):
    """Which rows to read.

    Attributes:
        group_by: One row for each value of these columns together; none: the rows as they are.
        total: The column that is added up in each group; None: the rows are counted.
        column, value: Only rows whose column has this value.
        largest: The groups with the largest totals first; otherwise in the order of the groups' values.
        limit: At most so many rows.
    """

    group_by: tuple[str, ...] = ()
    total: str | None = None
    column: str | None = None
    value: str | None = None
    largest: bool = False
    limit: int = 100


class Rows(NamedTuple):
    """A page of rows.

    Attributes:
        items: The rows.
        next: Where the next page starts; None on the last, and of tables that cannot be read page by page.
        limited: Whether there are more rows.
    """

    items: list[dict[str, Any]]
    next: str | None
    limited: bool


class _Table(NamedTuple):
    """A table.

    Attributes:
        columns: Its columns.
        order: The columns that give its rows an order; none where to sort them would take as long as to read them all.
        state: Which rows it has; None while it gets others.
    """

    columns: list[Column]
    order: tuple[str, ...]
    state: str | None


class TableChangedError(ConflictError):
    """A table that has other rows than when an earlier page of them was read."""


def result_datasets(data_api: DataApi) -> list[tuple[str, list[str]]]:
    """The result datasets, by name, each with its versions."""
    return [
        (str(known["dataset"]), sorted(known.get("versions") or []))
        for known in data_api.datasets()
        if INNER in str(known["dataset"])
    ]


def known_version(data_api: DataApi, dataset: str, version: str) -> dict[str, Any]:
    """A version's metadata.

    Raises:
        NotFoundError: There is no such version.
    """
    known = data_api.version(dataset, version)
    if known is None:
        raise NotFoundError(f"the Data API has no {dataset} {version}")
    return known


def columns(data_api: DataApi, dataset: str, version: str) -> list[Column]:
    """The columns of a version's table, in their order.

    Raises:
        NotFoundError: There is no such version, or it is no table.
    """
    return _table(data_api, dataset, version).columns


def row_count(data_api: DataApi, dataset: str, version: str) -> int:
    """How many rows a table has."""
    return int(data_api.query(dataset, version, "SELECT count(*) AS count FROM data")[0]["count"])


def rows(data_api: DataApi, dataset: str, version: str, choice: Choice, after: str | None = None) -> Rows:
    """Rows of a table, or sums of its groups: the groups' columns, and `total`; from where another page ended.

    Raises:
        NotFoundError: There is no such table.
        InvalidInputError: It has no such column, or one that cannot be added up.
        TableChangedError: Rows were added to it since the other page was read.
    """
    table = _table(data_api, dataset, version)
    types = {column.name: column.type for column in table.columns}
    for name in (*choice.group_by, choice.total, choice.column):
        if name is not None and (name not in types or not COLUMN.fullmatch(name)):
            raise InvalidInputError(f"{dataset} {version} has no column {name!r}; it has {', '.join(types)}")
    if choice.total is not None and types[choice.total] not in NUMBERS:
        raise InvalidInputError(f"the column {choice.total} of {dataset} is {types[choice.total]}: no number to add up")
    if choice.column is not None and choice.value is None:
        raise InvalidInputError(f"rows are to be chosen by {choice.column}: give a value too")
    if choice.value is not None and choice.column is None:
        raise InvalidInputError("rows are to be chosen by a value: name the column that has it")
    if not choice.group_by and (choice.total is not None or choice.largest):
        raise InvalidInputError("totals are of groups: name the columns to group by, or leave out sum and largest")
    state, _, start = (after or f"{table.state}:0").partition(":")
    if state != table.state:
        raise TableChangedError(f"rows were added to {dataset} {version} since the page before: start with the first")
    most = min(choice.limit, MOST_ROWS)
    found = data_api.query(dataset, version, _sql(choice, types, table.order, most + 1, int(start)))
    more = len(found) > most
    paged = table.state is not None and (table.order or choice.group_by)
    following = f"{state}:{int(start) + most}" if more and paged else None
    return Rows(found[:most], following, limited=more)


def _table(data_api: DataApi, dataset: str, version: str) -> _Table:
    known = known_version(data_api, dataset, version)
    asset = data_api.table_asset(dataset, version)
    options = {} if asset is None else data_api.creation_options(str(asset["asset_id"]))
    found = [Column(str(one["name"]), str(one["data_type"])) for one in options.get("table_schema") or []]
    if asset is None or not found:
        raise NotFoundError(f"{dataset} {version} is no table whose columns are known")
    sources = json.dumps(options.get("source_uri") or []).encode()
    is_settled = known["status"] == asset["status"] == SAVED
    state = hashlib.sha256(sources).hexdigest()[:STATE] if is_settled else None
    return _Table(found, _order(options, [column.name for column in found]), state)


def _order(options: dict[str, Any], names: list[str]) -> tuple[str, ...]:
    """All columns, those of an index first: by them a table of any size is sorted bit by bit. None without an index."""
    indexed = [one["column_names"] for one in options.get("indices") or [] if one.get("index_type") == "btree"]
    first = [name for name in indexed[0] if name in names] if indexed else []
    return (*first, *(name for name in names if name not in first)) if first else ()


def _sql(choice: Choice, types: dict[str, str], order: tuple[str, ...], limit: int, offset: int) -> str:
    where = ""
    if choice.column is not None:
        where = f' WHERE "{choice.column}" = {_literal(choice.value or "", types[choice.column])}'
    page = f" LIMIT {limit}" + (f" OFFSET {offset}" if offset else "")
    if not choice.group_by:
        ordered = f" ORDER BY {_listed(order)}" if order else ""
        return f"SELECT * FROM data{where}{ordered}{page}"  # noqa: S608 - names are the table's own, the value is quoted
    total = "count(*)" if choice.total is None else f'sum("{choice.total}")'
    group = _listed(choice.group_by)
    ordered = f"total DESC, {group}" if choice.largest else group
    return f"SELECT {group}, {total} AS total FROM data{where} GROUP BY {group} ORDER BY {ordered}{page}"  # noqa: S608 - the same


def _listed(names: tuple[str, ...]) -> str:
    # Quoted, since PostgreSQL reads other names in lower case, and columns end on `__Mg`.
    return ", ".join(f'"{name}"' for name in names)


def _literal(text: str, column_type: str) -> str:
    """A value in SQL.

    Raises:
        InvalidInputError: No column of that type has such a value.
    """
    if column_type in NUMBERS:
        if not re.fullmatch(r"-?\d{1,15}(\.\d{1,10})?", text):
            raise InvalidInputError(f"{text!r} is no number")
        return text
    if column_type == "boolean" and text not in {"true", "false"}:
        raise InvalidInputError(f"{text!r} is neither true nor false")
    if column_type == "date" and not _is_date(text):
        raise InvalidInputError(f"{text!r} is no date as in 2026-01-17")
    return "'" + text.replace("'", "''") + "'"


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
