"""Tables: how the rows of delimited text become a part of a version's table."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duckdb.func import ARROW, SPECIAL

from datapump.embedded.data_api import parts
from datapump.embedded.data_api.columns import GEOMETRY, STORED, Column, literal, quoted
from datapump.embedded.data_api.delimited import decide_columns, select
from datapump.embedded.data_api.models.tables import HashPartitions, RangePartition
from datapump.embedded.data_api.points import web_mercator_points, wgs84_points
from datapump.errors import DataError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    import duckdb

    from datapump.embedded.data_api.models.tables import Index, ListPartition, Partitions, TableSource
    from datapump.objects import Objects

_POINTS = (Column("geom", GEOMETRY), Column("geom_wm", GEOMETRY))


@dataclass(frozen=True)
class Loaded:
    """What a load wrote: the table's columns and the number of new rows."""

    columns: list[Column]
    row_count: int


def load_text(options: TableSource, objects: Objects, target: parts.Target) -> Loaded:
    """Write the rows of delimited text as one part, sorted by the cluster index.

    Raises:
        DataError: A source, an option or a row does not fit; nothing was written under the part's name.
        StorageError: The disk is full.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(source_file(objects, uri)) for uri in options.source_uri]
        if not files:
            raise DataError("no source files were given")
        plain = _plain_columns(files[0], options, target)
        columns = [*plain, *_POINTS] if options.is_spatial else plain
        check_indices(options.indices, columns)
        # The rows may be laid out by an index that is listed as well.
        check_indices([options.cluster] if options.cluster else [], columns)
        selects = [
            select(path, uri, plain, options.delimiter)
            for path, uri in zip(files, options.source_uri, strict=True)
        ]  # fmt: skip
        names = dict(zip(map(str, files), options.source_uri, strict=True))
        connection = stack.enter_context(parts.loading(target, names))
        rows = _rows_sql(connection, " UNION ALL ".join(selects), options, columns, target)
        row_count = write_part(connection, rows, columns, options.cluster, target.part)
        if options.partitions is not None:
            _check_partitions(connection, options.partitions, columns, target.part)
    parts.finish(target.part)
    return Loaded(columns, row_count)


@contextmanager
def source_file(objects: Objects, uri: str) -> Iterator[Path]:
    """A source as a file to read.

    Raises:
        DataError: There is no object of exactly this name: folders and patterns are no sources of a table.
    """
    try:
        with objects.local(uri) as path:
            yield path
    except NotFoundError:
        raise DataError(f"{uri} is not an object: name each source file, not a folder or pattern") from None


def check_indices(indices: Sequence[Index], columns: Sequence[Column], known: Collection[str] = ()) -> None:
    """Refuse indices that the table cannot have.

    Raises:
        DataError: A column that the table has not, or the same index twice.
    """
    names = {column.name for column in columns} | set(known)
    for at, index in enumerate(indices):
        unknown = [name for name in index.column_names if name not in names]
        if unknown:
            raise DataError(f"an index names the column {unknown[0]}, which the table has not")
        if index in indices[:at]:
            raise DataError(f"the {index.index_type} index on {', '.join(index.column_names)} is asked for twice")


def write_part(
    connection: duckdb.DuckDBPyConnection, rows: str, columns: Sequence[Column], cluster: Index | None, part: Path
) -> int:
    """Write what a query gives as an unfinished part, sorted by a cluster index; returns the number of rows."""
    part.parent.mkdir(parents=True, exist_ok=True)
    names = ", ".join(quoted(column.name) for column in columns)
    order = ""
    if cluster is not None and cluster.index_type != "gist":
        order = " ORDER BY " + ", ".join(quoted(name) for name in cluster.column_names)
    target = literal(str(parts.unfinished(part)))
    query = (
        f"COPY (SELECT {names} FROM ({rows}){order}) TO {target} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)"  # noqa: S608 - names and texts are quoted
    )
    return int(connection.execute(query).fetchall()[0][0])


def _plain_columns(first: Path, options: TableSource, target: parts.Target) -> list[Column]:
    """The columns that come from the files."""
    made = {column.name for column in _POINTS} if options.is_spatial else set()
    if target.columns is not None:
        return [column for column in target.columns if column.name not in made]
    columns = decide_columns(first, options.source_uri[0], options)
    names = [column.name for column in columns]
    for option in ("latitude", "longitude"):
        name = getattr(options, option)
        if name is not None and name not in names:
            raise DataError(f"the {option} column {name} is not in {options.source_uri[0]}")
    taken = sorted(made & {name.lower() for name in names})
    if taken:
        raise DataError(f"{options.source_uri[0]} has a column {taken[0]}, which the table makes from the coordinates")
    return columns


def _rows_sql(
    connection: duckdb.DuckDBPyConnection, files: str, options: TableSource, columns: list[Column], target: parts.Target
) -> str:
    """SQL for the rows to write: what the files hold, with points, without those a unique constraint refuses."""
    rows = files
    if options.is_spatial:
        for name, function in (("geom", wgs84_points), ("geom_wm", web_mercator_points)):
            connection.create_function(
                f"make_{name}",
                function,
                ["DOUBLE", "DOUBLE"],
                "VARCHAR",
                type=ARROW,
                null_handling=SPECIAL,
            )
        place = f"CAST({quoted(options.longitude or '')} AS DOUBLE), CAST({quoted(options.latitude or '')} AS DOUBLE)"
        rows = f"SELECT *, make_geom({place}) AS geom, make_geom_wm({place}) AS geom_wm FROM ({rows})"  # noqa: S608 - names are quoted
    for constraint in options.constraints or []:
        rows = _unique_sql(rows, constraint.column_names, columns, target.existing)
    return rows


def _unique_sql(rows: str, keys: list[str], columns: list[Column], existing: list[Path]) -> str:
    """As `ON CONFLICT DO NOTHING`: the first row of a key stays; keys with a null never conflict."""
    unknown = [key for key in keys if key not in {column.name for column in columns}]
    if unknown:
        raise DataError(f"the unique constraint names the column {unknown[0]}, which the table has not")
    names = [quoted(key) for key in keys]
    open_key = " OR ".join(f"r.{name} IS NULL" for name in names)
    listed = ", ".join(names)
    taken = "false"
    if existing:
        files = ", ".join(literal(str(path)) for path in existing)
        same = " AND ".join(f"e.{name} = r.{name}" for name in names)
        taken = f"EXISTS (SELECT 1 FROM read_parquet([{files}]) e WHERE {same})"  # noqa: S608 - names and texts are quoted
    return (
        f"SELECT * FROM (SELECT *, row_number() OVER () AS _row FROM ({rows})) r WHERE {open_key} OR NOT {taken}"  # noqa: S608 - names are quoted
        f" QUALIFY {open_key} OR row_number() OVER (PARTITION BY {listed} ORDER BY _row) = 1"
    )


def _check_partitions(
    connection: duckdb.DuckDBPyConnection, partitions: Partitions, columns: list[Column], part: Path
) -> None:
    """Refuse rows that fit no partition, as PostgreSQL does."""
    column = next((column for column in columns if column.name == partitions.partition_column), None)
    if column is None:
        raise DataError(f"the partition column {partitions.partition_column} is not a column of the table")
    if partitions.create_default or isinstance(partitions.partition_schema, HashPartitions):
        return
    name = quoted(column.name)
    covered = " OR ".join(_covers(name, STORED[column.data_type], one) for one in partitions.partition_schema)
    query = (
        f"SELECT count(*), any_value(CAST({name} AS VARCHAR)) FROM read_parquet({literal(str(parts.unfinished(part)))})"  # noqa: S608 - names and texts are quoted
        f" WHERE NOT coalesce({covered or 'false'}, false)"
    )
    count, example = connection.execute(query).fetchall()[0]
    if count:
        raise DataError(f"{count} rows fit no partition of {column.name}, such as {example}")


def _covers(name: str, stored: str, partition: ListPartition | RangePartition) -> str:
    if isinstance(partition, RangePartition):
        low, high = (f"CAST({literal(value)} AS {stored})" for value in (partition.start_value, partition.end_value))
        return f"({name} >= {low} AND {name} < {high})"
    values = ", ".join(f"CAST({literal(value)} AS {stored})" for value in partition.value_list)
    return f"{name} IN ({values or 'NULL'})"
