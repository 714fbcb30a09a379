"""The assets of a raster dataset, as a recipe lists them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from datapump.errors import DataError
from datapump.names import DatasetName
from datapump.rasters.expressions import band_name, bands_of

HOUR = 3600
Grid = Literal[
    "1/4000", "3/33600", "3/50000", "8/32000", "10/40000", "10/100000", "90/1008", "90/9984", "90/27008",
]  # fmt: skip
PixelType = Literal[
    "boolean", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "half", "float32", "single",
    "float64", "double",
]  # fmt: skip
Resampling = Literal[
    "average", "bilinear", "cubic", "cubic_spline", "lanczos", "max", "min", "med", "mode", "nearest", "q1", "q3",
]  # fmt: skip
YEAR_FIELDS = frozenset({"confidence", "date", "days", "later"})
# The year's bands are put in their places when the years are known; these two stand for them until then.
_ANY_YEAR = {"confidence": "A", "date": "B", "days": "0", "later": "0"}


class Part(BaseModel):
    """A part of a recipe: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def one_line(text: str) -> str:
    """A formula on one line: the Data API puts it behind a `return`."""
    return " ".join(text.split())


def _formula(text: str) -> str:
    try:
        bands_of(one_line(text))
    except DataError as error:
        raise ValueError(error.message) from None
    return one_line(text)


def _formula_of_a_year(text: str) -> str:
    try:
        _formula(text.format_map(_ANY_YEAR))
    except (KeyError, IndexError) as error:
        raise ValueError(f"the placeholder {error} is not known: they are {', '.join(sorted(YEAR_FIELDS))}") from None
    return one_line(text)


Formula = Annotated[str, AfterValidator(_formula)]
FormulaOfAYear = Annotated[str, AfterValidator(_formula_of_a_year)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,60}$")]
Hours = Annotated[int, Field(gt=0, le=24)]


class TileSetOf(Part):
    """A tile set of the version of another dataset, or of this one, that is the latest when a sync looks.

    Attributes:
        tile_set: Its pixel meaning.
    """

    dataset: DatasetName
    tile_set: Name
    grid: Grid


class Pixels(Part):
    """What every tile set says of its pixels.

    Attributes:
        calc: Formula over its bands, `A`, `B`, `C`... in their order; none: the pixels as they are.
        timeout_hours: How long it may be made.
    """

    pixel_meaning: Name
    data_type: PixelType
    no_data: int | None = None
    grid: Grid
    calc: Formula | None = None
    resampling: Resampling = "nearest"
    union_bands: bool = False
    unify_projection: bool = False
    compute_stats: bool = True
    timeout_hours: Hours = 2

    def options(self) -> dict[str, Any]:
        """Its creation options, as the Data API takes them."""
        kept = self.model_dump(
            include={
                "pixel_meaning", "data_type", "no_data", "grid", "calc", "resampling", "union_bands",
                "unify_projection", "compute_stats",
            },
            exclude_none=True,
        )  # fmt: skip
        return {**kept, "timeout_sec": self.timeout_hours * HOUR}


class SourceAsset(Pixels):
    """The version's default tile set, made from source files.

    Attributes:
        sources: In the order of their bands: folders of the release (`{release}` and, by year, `{year}` and `{yy}` are
            filled in), or tile sets of other datasets.
        calc_by_year: For sources that come in pairs a year, confidence and date: the formula of one year, where
            `{confidence}` and `{date}` are its bands, `{days}` the days from 2015-01-01 to its first day, and `{later}`
            the formula of the years after it.
    """

    kind: Literal["source"]
    name: Name
    sources: list[str | TileSetOf] = Field(min_length=1)
    calc_by_year: FormulaOfAYear | None = None
    copy_solo_tiles: bool = False

    @model_validator(mode="after")
    def _bands_are_there(self) -> Self:
        if self.calc is not None and self.calc_by_year is not None:
            raise ValueError("give calc or calc_by_year, not both")
        if self.calc_by_year is not None and len(self.sources) != len(("confidence", "date")):
            raise ValueError("calc_by_year needs two sources: the year's confidence and its date")
        check_bands(self.calc, len(self.sources))
        return self

    def options(self) -> dict[str, Any]:
        """Its creation options, without the files."""
        return {**super().options(), **({"copy_solo_tiles": True} if self.copy_solo_tiles else {})}


