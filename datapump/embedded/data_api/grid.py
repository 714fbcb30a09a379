"""The `1x1 grid` of a version: its features cut by 1x1 degree cells, as a tab-separated file.

Analyses read some columns of this file by position, so the order is that of the files they were made for:

    gadm      fid gid_0 gid_1 gid_2 tile_id tcl glad geom
    wdpa      site_id name iucn_cat iso3 status tcl glad geom
    geostore  geostore_id geom tcl glad
    feature   fid geom tcl glad

With `field_attributes` those fields are written instead: before the flags for gadm and wdpa; for others the
first one before the geometry, where the id is looked for, the others at the end. In a gadm file `fid` comes
first even if it is not asked for, when `gid_0` would take its place.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import shapely

from datapump.analyses import FeatureType
from datapump.embedded.data_api.columns import literal, quoted
from datapump.embedded.data_api.vectors import FEATURE_ID, GEOM
from datapump.errors import DataError
from datapump.land import land_cells
from datapump.slicing import slice_features

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from datapump.embedded.data_api.columns import Column
    from datapump.embedded.data_api.models.assets import Grid1x1
    from datapump.embedded.data_api.query import Table

_FEATURES_AT_ONCE = 5_000
_FID, _TILE_ID, _TCL, _GLAD = "fid", "tile_id", "tcl", "glad"
_FIELDS = {
    FeatureType.GADM: ("fid", "gid_0", "gid_1", "gid_2"),
    FeatureType.WDPA: ("site_id", "name", "iucn_cat", "iso3", "status"),
    FeatureType.GEOSTORE: ("geostore_id",),
    FeatureType.FEATURE: ("fid",),
}
_GEOMETRY_LAST = frozenset({FeatureType.GADM, FeatureType.WDPA})


@dataclass(frozen=True)
class Layout:
    """The columns of the file, in their order; `fields` are those that come from the features."""

    fields: tuple[str, ...]
    order: tuple[str, ...]


@dataclass(frozen=True)
class Cut:
    """What became of the features."""

    features: int
    without_geometry: int
    outside: int
    rows: int

    def __str__(self) -> str:
        return (
            f"{self.rows} rows from {self.features} features; {self.without_geometry} have no geometry,"
            f" {self.outside} no polygon on the listed land tiles"
        )


def layout(dataset: str, options: Grid1x1) -> Layout:
    """The columns that the file of a dataset has."""
    kind = FeatureType.of_dataset(dataset)
    fields = tuple(options.field_attributes or _FIELDS[kind])
    if kind == FeatureType.GADM and fields[0] == "gid_0":
        fields = (_FID, *fields)
    standard = not options.field_attributes and kind == FeatureType.GADM
    tile_id = (_TILE_ID,) if options.include_tile_id or standard else ()
    if kind in _GEOMETRY_LAST:
        return Layout(fields, (*fields, *tile_id, _TCL, _GLAD, GEOM))
    return Layout(fields, (fields[0], GEOM, *tile_id, _TCL, _GLAD, *fields[1:]))


def write_grid(table: Table, wanted: Layout, out: Path, began: Callable[[duckdb.DuckDBPyConnection], None]) -> Cut:
    """Cut a table's features and write the file.

    Args:
        table: The features; if they have no `fid`, their number `gfw_fid` takes its place.
        wanted: The columns of the file.
        out: The file to write.
        began: Is told the connection before each batch, and may raise to stop the work.

    Raises:
        DataError: The table lacks a column, or nothing of it lies on the listed land tiles.
    """
    features = without_geometry = outside = rows = 0
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(wanted.order)
        for batch in _features(table, _sources(table.columns, wanted), began):
            shapes = _shapes(batch)
            written, cut = _cut(batch, shapes, wanted)
            writer.writerows(zip(*written, strict=True))
            missing = int(shapely.is_missing(shapes).sum())
            features += len(shapes)
            without_geometry += missing
            outside += len(shapes) - missing - len(np.unique(cut))
            rows += len(cut)
    if rows == 0:
        raise DataError(f"none of the {features} features has a polygon on the listed land tiles")
    return Cut(features, without_geometry, outside, rows)


def _sources(columns: list[Column], wanted: Layout) -> dict[str, str]:
    """Field of the file -> column of the table."""
    names = {column.name for column in columns}
    twice = [name for name in wanted.order if wanted.order.count(name) > 1]
    if twice:
        raise DataError(f"field_attributes: the file would have the column {twice[0]} twice")
    sources = {name: FEATURE_ID if name == _FID and _FID not in names else name for name in wanted.fields}
    missing = [name for name, source in sources.items() if source not in names]
    if missing:
        raise DataError(
            f"a 1x1 grid of this dataset has the column {missing[0]}, which the table has not:"
            f" name the columns in field_attributes (there are {', '.join(sorted(names - {GEOM}))})"
        )
    return sources


def _features(
    table: Table, sources: dict[str, str], began: Callable[[duckdb.DuckDBPyConnection], None]
) -> Iterator[Any]:
    files = ", ".join(literal(str(path)) for path in table.parts)
    fields = "".join(f"{quoted(source)} AS {quoted(name)}, " for name, source in sources.items())
    query = f"SELECT {fields}{quoted(GEOM)} FROM read_parquet([{files}])"  # noqa: S608 - names and paths are quoted
    with duckdb.connect(":memory:", config={"temp_directory": ""}) as connection:
        for batch in connection.sql(query).to_arrow_reader(_FEATURES_AT_ONCE):
            began(connection)
            yield batch


def _shapes(batch: Any) -> Any:  # noqa: ANN401 - pyarrow carries no types
    texts = np.asarray(batch.column(GEOM).to_pylist(), dtype=np.object_)
    return shapely.from_wkb(texts, on_invalid="ignore")


def _cut(batch: Any, shapes: Any, wanted: Layout) -> tuple[list[Any], Any]:  # noqa: ANN401 - pyarrow carries no types
    """The columns of the rows of one batch, and for each row the position of its feature."""
    cells = land_cells()
    slices = slice_features(shapes, cells)
    flags = np.array(["f", "t"])
    made = {
        GEOM: shapely.to_wkb(shapely.set_srid(slices.geometry, 4326), hex=True, include_srid=True),
        _TILE_ID: cells.tile_id[slices.cell],
        _TCL: flags[cells.tcl[slices.cell].astype(int)],
        _GLAD: flags[cells.glad[slices.cell].astype(int)],
    }
    taken = batch.take(pa.array(slices.feature))
    columns = [taken.column(name).to_pylist() if name in wanted.fields else made[name] for name in wanted.order]
    return columns, slices.feature
