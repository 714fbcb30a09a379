"""The vocabulary that commands, jobs, tables and engines share: analyses, feature types, sync types."""

from __future__ import annotations

from enum import StrEnum


class Analysis(StrEnum):
    """What can be computed over features."""

    TCL = "tcl"
    GLAD = "glad"
    VIIRS = "viirs"
    MODIS = "modis"
    BURNED_AREAS = "burned_areas"
    INTEGRATED_ALERTS = "integrated_alerts"


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
    """What can be kept in step with a feed."""

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
