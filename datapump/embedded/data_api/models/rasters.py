"""Creation options of rasters: tile sets, tile caches, cloud-optimized GeoTIFFs."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID  # noqa: TC003 - pydantic reads it at run time

from pydantic import Field, StrictInt, ValidationInfo, field_validator

from datapump.embedded.data_api.models.fields import DataType, Grid, NoData, Resampling, Strict, Zoom
from datapump.embedded.data_api.wording import first_of, one_of

_Byte = Annotated[int, Field(ge=0, le=255)]


class RGB(Strict):
    """A colour."""

    red: _Byte
    green: _Byte
    blue: _Byte


class RGBA(RGB):
    """A colour with its opacity."""

    alpha: _Byte


class Symbology(Strict):
    """How pixel values become colours."""

    type: Annotated[
        str,
        one_of(
            "discrete", "discrete_intensity", "gradient", "gradient_intensity", "date_conf_intensity",
            "date_conf_intensity_multi_8", "date_conf_intensity_multi_16", "year_intensity", "value_intensity",
        ),
    ]  # fmt: skip
    colormap: dict[float, Annotated[RGB | RGBA, first_of(RGB, RGBA)]] | None = None

    @field_validator("colormap")
    @classmethod
    def _alike(cls, value: dict[float, RGB | RGBA] | None, info: ValidationInfo) -> dict[float, RGB | RGBA] | None:
        if value:
            kinds = {type(colour) for colour in value.values()}
            intensity = str(info.data.get("type", "")).endswith("_intensity")
            assert not (intensity and RGBA in kinds), (  # noqa: S101 - its type is assertion_error
                "Breakpoints for intensity colormaps must not include alpha values"
            )
            assert len(kinds) == 1, (  # noqa: S101 - its type is assertion_error
                "Colormap breakpoints must be either all RGB or all RGBA"
            )
        return value


class RasterTileSet(Strict):
    """A raster tile set made from other assets of the same version."""

    unify_projection: bool = False
    pixel_meaning: str
    data_type: DataType
    nbits: int | None = None
    calc: str | None = None
    band_count: int = 1
    union_bands: bool = False
    no_data: NoData | None = None
    rasterize_method: Annotated[str, one_of("value", "count")] | None = None
    resampling: Resampling = "nearest"
    order: Annotated[str, one_of("asc", "desc")] | None = None
    overwrite: bool = False
    subset: str | None = None
    grid: Grid
    symbology: Symbology | None = None
    compute_stats: bool = True
    compute_histogram: bool = False
    process_locally: bool = True
    copy_solo_tiles: bool = False
    auxiliary_assets: list[UUID] | None = None
    photometric: str | None = None
    num_processes: StrictInt | None = None
    timeout_sec: StrictInt | None = None

    @field_validator("no_data")
    @classmethod
    def _one_for_each_band(
        cls, value: list[int | str] | int | str | None, info: ValidationInfo
    ) -> list[int | str] | int | str | None:
        if isinstance(value, list):
            bands = info.data.get("band_count")
            assert len(value) == bands, (  # noqa: S101 - its type is assertion_error
                f"Length of no data ({value}) list must match band count ({bands})."
            )
            assert len(set(value)) == 1, (  # noqa: S101 - its type is assertion_error
                "No data values must be the same for all bands"
            )
        return value


class RasterSource(RasterTileSet):
    """A version made from GeoTIFFs."""

    source_type: Annotated[str, one_of("raster")]
    source_driver: Annotated[str, one_of("GeoTIFF")]
    source_uri: list[str]

    @field_validator("source_uri")
    @classmethod
    def _of_a_raster(cls, value: list[str], info: ValidationInfo) -> list[str]:
        if info.data.get("source_type") == "raster":
            assert value, "Raster source types require source_uri"  # noqa: S101 - its type is assertion_error
        else:
            assert not value, "Only raster source type require source_uri"  # noqa: S101 - its type is assertion_error
        return value


class RasterTileCache(Strict):
    """Map tiles drawn from a raster tile set. The service does not compare its zoom levels."""

    min_zoom: Zoom = 0
    max_zoom: Zoom = 14
    timeout_sec: StrictInt | None = None
    max_static_zoom: Zoom = 9
    implementation: str = "default"
    symbology: Symbology
    source_asset_id: str
    resampling: Resampling = "average"


class Cog(Strict):
    """One cloud-optimized GeoTIFF made from a raster tile set."""

    implementation: str = "default"
    source_asset_id: str
    resampling: Resampling = "average"
    block_size: Annotated[int, one_of(256, 512, 1024, 2048)] | None = 512
    compute_stats: bool = False
    export_to_gee: bool = False
    no_data: NoData | None = None
