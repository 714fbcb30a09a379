"""Published result tables, read back from the Data API: which there are, their columns, their rows and sums."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from datapump.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from datapump.clients.data_api import DataApi

INNER = "__"
NUMBERS = frozenset({"numeric", "integer", "bigint", "smallint", "double precision"})
COLUMN = re.compile(r"[a-z][a-zA-Z0-9_]{0,62}")
MOST_ROWS = 2000


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
    known_version(data_api, dataset, version)
    asset = data_api.table_asset(dataset, version)
    options = {} if asset is None else data_api.creation_options(str(asset["asset_id"]))
    found = [Column(str(one["name"]), str(one["data_type"])) for one in options.get("table_schema") or []]
    if not found:
        raise NotFoundError(f"{dataset} {version} is no table whose columns are known")
    return found


def row_count(data_api: DataApi, dataset: str, version: str) -> int:
    """How many rows a table has."""
    return int(data_api.query(dataset, version, "SELECT count(*) AS count FROM data")[0]["count"])


def rows(data_api: DataApi, dataset: str, version: str, choice: Choice) -> list[dict[str, Any]]:
    """Rows of a table, or sums of its groups: the groups' columns, and `total`.

    Raises:
        NotFoundError: There is no such table.
        InvalidInputError: It has no such column, or one that cannot be added up.
    """
    types = {column.name: column.type for column in columns(data_api, dataset, version)}
    for name in (*choice.group_by, choice.total, choice.column):
        if name is not None and (name not in types or not COLUMN.fullmatch(name)):
            raise InvalidInputError(f"{dataset} {version} has no column {name!r}; it has {', '.join(types)}")
    if choice.total is not None and types[choice.total] not in NUMBERS:
        raise InvalidInputError(f"the column {choice.total} of {dataset} is {types[choice.total]}: no number to add up")
    return data_api.query(dataset, version, _sql(choice, types))


def _sql(choice: Choice, types: dict[str, str]) -> str:
    where = "" if choice.column is None else f" WHERE {choice.column} = {_literal(choice.value, types[choice.column])}"
    limit = f" LIMIT {min(choice.limit, MOST_ROWS)}"
    if not choice.group_by:
        return f"SELECT * FROM data{where}{limit}"  # noqa: S608 - names are the table's own, the value is quoted
    total = "count(*)" if choice.total is None else f"sum({choice.total})"
    group = ", ".join(choice.group_by)
    order = f"total DESC, {group}" if choice.largest else group
    return f"SELECT {group}, {total} AS total FROM data{where} GROUP BY {group} ORDER BY {order}{limit}"  # noqa: S608 - the same


def _literal(value: str | None, column_type: str) -> str:
    text = value or ""
    if column_type in NUMBERS:
        if not re.fullmatch(r"-?\d{1,15}(\.\d{1,10})?", text):
            raise InvalidInputError(f"{text!r} is no number")
        return text
    return "'" + text.replace("'", "''") + "'"
