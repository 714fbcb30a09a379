"""Result tables: their names, versions, columns and indexes are what the users of the published data query."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest

from datapump.analyses import Analysis, FeatureType, SyncType
from datapump.jobs.documents import AnalysisJob, Table
from datapump.results import (
    appends,
    cluster,
    column_type,
    creation_options,
    dataset_name,
    expected_tables,
    indices,
    level_and_table,
    output_folder,
    partitions,
    table_schema,
    version_name,
)


def job(dataset="gadm", analysis="viirs", **changes):
    known = {
        "id": "j",
        "table": Table(dataset=dataset, version="v4.1", analysis=Analysis(analysis)),
        "analysis_version": "v20260101",
        "geotrellis_version": "2.6.20",
        "feature_type": FeatureType.of_dataset(dataset),
        "features": ["s3://b/f.tsv"],
    }
    return AnalysisJob.model_validate(known | changes)


def columns_of(found):
    return [index["column_names"] for index in found]


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ("gadm", FeatureType.GADM),
        ("wdpa_protected_areas", FeatureType.WDPA),
        ("global_geostore_areas", FeatureType.GEOSTORE),
        ("gadm_copy", FeatureType.FEATURE),
        ("my_farms", FeatureType.FEATURE),
    ],
)
def test_the_dataset_tells_the_feature_type(dataset, expected):
    assert FeatureType.of_dataset(dataset) is expected


@pytest.mark.parametrize(
    ("dataset", "analysis", "level", "table", "expected"),
    [
        ("gadm", "viirs", "adm2", "daily_alerts", "gadm__viirs__adm2_daily_alerts"),
        ("gadm", "tcl", "iso", "summary", "gadm__tcl__iso_summary"),
        ("gadm", "viirs", "adm2", "all", "nasa_viirs_fire_alerts"),
        ("gadm", "modis", "adm2", "all", "gadm__modis__adm2_all"),
        ("wdpa_protected_areas", "viirs", "wdpa", "weekly_alerts", "wdpa_protected_areas__viirs__weekly_alerts"),
        ("my_farms", "glad", "feature", "daily_alerts", "my_farms__glad__daily_alerts"),
    ],
)
def test_dataset_names(dataset, analysis, level, table, expected):
    feature_type = FeatureType.of_dataset(dataset)
    assert dataset_name(dataset, Analysis(analysis), feature_type, level, table) == expected


@pytest.mark.parametrize(
    ("changes", "analysis", "table", "expected"),
    [
        ({}, "viirs", "daily_alerts", "v20260101"),
        ({"sync_type": SyncType.VIIRS, "sync_version": "v20260202"}, "viirs", "daily_alerts", "v20260101"),
        ({"sync_type": SyncType.GLAD, "sync_version": "v20260202"}, "glad", "daily_alerts", "v20260202"),
        ({"sync_type": SyncType.GLAD, "sync_version": "v20260202"}, "glad", "summary", "v20260101"),
        (
            {"sync_type": SyncType.INTEGRATED_ALERTS, "sync_version": "v20260202"},
            "integrated_alerts",
            "daily_alerts",
            "v20260202",
        ),
        ({"version_overrides": {"daily_alerts": "v9"}}, "viirs", "daily_alerts", "v9"),
        ({"version_overrides": {"daily_alerts": "v9"}}, "viirs", "weekly_alerts", "v20260101"),
    ],
)
def test_version_names(changes, analysis, table, expected):
    assert version_name(job(analysis=analysis, **changes), table) == expected


@pytest.mark.parametrize(
    ("analysis", "sync_type", "expected"),
    [
        ("viirs", None, False),
        ("viirs", SyncType.VIIRS, True),
        ("tcl", SyncType.RW_AREAS, True),
        ("glad", SyncType.GLAD, False),
        ("glad", SyncType.RW_AREAS, True),
        ("integrated_alerts", SyncType.INTEGRATED_ALERTS, False),
    ],
)
def test_which_jobs_append(analysis, sync_type, expected):
    assert appends(job("geostore", analysis, sync_type=sync_type)) is expected


def test_the_output_folder_names_version_dataset_and_sync():
    plain = "s3://b/geotrellis/results/v20260101/gadm/v20260101/firealerts_viirs_20260115_0200"
    assert output_folder(job(), "b", "20260115_0200") == plain
    synced = job(sync_type=SyncType.VIIRS, sync_version="v20260202")
    expected = "s3://b/geotrellis/results/v20260202/gadm/v20260101/viirs/firealerts_viirs_20260115_0200"
    assert output_folder(synced, "b", "20260115_0200") == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://b/r/adm2/daily_alerts/part-00000-x-c000.csv", ("adm2", "daily_alerts")),
        ("s3://b/r/adm2/daily_alerts/_SUCCESS", None),
        ("s3://b/r/adm2/download/part-00000-x-c000.csv", None),
        ("s3://b/r/manifest.json", None),
    ],
)
def test_which_files_hold_rows(uri, expected):
    assert level_and_table(uri) == expected


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("iso", "text"),
        ("adm1", "integer"),
        ("adm2", "integer"),
        ("latitude", "numeric"),
        ("longitude", "numeric"),
        ("alert__date", "date"),
        ("alert__year", "integer"),
        ("alert__week", "integer"),
        ("alert__count", "integer"),
        ("alert_area__ha", "numeric"),
        ("bright_ti4__K", "numeric"),
        ("frp__MW", "numeric"),
        ("whrc_aboveground_co2_emissions__Mg", "numeric"),
        ("gfw_full_extent_net_flux__Mg_CO2e", "numeric"),
        ("umd_tree_cover_density_2000__threshold", "integer"),
        ("is__gfw_peatlands", "boolean"),
        ("confidence__cat", "text"),
        ("wdpa_protected_area__id", "text"),
    ],
)
def test_column_types(column, expected):
    assert column_type(column) == expected


def test_whitelist_columns_are_boolean_but_for_the_ids():
    columns = ["iso", "adm1", "gfw_planted_forests__type", "wdpa_protected_area__iucn_cat", "is__gfw_peatlands"]
    types = {item["name"]: item["data_type"] for item in table_schema(columns, "adm1", "whitelist")}
    assert types == {
        "iso": "text",
        "adm1": "integer",
        "gfw_planted_forests__type": "boolean",
        "wdpa_protected_area__iucn_cat": "boolean",
        "is__gfw_peatlands": "boolean",
    }
    parks = table_schema(["wdpa_protected_area__id", "wdpa_protected_area__iucn_cat"], "wdpa", "whitelist")
    assert [item["data_type"] for item in parks] == ["text", "text"]


@pytest.mark.parametrize(
    ("dataset", "analysis", "level", "table", "expected"),
    [
        ("gadm", "viirs", "adm2", "daily_alerts", [["iso", "adm1", "adm2", "alert__date"]]),
        ("gadm", "viirs", "iso", "weekly_alerts", [["iso", "alert__year", "alert__week"]]),
        ("gadm", "modis", "adm1", "whitelist", [["iso", "adm1"]]),
        ("wdpa_protected_areas", "viirs", "wdpa", "daily_alerts", [["wdpa_protected_area__id", "alert__date"]]),
        (
            "gadm",
            "tcl",
            "adm1",
            "change",
            [["iso", "adm1", "umd_tree_cover_density_2000__threshold", "umd_tree_cover_loss__year"]],
        ),
        ("gadm", "tcl", "iso", "summary", [["iso", "umd_tree_cover_density_2000__threshold"]]),
        (
            "my_farms",
            "glad",
            "feature",
            "daily_alerts",
            [["feature__id", "umd_glad_landsat_alerts__confidence", "umd_glad_landsat_alerts__date"]],
        ),
        ("geostore", "integrated_alerts", "geostore", "daily_alerts", [["geostore__id"]]),
        (
            "gadm",
            "integrated_alerts",
            "iso",
            "daily_alerts",
            [
                ["iso", "gfw_integrated_alerts__date"],
                ["iso", "umd_glad_sentinel2_alerts__confidence", "umd_glad_sentinel2_alerts__date"],
                ["iso", "wur_radd_alerts__confidence", "wur_radd_alerts__date"],
            ],
        ),
    ],
)
def test_indexes(dataset, analysis, level, table, expected):
    made = job(dataset, analysis)
    assert columns_of(indices(made, level, table)) == expected
    assert all(index["index_type"] == "btree" for index in indices(made, level, table))
    if dataset == "geostore":
        assert cluster(made, level, table) is None
    else:
        assert cluster(made, level, table)["column_names"] == expected[0]


def test_indexes_before_the_columns_were_renamed():
    old = {"geotrellis_version": "2.1.3"}
    change = indices(job(analysis="tcl", **old), "iso", "change")
    daily = indices(job(analysis="glad", **old), "iso", "daily_alerts")
    assert columns_of(change) == [["iso", "umd_tree_cover_density__threshold", "umd_tree_cover_loss__year"]]
    assert columns_of(daily) == [["iso", "is__confirmed_alert", "alert__date"]]


def test_points_have_geometry_and_monthly_partitions():
    options = creation_options(job(), "adm2", "all", ["latitude", "alert__date"], ["s3://b/a.csv"], date(2026, 1, 15))
    assert options["indices"] == [{"index_type": "gist", "column_names": ["geom"]}]
    assert options["cluster"] is None
    assert (options["latitude"], options["longitude"]) == ("latitude", "longitude")
    assert options["partitions"]["partition_column"] == "alert__date"


def test_partitions_are_months_without_a_gap():
    schema = partitions(date(2026, 1, 15))["partition_schema"]
    assert schema[0] == {"partition_suffix": "y2012_m01", "start_value": "2012-01-01", "end_value": "2012-02-01"}
    assert schema[-1] == {"partition_suffix": "y2027_m12", "start_value": "2027-12-01", "end_value": "2028-01-01"}
    assert all(one["end_value"] == next_one["start_value"] for one, next_one in pairwise(schema))


def test_no_tile_cache_is_asked_for():
    options = creation_options(job(), "iso", "weekly_alerts", ["iso"], ["s3://b/a.csv"], date(2026, 1, 15))
    assert options["create_dynamic_vector_tile_cache"] is False
    assert options["delimiter"] == "\t"
    assert "latitude" not in options


def test_which_tables_an_analysis_writes():
    gadm = expected_tables(Analysis.VIIRS, FeatureType.GADM, change_only=False)
    assert ("adm2", "daily_alerts") in gadm
    assert ("iso", "daily_alerts") not in gadm
    assert len(gadm) == 7
    parks = expected_tables(Analysis.MODIS, FeatureType.WDPA, change_only=True)
    assert parks == [("wdpa", "daily_alerts"), ("wdpa", "weekly_alerts")]
    assert expected_tables(Analysis.TCL, FeatureType.WDPA, change_only=True) == [("wdpa", "change")]