class TileSetAsset(Pixels):
    """A further tile set: its bands are the default tile set's, then those it is made from, then those of others.

    Attributes:
        made_from: Names of further tile sets of the recipe.
        others: Tile sets of other versions.
        calc_alone: The formula while the others do not exist yet; none: they must exist.
    """

    kind: Literal["tile_set"]
    name: Name
    made_from: list[Name] = Field(default_factory=list)
    others: list[TileSetOf] = Field(default_factory=list)
    calc_alone: Formula | None = None

    @model_validator(mode="after")
    def _bands_are_there(self) -> Self:
        own = 1 + len(self.made_from)
        check_bands(self.calc, own + len(self.others))
        check_bands(self.calc_alone, own)
        if self.calc_alone is not None and not self.others:
            raise ValueError("calc_alone is for tile sets that have others")
        return self


class Symbology(Part):
    """How pixel values become colours."""

    type: Literal[
        "date_conf_intensity", "date_conf_intensity_multi_8", "date_conf_intensity_multi_16", "year_intensity",
        "value_intensity",
    ]  # fmt: skip


class TileCacheAsset(Part):
    """Map tiles drawn from a tile set."""

    kind: Literal["tile_cache"]
    name: Name
    made_from: Name
    min_zoom: int = Field(default=0, ge=0, le=22)
    max_zoom: int = Field(ge=0, le=22)
    max_static_zoom: int = Field(default=9, ge=0, le=22)
    resampling: Resampling = "average"
    implementation: Name = "default"
    symbology: Symbology
    timeout_hours: Hours = 12

    @model_validator(mode="after")
    def _zooms_in_order(self) -> Self:
        # The Data API accepts them in any order and fails later.
        if not self.min_zoom <= self.max_static_zoom <= self.max_zoom:
            raise ValueError("min_zoom, max_static_zoom and max_zoom must be in this order")
        return self

    def options(self) -> dict[str, Any]:
        """Its creation options, without the tile set's id."""
        return self.model_dump(
            include={"min_zoom", "max_zoom", "max_static_zoom", "resampling", "implementation", "symbology"}
        )


class CogAsset(Part):
    """One cloud-optimized GeoTIFF made from a tile set.

    Attributes:
        implementation: Names the file: `{implementation}.tif`.
        tile_list: Which of its tiles, by the list that lies beside them; none: all.
        when: In which versions it is made. `release`: the first after a new version of `release_of`; `month`: the first
            on or after the first Sunday of a month.
        release_of: A dataset that the version is made from.
    """

    kind: Literal["cog"]
    name: Name
    made_from: Name
    implementation: Name
    tile_list: Literal["overlap.geojson", "nonoverlap.geojson"] | None = None
    resampling: Resampling = "average"
    block_size: Literal[256, 512, 1024, 2048] = 512
    export_to_gee: bool = False
    when: Literal["always", "release", "month"] = "always"
    release_of: DatasetName | None = None
    timeout_hours: Hours = 12

    @model_validator(mode="after")
    def _release_is_named(self) -> Self:
        if (self.when == "release") != (self.release_of is not None):
            raise ValueError("release_of goes with when = 'release', and only with it")
        return self

    def options(self) -> dict[str, Any]:
        """Its creation options, without what it is made from."""
        return self.model_dump(include={"implementation", "resampling", "block_size", "export_to_gee"})


class VrtAsset(Part):
    """A virtual raster over COGs: of each, this version's, or the newest that an earlier version has.

    Attributes:
        file: Its name beside the COGs.
        made_from: Names of COGs of the recipe, from the lowest to the topmost.
    """

    kind: Literal["vrt"]
    name: Name
    file: str = Field(pattern=r"^[a-z][a-z0-9_]{2,60}\.vrt$")
    made_from: list[Name] = Field(min_length=1)
    timeout_hours: Hours = 1


Asset = Annotated[
    SourceAsset | TileSetAsset | TileCacheAsset | CogAsset | VrtAsset,
    Field(discriminator="kind"),
]


def check_bands(calc: str | None, count: int) -> None:
    """Refuse a formula that reads a band which is not there.

    Raises:
        ValueError: It does; the message names the bands.
    """
    known = [band_name(index) for index in range(count)]
    unknown = sorted((bands_of(calc) if calc else frozenset()) - set(known))
    if unknown:
        raise ValueError(f"the formula reads {', '.join(unknown)}, but its bands are {', '.join(known)}")


def parents(asset: Asset) -> list[str]:
    """Names of the assets that an asset is made from."""
    if isinstance(asset, SourceAsset):
        return []
    return [asset.made_from] if isinstance(asset.made_from, str) else list(asset.made_from)
