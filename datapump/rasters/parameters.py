"""What a caller may say of a raster version: the Data API's creation options that are for callers to choose."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PlainValidator, StringConstraints, WithJsonSchema, model_validator

from datapump.errors import DataError
from datapump.jobs.document import Document
from datapump.rasters.expressions import bands_of

DAY_S = 24 * 3600
Uri = Annotated[
    str, StringConstraints(pattern=r"^(s3|gs)://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9](/[^/]+)*/?$", max_length=1024)
]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]
Zoom = Annotated[int, Field(ge=0, le=22)]
Byte = Annotated[int, Field(ge=0, le=255)]
Resampling = Literal[
    "average", "bilinear", "cubic", "cubic_spline", "lanczos", "max", "min", "med", "mode", "nearest", "q1", "q3"
]  # fmt: skip
Grid = Literal[
    "1/4000", "3/33600", "3/50000", "8/32000", "10/40000", "10/100000", "90/1008", "90/9984", "90/27008"
]  # fmt: skip
DataType = Literal[
    "boolean", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "half", "float32", "single",
    "float64", "double",
]  # fmt: skip


def _formula(text: str) -> str:
    try:
        bands_of(text)
    except DataError as error:
        raise ValueError(error.message) from None
    return text


def _no_data(value: object) -> int | str | None:
    """One of three kinds, told apart here so that a fault is one fault, at the value's own place."""
    if value is None or value == "nan" or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError("must be a whole number or 'nan'")


NoData = Annotated[
    int | str | None,
    PlainValidator(_no_data),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"const": "nan"}, {"type": "null"}]}),
]


class Colour(Document):
    """A colour, with its opacity where the symbology has one."""

    red: Byte
    green: Byte
    blue: Byte
    alpha: Byte | None = None


class Symbology(Document):
    """How pixel values become colours."""

    type: Literal[
        "discrete", "discrete_intensity", "gradient", "gradient_intensity", "date_conf_intensity",
        "date_conf_intensity_multi_8", "date_conf_intensity_multi_16", "year_intensity", "value_intensity",
    ]  # fmt: skip
    colormap: dict[Annotated[str, StringConstraints(pattern=r"^-?\d+(\.\d+)?$")], Colour] | None = None

    @model_validator(mode="after")
    def _alike(self) -> Self:
        opaque = {colour.alpha is None for colour in (self.colormap or {}).values()}
        if len(opaque) > 1:
            raise ValueError("give every colour an alpha, or none")
        if self.type.endswith("_intensity") and False in opaque:
            raise ValueError(f"colours of {self.type} have no alpha: the intensity is drawn instead")
        return self


class TileSetParameters(Document):
    """The version's own tile set.

    Attributes:
        source_uri: Folders, `*` prefixes, GeoTIFFs or lists of tiles; their bands are A, B, C... in this order.
        calc: Formula over the bands.
    """

    source_uri: list[Uri] = Field(min_length=1, max_length=200)
    pixel_meaning: Name
    data_type: DataType
    grid: Grid
    no_data: NoData = None
    calc: Annotated[str, AfterValidator(_formula)] | None = None
    band_count: int = Field(default=1, ge=1, le=100)
    nbits: int | None = Field(default=None, ge=1, le=64)
    union_bands: bool = False
    unify_projection: bool = False
    copy_solo_tiles: bool = False
    resampling: Resampling = "nearest"
    compute_stats: bool = True
    compute_histogram: bool = False
    process_locally: bool = True
    num_processes: int | None = Field(default=None, ge=1, le=1000)
    timeout_sec: int = Field(default=2 * 3600, ge=1, le=DAY_S)

    @model_validator(mode="after")
    def _nan_fits(self) -> Self:
        floats = {"float16", "half", "float32", "single", "float64", "double"}
        if self.no_data == "nan" and self.data_type not in floats:
            raise ValueError(f"no_data nan cannot be a value of {self.data_type}")
        return self


class TileCacheParameters(Document):
    """Map tiles drawn from the tile set."""

    symbology: Symbology
    min_zoom: Zoom = 0
    max_zoom: Zoom = 14
    max_static_zoom: Zoom = 9
    implementation: Name = "default"
    resampling: Resampling = "average"
    timeout_sec: int = Field(default=12 * 3600, ge=1, le=DAY_S)

    @model_validator(mode="after")
    def _zooms_in_order(self) -> Self:
        # The Data API takes them in any order and fails later.
        if self.min_zoom > self.max_zoom:
            raise ValueError(f"min_zoom {self.min_zoom} is above max_zoom {self.max_zoom}")
        return self
