"""Creation options of tables: delimited text and vector files."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from datapump.embedded.data_api.models.fields import Column, Columns, PostgresType, Strict, VectorDriver
from datapump.embedded.data_api.wording import first_of, one_of

JOB_SECONDS = 400_000
_ONE_FILE_DRIVERS = ("ESRIJSON", "ESRI Shapefile", "GeoJSONSeq", "GeoJSON")

_Suffix = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{3,}$")]
_Value = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,}$")]


class Index(Strict):
    """An index of a table, also the one that its rows are sorted by."""

    index_type: Annotated[str, one_of("gist", "btree", "hash")]
    column_names: Columns


_FEATURE_INDICES = (
    Index(index_type="gist", column_names=["geom"]),
    Index(index_type="gist", column_names=["geom_wm"]),
    Index(index_type="hash", column_names=["gfw_geostore_id"]),
)


class Constraint(Strict):
    """Columns whose values together may occur only once."""

    constraint_type: Annotated[str, one_of("unique")]
    column_names: Columns


class HashPartitions(Strict):
    """Rows spread evenly over a number of partitions."""

    partition_count: int = Field(gt=0)


class ListPartition(Strict):
    """The partition of some values."""

    partition_suffix: _Suffix
    value_list: list[_Value]


class RangePartition(Strict):
    """The partition of values from a start up to, not including, an end."""

    partition_suffix: _Suffix
    start_value: _Value
    end_value: _Value


PartitionSchema = HashPartitions | list[ListPartition] | list[RangePartition]


class Partitions(Strict):
    """How a table is partitioned; rows that fit no partition are refused unless there is a default one."""

    partition_type: Annotated[str, one_of("hash", "list", "range")]
    partition_column: Column
    create_default: bool = False
    partition_schema: Annotated[PartitionSchema, first_of(HashPartitions, list[ListPartition], list[RangePartition])]


class FieldType(Strict):
    """A column and its PostgreSQL type."""

    name: Column
    data_type: PostgresType


class TableAsset(Strict):
    """A table made from delimited text."""

    has_header: bool = True
    delimiter: Annotated[str, one_of(",", "\t", "|", ";")]
    latitude: Column | None = None
    longitude: Column | None = None
    cluster: Index | None = None
    partitions: Partitions | None = None
    indices: list[Index] = Field(default_factory=list)
    constraints: list[Constraint] | None = None
    table_schema: list[FieldType] | None = None
    create_dynamic_vector_tile_cache: bool = True
    timeout: int = JOB_SECONDS

    @field_validator("constraints")
    @classmethod
    def _one_unique(cls, value: list[Constraint] | None) -> list[Constraint] | None:
        assert value is None or len(value) <= 1, (  # noqa: S101 - the service's own error type is assertion_error
            "Currently cannot specify more than 1 unique constraint"
        )
        return value


class TableSource(TableAsset):
    """A version made from delimited text."""

    source_type: Annotated[str, one_of("table")]
    source_driver: Annotated[str, one_of("text")]
    source_uri: list[str]

    @property
    def is_spatial(self) -> bool:
        """Whether rows get a point geometry."""
        return self.latitude is not None and self.longitude is not None


class VectorSource(Strict):
    """A version made from a file of features."""

    source_type: Annotated[str, one_of("vector")]
    source_driver: VectorDriver
    source_uri: list[str]
    layers: list[str] | None = None
    indices: list[Index] = Field(default_factory=lambda: list(_FEATURE_INDICES))
    cluster: Index | None = None
    table_schema: list[FieldType] | None = None
    create_dynamic_vector_tile_cache: bool = True
    add_to_geostore: bool = True
    timeout: int = JOB_SECONDS

    @field_validator("source_uri")
    @classmethod
    def _file_count(cls, value: list[str], info: ValidationInfo) -> list[str]:
        driver = info.data.get("source_driver")
        if driver == "CSV":
            assert value, "CSV sources require at least one input file"  # noqa: S101 - its type is assertion_error
        elif driver in _ONE_FILE_DRIVERS:
            assert len(value) == 1, (  # noqa: S101 - its type is assertion_error
                "GeoJSON and ESRI Shapefile vector sources require one and only one input file"
            )
        return value
