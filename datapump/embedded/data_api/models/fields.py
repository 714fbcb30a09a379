"""What the request models share: strictness, columns, enumerations, dates."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StringConstraints

from datapump.embedded.data_api.errors import ApiError
from datapump.embedded.data_api.wording import first_of, one_of
from datapump.names import COLUMN_PATTERN

_SHARED = ConfigDict(coerce_numbers_to_str=True, frozen=True)


class Strict(BaseModel):
    """A model that refuses unknown keys."""

    model_config = ConfigDict(**_SHARED, extra="forbid")


class Lenient(BaseModel):
    """A model that ignores unknown keys."""

    model_config = ConfigDict(**_SHARED, extra="ignore")


def _day(value: object) -> object:
    if value is None or isinstance(value, date):
        return value
    try:
        return datetime.strptime(str(value), "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ApiError(422, "Date needs to be of the format YYYY-MM-DD") from None


def _finite(value: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity and no NaN, though Python's parser takes them."""
    json.dumps(value, allow_nan=False)
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_finite)]
Number = Annotated[int | float, Field(allow_inf_nan=False)]
Day = Annotated[date, BeforeValidator(_day)]
Column = Annotated[str, StringConstraints(pattern=COLUMN_PATTERN)]
Columns = Annotated[list[Column], Field(min_length=1, max_length=32)]
Zoom = Annotated[int, Field(ge=0, le=22)]

DataType = Annotated[
    str,
    one_of(
        "boolean", "uint8", "int8", "uint16", "int16", "uint32", "int32",
        "float16", "half", "float32", "single", "float64", "double",
    ),
]  # fmt: skip
Grid = Annotated[
    str,
    one_of(
        "1/4000", "3/33600", "3/50000", "8/32000", "10/40000", "10/100000", "90/1008", "90/9984", "90/27008",
        *(f"zoom_{zoom}" for zoom in range(23)),
    ),
]  # fmt: skip
Resampling = Annotated[
    str,
    one_of(
        "average", "bilinear", "cubic", "cubic_spline", "lanczos", "max", "min", "med", "mode", "nearest", "q1", "q3"
    ),
]  # fmt: skip
VectorDriver = Annotated[str, one_of("CSV", "ESRIJSON", "FileGDB", "GeoJSON", "GeoJSONSeq", "GPKG", "ESRI Shapefile")]
PostgresType = Annotated[
    str,
    one_of(
        "date", "timestamp", "timestamp without time zone", "character varying", "text", "bigint",
        "double precision", "integer", "numeric", "smallint", "geometry", "ARRAY", "boolean", "jsonb", "time",
        "uuid", "xml",
    ),
]  # fmt: skip

_NotANumber = Annotated[str, one_of("nan")]
_BandNoData = Annotated[int | str, first_of(StrictInt, _NotANumber)]
NoData = Annotated[list[int | str] | int | str, first_of(list[_BandNoData], StrictInt, _NotANumber)]
