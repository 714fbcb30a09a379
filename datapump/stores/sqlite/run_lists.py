"""Lists of executions in SQL that reads about as much as the shortest of the lists that are asked for.

The database keeps no statistics of its tables, so that it cannot tell which filter lets the fewest through: left to
itself it goes through all executions to find that none of them matches.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from datapump.clock import isoformat

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from datapump.executions import ExecutionFilters
    from datapump.stores.run_rules import Kind
    from datapump.stores.sqlite.database import Database

COLUMNS = ("status", "command", "caller")
TIMES = {
    "since": (">=", "ORDER BY created, id", timedelta(minutes=-1)),
    "until": ("<", "ORDER BY created DESC, id DESC", timedelta(minutes=1)),
}
# Lists that are longer are not told apart.
LONG = 200
HELD = "SELECT 1 FROM execution_lists WHERE list = ?"


class Query(NamedTuple):
    """What comes after `SELECT document` or `SELECT count(*)`.

    Attributes:
        newest_first: The order of the list.
    """

    source: str
    values: tuple[str, ...]
    newest_first: str


def store_lists(connection: sqlite3.Connection, execution_id: str, kinds: Iterable[tuple[Kind, str]]) -> None:
    """Make an execution be found by what it, or a job of it, is about."""
    connection.executemany(
        "INSERT OR IGNORE INTO execution_lists (list, execution_id) VALUES (?, ?)",
        [(f"{kind}={value}", execution_id) for kind, value in kinds],
    )


def query(database: Database, filters: ExecutionFilters, after: str | None) -> Query:
    """The executions that all the filters let through, after the one that a page ended with."""
    given = {name: value for name, value in filters.items() if value is not None}
    chosen = {name: str(value) for name, value in given.items() if name not in TIMES}
    first = min(chosen, key=lambda name: _length(database, name, chosen[name])) if len(chosen) > 1 else None
    first = first or next(iter(chosen), None)
    source, conditions, values, key = "executions", ["1"], [], "id"
    if first in COLUMNS:
        source, conditions, values = f"executions INDEXED BY executions_by_{first}", [f"{first} = ?"], [chosen[first]]
    elif first is not None:
        source = "execution_lists AS listed CROSS JOIN executions ON id = listed.execution_id"
        conditions, values, key = ["list = ?"], [f"{first}={chosen[first]}"], "listed.execution_id"
    for name, value in chosen.items():
        if name != first:
            conditions.append(f"+{name} = ?" if name in COLUMNS else f"EXISTS ({HELD} AND execution_id = id)")
            values.append(value if name in COLUMNS else f"{name}={value}")
    for name, moment in given.items():
        if name in TIMES and isinstance(moment, datetime):
            _bound(name, moment, key, conditions, values)
    if after is not None:
        conditions.append(f"{key} < ?")
        values.append(after)
    return Query(f"FROM {source} WHERE {' AND '.join(conditions)}", tuple(values), f"ORDER BY {key} DESC")


def _bound(name: str, moment: datetime, key: str, conditions: list[str], values: list[str]) -> None:
    """Limit a list to a time, and so to ids: they are in the order of their making, but for a moment."""
    sign, order, slack = TIMES[name]
    outermost = f"SELECT id FROM executions WHERE created {sign} ? {order} LIMIT 1"  # noqa: S608 - constants
    conditions += [f"+created {sign} ?", f"{key} {sign[0]}= ({outermost})"]
    values += [isoformat(moment), isoformat(_shifted(moment, slack))]


def _shifted(moment: datetime, slack: timedelta) -> datetime:
    try:
        return moment + slack
    except OverflowError:
        return moment


def _length(database: Database, name: str, value: str) -> int:
    """How long the list of one filter is, up to two hundred."""
    which = f"SELECT 1 FROM executions WHERE {name} = ?" if name in COLUMNS else HELD  # noqa: S608 - constants
    text = value if name in COLUMNS else f"{name}={value}"
    row = database.row(f"SELECT count(*) AS n FROM ({which} LIMIT {LONG})", (text,))  # noqa: S608 - constants
    return 0 if row is None else int(row["n"])
