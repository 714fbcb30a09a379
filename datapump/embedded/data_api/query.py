"""Running a checked query: on the version's parts alone, with a limit on time, memory and rows."""

from __future__ import annotations

import csv
import io
import json
import math
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import duckdb
import numpy as np
import pyarrow as pa
import shapely
from duckdb.func import ARROW, SPECIAL
from shapely.errors import ShapelyError

from datapump.embedded.data_api.columns import Column, literal
from datapump.embedded.data_api.errors import ApiError
from datapump.embedded.data_api.parts import explained
from datapump.embedded.data_api.select import TABLE, translate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from datapump.embedded.data_api.select import Query
    from datapump.embedded.data_api.settings import DataApiSettings

TIMEOUT = "A timeout occurred while processing the request. Request canceled."
_MEETS = "meets_area"
_GEOM = "geom"
_FETCHED_AT_ONCE = 10_000


@dataclass(frozen=True)
class Table:
    """A version's table: its columns and the files that hold its rows."""

    columns: list[Column]
    parts: list[Path]


@dataclass(frozen=True)
class Result:
    """What a query gives."""

    names: list[str]
    rows: list[tuple[Any, ...]]

    def as_records(self) -> list[dict[str, Any]]:
        """Rows as JSON objects; of columns of one name the last one counts."""
        return [dict(zip(self.names, map(_json_value, row), strict=True)) for row in self.rows]

    def as_csv(self, delimiter: str) -> str:
        """Rows as the service writes them: texts quoted, numbers and booleans not; nothing at all without rows."""
        if not self.rows:
            return ""
        names = list(dict.fromkeys(self.names))
        out = io.StringIO()
        writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, delimiter=delimiter)
        writer.writerow(names)
        for row in self.rows:
            values = dict(zip(self.names, row, strict=True))
            writer.writerow(_csv_value(values[name]) for name in names)
        return out.getvalue()


def run(settings: DataApiSettings, table: Table, sql: str, area: dict[str, Any] | None = None) -> Result:
    """Check and run a caller's query.

    Args:
        settings: Limits of time, memory and rows.
        table: What it may read.
        sql: The caller's statement.
        area: A GeoJSON geometry in longitude and latitude; only rows whose `geom` meets it count.

    Raises:
        ApiError: 400 for a query that is refused or fails, 404 if the table was deleted meanwhile, 524 if it
            takes too long.
    """
    names = [column.name for column in table.columns]
    if area is not None and _GEOM not in names:
        raise ApiError(400, 'Bad request. column "geom" does not exist')
    only_where = None if area is None else f'{_MEETS}("{_GEOM}")'
    query = translate(sql, names, only_where)
    with _connection(settings, table, area) as connection, _time_limit(connection, settings.query_timeout_s):
        return Result(query.names, _rows(connection, query, settings.query_max_rows))


@contextmanager
def _connection(
    settings: DataApiSettings, table: Table, area: dict[str, Any] | None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can read the table's parts and nothing else, and whose settings cannot be changed."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{settings.query_memory_mb}MB",
        "temp_directory": "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
        "integer_division": True,
    }
    files = "[" + ", ".join(literal(str(path)) for path in table.parts) + "]"
    connection = duckdb.connect(":memory:", config=config)
    try:
        if area is not None:
            connection.create_function(
                _MEETS, _meets(area), ["VARCHAR"], "BOOLEAN", type=ARROW, null_handling=SPECIAL
            )  # fmt: skip
        connection.execute(f"SET allowed_paths = {files}")
        connection.execute("SET enable_external_access = false")
        connection.execute(f"CREATE VIEW {TABLE} AS SELECT * FROM read_parquet({files})")  # noqa: S608 - our own paths
        connection.execute("SET lock_configuration = true")
        yield connection
    except duckdb.InterruptException:
        raise ApiError(524, TIMEOUT) from None
    except duckdb.Error as error:
        if not all(path.exists() for path in table.parts):
            raise ApiError(404, "The version was deleted while it was queried.") from None
        raise ApiError(400, f"Bad request. {explained(error, {}).message}") from None
    finally:
        connection.close()


@contextmanager
def _time_limit(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _rows(connection: duckdb.DuckDBPyConnection, query: Query, limit: int) -> list[tuple[Any, ...]]:
    cursor = connection.execute(query.sql)
    rows: list[tuple[Any, ...]] = []
    while chunk := cursor.fetchmany(_FETCHED_AT_ONCE):
        rows += chunk
        if len(rows) > limit:
            raise ApiError(400, f"Bad request. the query gives more than {limit} rows: add a LIMIT")
    return rows


def _meets(area: dict[str, Any]) -> Any:  # noqa: ANN401 - Arrow arrays carry no types
    try:
        shape = shapely.from_geojson(json.dumps(area))
    except ShapelyError:
        raise ApiError(400, "Bad request. geometry is not a GeoJSON geometry") from None
    shapely.prepare(shape)

    def meets(texts: Any) -> Any:  # noqa: ANN401 - Arrow arrays carry no types
        shapes = shapely.from_wkb(np.asarray(texts.to_pylist(), dtype=np.object_), on_invalid="ignore")
        return pa.array(shapely.intersects(shape, shapes))

    return meets


def _json_value(value: Any) -> Any:  # noqa: ANN401 - a cell of any type
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value) if isinstance(value, UUID) else value


def _csv_value(value: Any) -> Any:  # noqa: ANN401 - a cell of any type
    return float(value) if isinstance(value, Decimal) else value
