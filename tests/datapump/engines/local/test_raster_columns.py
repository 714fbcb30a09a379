"""The header of every table made from rasters, at every level, against the published ones."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from datapump.analyses import Analysis, FeatureType
from datapump.engines.local.catalog import load_catalog
from datapump.engines.local.columns import table_columns, tables
from datapump.engines.local.raster_columns import columns
from tests.datapump.engines.local.published import IDS, PROTECTED

PUBLISHED = tomllib.loads((Path(__file__).parent / "published_columns.toml").read_text())
STOCKS = ["gfw_aboveground_carbon_stocks_2000__Mg_C", "gfw_belowground_carbon_stocks_2000__Mg_C"]
SBTN = "sbtn_natural_forests__class"
COUNTS = {
    ("tcl", "summary"): {"adm2": 38, "adm1": 37, "iso": 36, "wdpa": 38, "geostore": 36},
    ("tcl", "change"): {"adm2": 25, "adm1": 24, "iso": 23, "wdpa": 25, "geostore": 23},
    ("tcl", "whitelist"): {"adm2": 15, "adm1": 14, "iso": 13, "wdpa": 15, "geostore": 13},
    ("glad", "daily_alerts"): {"adm2": 41, "adm1": 40, "iso": 39, "wdpa": 41, "geostore": 39, "feature": 39},
    ("glad", "summary"): {"adm2": 36, "adm1": 35, "iso": 34, "wdpa": 36, "geostore": 34, "feature": 34},
    ("glad", "whitelist"): {"adm2": 35, "adm1": 33, "iso": 32, "wdpa": 35, "geostore": 33, "feature": 33},
    ("integrated_alerts", "daily_alerts"): {
        "adm2": 20, "adm1": 19, "iso": 18, "wdpa": 21, "geostore": 18, "feature": 18,
    },
    ("burned_areas", "daily_alerts"): {"adm2": 40, "wdpa": 40, "geostore": 38},
    ("burned_areas", "weekly_alerts"): {"adm2": 41, "adm1": 40, "iso": 39, "wdpa": 41, "geostore": 39},
    ("burned_areas", "whitelist"): {"adm2": 36, "adm1": 35, "iso": 34, "wdpa": 36, "geostore": 34},
}  # fmt: skip
CASES = [(*key, level, count) for key, levels in COUNTS.items() for level, count in levels.items()]


def actual(analysis, table, level):
    return list(columns(Analysis(analysis), level, table, load_catalog(None).of(Analysis(analysis))))


@pytest.mark.parametrize(("analysis", "table", "level", "count"), CASES)
def test_a_table_has_as_many_columns_as_the_published_one(analysis, table, level, count):
    assert len(actual(analysis, table, level)) == count


@pytest.mark.parametrize(("analysis", "table", "level"), [case[:3] for case in CASES if case[0] != "burned_areas"])
def test_a_table_s_columns_are_the_published_ones_in_their_order(analysis, table, level):
    expected = [column for column in PUBLISHED[analysis][table]["columns"] if column not in IDS["adm2"]]
    if level == "wdpa":
        expected = [column for column in expected if column not in PROTECTED]
    if level in {"adm1", "iso"} and (analysis, table) == ("tcl", "summary"):
        former = [column for column in expected[-5:] if column not in STOCKS]
        expected = expected[:-5] + STOCKS + former
    if level in {"adm1", "iso"} and (analysis, table) == ("glad", "whitelist"):
        expected.remove(SBTN)
    assert actual(analysis, table, level) == IDS[level] + expected


@pytest.mark.parametrize(("table", "level"), [case[1:3] for case in CASES if case[0] == "burned_areas"])
def test_burned_areas_have_the_columns_of_other_fires_but_confidence_and_hectares_in_place_of_counts(table, level):
    others = table_columns(level, table, load_catalog(None).of(Analysis.VIIRS))
    renamed = {"alert__count": "burned_area__ha"}
    expected = [renamed.get(column, column) for column in others if column != "confidence__cat"]
    assert actual("burned_areas", table, level) == expected


def test_there_are_these_tables_and_no_others():
    found = {
        (analysis.value, name, level)
        for analysis in (Analysis.TCL, Analysis.GLAD, Analysis.INTEGRATED_ALERTS, Analysis.BURNED_AREAS)
        for feature_type in FeatureType
        if not (feature_type is FeatureType.FEATURE and analysis in {Analysis.TCL, Analysis.BURNED_AREAS})
        for level, name in tables(analysis, feature_type, change_only=False)
    }
    assert found == {(analysis, table, level) for analysis, table, level, _ in CASES}
