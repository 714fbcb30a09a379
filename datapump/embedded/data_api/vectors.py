"""Files of features as tables: attributes, a number for each feature, and its geometry as hexadecimal EWKB."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from datapump.embedded.data_api import parts
from datapump.embedded.data_api.columns import GEOMETRY, STORED, Column, quoted
from datapump.embedded.data_api.delimited import check_names
from datapump.embedded.data_api.tables import Loaded, check_indices, source_file, write_part
from datapump.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from datapump.embedded.data_api.models.tables import VectorSource
    from datapump.objects import Objects

FEATURE_ID = "gfw_fid"
GEOM = "geom"
_SRID = 4326
_DEGREES = ("EPSG:4326", "OGC:CRS84")
_JSON_DRIVERS = frozenset({"GeoJSON", "GeoJSONSeq", "ESRIJSON"})
# The service's names of drivers, where GDAL's are others
_GDAL_DRIVERS = {"FileGDB": frozenset({"OpenFileGDB", "FileGDB"}), **dict.fromkeys(_JSON_DRIVERS, _JSON_DRIVERS)}
_CSV_OPTIONS = {
    "GEOM_POSSIBLE_NAMES": "geom,the_geom,geometry,wkt,WKT",
    "KEEP_GEOM_COLUMNS": "NO",
    "AUTODETECT_TYPE": "YES",
}
_TYPES = {
    "BIGINT": "bigint",
    "INTEGER": "integer",
    "SMALLINT": "smallint",
    "TINYINT": "smallint",
    "DOUBLE": "double precision",
    "FLOAT": "double precision",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIME": "time",
    "UUID": "uuid",
}


def load_features(options: VectorSource, objects: Objects, target: parts.Target, first_id: int) -> Loaded:
    """Write the features of files as one part.

    Attribute names are brought to lower case and to letters, digits and underscores. The column `gfw_fid`
    numbers features from `first_id`.

    Raises:
        DataError: A source or an option does not fit; nothing was written under the part's name.
        StorageError: The disk is full.
    """
    with ExitStack() as stack:
        if not options.source_uri:
            raise DataError("no source files were given")
        files = [stack.enter_context(source_file(objects, uri)) for uri in options.source_uri]
        layers: list[tuple[str, str, str | None]] = [
            (_location(path, uri), uri, layer)
            for path, uri in zip(files, options.source_uri, strict=True)
            for layer in (options.layers or (None,))
        ]
        problems: list[DataError] = []
        try:
            connection = stack.enter_context(parts.loading(target, {}))
            connection.register("features", _reader(layers, options.source_driver, problems))
            columns = _columns(connection, options, target.columns)
            check_indices([options.cluster] if options.cluster else [], columns)
            row_count = write_part(connection, _rows_sql(columns, first_id), columns, options.cluster, target.part)
        except duckdb.Error:
            if problems:
                raise problems[0] from None
            raise
    parts.finish(target.part)
    return Loaded(columns, row_count)


def _location(path: Path, uri: str) -> str:
    return f"/vsizip/{path}" if uri.endswith(".zip") else str(path)


def _reader(layers: list[tuple[str, str, str | None]], driver: str, problems: list[DataError]) -> Any:  # noqa: ANN401 - pyarrow carries no types
    """All layers' features in batches of one schema, geometry as hexadecimal EWKB in the column `geom`.

    What goes wrong while DuckDB reads is added to `problems`: DuckDB would tell it in its own words.
    """
    batches = _batches(layers, driver)
    first = next(batches)
    schema = first.schema

    def alike() -> Iterator[Any]:
        yield first
        try:
            for batch in batches:
                differing = set(schema.names) ^ set(batch.schema.names)
                if differing:
                    raise DataError(f"the layers differ in their attributes: {', '.join(sorted(differing))}")  # noqa: TRY301 - kept for the caller like the others
                yield batch.select(schema.names).cast(schema)
        except DataError as error:
            problems.append(error)
            raise

    return pa.RecordBatchReader.from_batches(schema, alike())


def _batches(layers: list[tuple[str, str, str | None]], driver: str) -> Iterator[Any]:
    for location, uri, layer in layers:
        try:
            _check_source(location, uri, layer, driver)
            more = _CSV_OPTIONS if driver == "CSV" else {}
            with pyogrio.raw.open_arrow(location, layer=layer, use_pyarrow=True, **more) as (meta, reader):
                geometry = meta["geometry_name"] or "wkb_geometry"
                for batch in reader:
                    yield _with_geom(batch, geometry, uri)
        except (DataSourceError, DataLayerError) as error:
            raise DataError(f"{uri} cannot be read as {driver}: {str(error).replace(location, uri)}") from error


def _check_source(location: str, uri: str, layer: str | None, driver: str) -> None:
    """Refuse a file of another kind, and coordinates that are not degrees in WGS 84.

    GDAL opens what a file turns out to be, and some kinds point to other files: only the declared kind is read.
    """
    info = pyogrio.read_info(location, layer=layer)
    if info["driver"] not in _GDAL_DRIVERS.get(driver, {driver}):
        raise DataError(f"{uri} is not a {driver} file but {info['driver']}")
    if info["geometry_type"] is None and driver != "CSV":
        raise DataError(f"{uri} has no geometries")
    crs = info["crs"]
    degrees = crs is None or crs in _DEGREES or (crs.startswith("GEOG") and re.search(r"WGS[ _](19)?84", crs))
    if not degrees:
        raise DataError(f"{uri} is in {crs[:60]}: only longitude and latitude in EPSG:4326 can be loaded")


def _with_geom(batch: Any, geometry: str, uri: str) -> Any:  # noqa: ANN401 - pyarrow carries no types
    if geometry not in batch.schema.names:
        raise DataError(f"{uri} has no geometries")
    shapes = shapely.from_wkb(np.asarray(batch.column(geometry).to_pylist(), dtype=np.object_), on_invalid="ignore")
    flat = shapely.set_srid(shapely.force_2d(shapes), _SRID)
    texts = pa.array(shapely.to_wkb(flat, hex=True, include_srid=True), type=pa.string())
    kept = [name for name in batch.schema.names if name != geometry]
    names = [_laundered(name) for name in kept]
    twice = [name for name in names if names.count(name) > 1 or name in (GEOM, FEATURE_ID)]
    if twice:
        raise DataError(f"{uri}: the attribute {twice[0]} would be in the table twice")
    return pa.RecordBatch.from_arrays([*(batch.column(name) for name in kept), texts], names=[*names, GEOM])


def _laundered(name: str) -> str:
    return re.sub(r"[^a-z0-9_]", "_", name.lower())


def _columns(connection: duckdb.DuckDBPyConnection, options: VectorSource, table: list[Column] | None) -> list[Column]:
    """The table's columns: those that it has, which the features must have too, or those of the features."""
    described = connection.execute("DESCRIBE features").fetchall()
    names = [name for name, *_ in described]
    if table is not None:
        check_names(names, [column.name for column in table if column.name != FEATURE_ID], options.source_uri[0])
        return table
    wanted = {field.name: field.data_type for field in options.table_schema or []}
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise DataError(f"the schema names the attribute {unknown[0]}, which the features have not")
    types = {name: wanted.get(name) or _postgres_type(stored) for name, stored, *_ in described}
    arrays = [name for name, data_type in types.items() if data_type not in STORED]
    if arrays:
        raise DataError(f"attribute {arrays[0]}: {types[arrays[0]]} is not a type that a column can have")
    attributes = [Column(name, types[name]) for name in names if name != GEOM]
    return [Column(FEATURE_ID, "integer"), *attributes, Column(GEOM, GEOMETRY)]


def _postgres_type(stored: str) -> str:
    if stored.startswith("TIMESTAMP"):
        return "timestamp without time zone"
    return _TYPES.get(stored, "character varying")


def _rows_sql(columns: list[Column], first_id: int) -> str:
    """SQL for the rows: attributes cast to the table's types, numbered in the order of the files."""
    values = [
        f"CAST(row_number() OVER () + {first_id - 1} AS INTEGER) AS {quoted(FEATURE_ID)}"
        if column.name == FEATURE_ID
        else f"CAST({quoted(column.name)} AS {STORED[column.data_type]}) AS {quoted(column.name)}"
        for column in columns
    ]
    return f"SELECT {', '.join(values)} FROM features"  # noqa: S608 - names are quoted
