"""The vocabulary that commands, jobs, tables and engines share: analyses, feature types, sync types."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from datapump.sources.registry import SOURCES

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class Analysis(StrEnum):
    """What can be computed over features."""

    TCL = "tcl"
    GLAD = "glad"
    VIIRS = "viirs"
    MODIS = "modis"
    BURNED_AREAS = "burned_areas"
    INTEGRATED_ALERTS = "integrated_alerts"


# What GeoTrellis has, or had, tables of, and nothing here computes.
NOT_COMPUTED = {
    "download": "there are no download tables: they end with 2024 though the rasters go on, and spread the emissions "
    "of 25 years over 24; summary and change of tcl hold the same numbers",
    "all": "there are no tables of all fires: GeoTrellis has not made them since 2.4.12; daily and weekly alerts of "
    "viirs, modis and burned_areas hold their sums",
}
FIRE_ANALYSES = frozenset({Analysis.VIIRS, Analysis.MODIS, Analysis.BURNED_AREAS})


class FeatureType(StrEnum):
    """How an analysis identifies features, and at which levels it sums them."""

    GADM = "gadm"
    WDPA = "wdpa"
    GEOSTORE = "geostore"
    FEATURE = "feature"

    @classmethod
    def of_dataset(cls, dataset: str) -> FeatureType:
        """The feature type that a dataset's name stands for."""
        if dataset == "wdpa_protected_areas":
            return cls.WDPA
        if dataset == "gadm":
            return cls.GADM
        return cls.GEOSTORE if "geostore" in dataset else cls.FEATURE


class SyncType(StrEnum):
    """What can be kept in step with a feed.

    Further ones come with a line of the registry of sources, or with the recipe of a raster dataset.
    """

    VIIRS = "viirs"
    MODIS = "modis"
    GLAD = "glad"
    RW_AREAS = "rw_areas"
    INTEGRATED_ALERTS = "integrated_alerts"
    WUR_RADD_ALERTS = "wur_radd_alerts"
    UMD_GLAD_LANDSAT_ALERTS = "umd_glad_landsat_alerts"
    UMD_GLAD_SENTINEL2_ALERTS = "umd_glad_sentinel2_alerts"
    UMD_GLAD_DIST_ALERTS = "umd_glad_dist_alerts"
    GFW_INTEGRATED_DIST_ALERTS = "gfw_integrated_dist_alerts"

    def __reduce_ex__(self, _protocol: object) -> tuple[type[SyncType], tuple[str]]:
        """Copied and pickled by value: older Pythons do it by name, by which an added one is not found."""
        return SyncType, (self.value,)

    @classmethod
    def _missing_(cls, value: object) -> SyncType | None:
        if not isinstance(value, str) or value not in _added():
            return None
        member = str.__new__(cls, value)
        member._name_ = value.upper()
        member._value_ = value
        # From here on it is a member like the others: the same object, however often it is asked for.
        cls._value2member_map_[value] = member
        return member

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The schema names the added ones too."""
        found = handler(schema)
        handler.resolve_ref_schema(found)["enum"] = [sync_type.value for sync_type in sync_types()]
        return found


def sync_types() -> list[SyncType]:
    """All sync types: those that are known by name, then the added ones.

    Raises:
        DataError: A recipe is not valid.
    """
    return [*SyncType, *(SyncType(name) for name in sorted(_added() - {one.value for one in SyncType}))]


def _added() -> frozenset[str]:
    # The models of recipes and settings cost much to load, and few look at them: no process of the engine does.
    from datapump.recipes import recipes  # noqa: PLC0415 - as said above
    from datapump.settings import get_settings  # noqa: PLC0415 - as said above

    return frozenset(SOURCES) | {recipe.sync for recipe in recipes(get_settings().recipes).values()}
