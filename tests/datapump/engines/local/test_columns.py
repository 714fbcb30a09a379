from __future__ import annotations

import pytest

from datapump.analyses import Analysis, FeatureType
from datapump.engines.local.catalog import load_catalog
from datapump.engines.local.columns import table_columns, tables
from tests.datapump.engines.local.published import IDS, PROTECTED

CONTEXTS = [
    "umd_tree_cover_density_2000__threshold",
    "is__umd_regional_primary_forest_2001",
    "is__birdlife_alliance_for_zero_extinction_sites",
    "is__birdlife_key_biodiversity_areas",
    "is__landmark_indigenous_and_community_lands",
    "gfw_planted_forests__type",
    "is__gfw_mining_concessions",
    "is__gfw_managed_forests",
    "rspo_oil_palm__certification_status",
    "is__gfw_wood_fiber",
    "is__gfw_peatlands",
    "is__idn_forest_moratorium",
    "is__gfw_oil_palm",
    "idn_forest_area__class",
    "per_forest_concessions__type",
    "is__gfw_oil_gas",
    "is__gmw_global_mangrove_extent_2020",
    "is__ifl_intact_forest_landscapes_2016",
    "ibge_bra_biomes__name",
    "sbtn_natural_forests__class",
    "umd_tree_cover_density__threshold",
    "is__birdlife_alliance_for_zero_extinction_site",
    "is__birdlife_key_biodiversity_area",
    "is__landmark_land_right",
    "gfw_plantation__type",
    "is__gfw_mining",
    "is__gfw_managed_forest",
    "is__peatland",
    "idn_forest_area__type",
    "per_forest_concession__type",
    "is__gmw_mangroves_2020",
    "is__ifl_intact_forest_landscape_2016",
    "bra_biome__name",
]
WHITELIST_CONTEXTS = [column for column in CONTEXTS if not column.endswith("__threshold")]


@pytest.mark.parametrize(
    ("level", "table", "count"),
    [
        ("adm2", "daily_alerts", 41),
        ("wdpa", "daily_alerts", 41),
        ("geostore", "daily_alerts", 39),
        ("feature", "daily_alerts", 39),
        ("adm2", "weekly_alerts", 42),
        ("adm1", "weekly_alerts", 41),
        ("iso", "weekly_alerts", 40),
        ("wdpa", "weekly_alerts", 42),
        ("geostore", "weekly_alerts", 40),
        ("feature", "weekly_alerts", 40),
        ("adm2", "whitelist", 36),
        ("adm1", "whitelist", 35),
        ("iso", "whitelist", 34),
        ("wdpa", "whitelist", 36),
        ("geostore", "whitelist", 34),
        ("feature", "whitelist", 34),
    ],
)
def test_columns_are_those_of_the_published_tables(level, table, count):
    columns = list(table_columns(level, table, load_catalog(None).of(Analysis.VIIRS)))
    assert len(columns) == count
    pair = [] if level == "wdpa" else PROTECTED
    if table == "whitelist":
        assert columns == IDS[level] + pair + WHITELIST_CONTEXTS
    else:
        when = ["alert__date"] if table == "daily_alerts" else ["alert__year", "alert__week"]
        assert columns == [*IDS[level], *when, "confidence__cat", *pair, *CONTEXTS, "alert__count"]


def test_gadm_has_daily_alerts_at_its_lowest_level_only():
    assert tables(Analysis.VIIRS, FeatureType.GADM, change_only=False) == [
        ("adm2", "whitelist"),
        ("adm2", "daily_alerts"),
        ("adm2", "weekly_alerts"),
        ("adm1", "whitelist"),
        ("adm1", "weekly_alerts"),
        ("iso", "whitelist"),
        ("iso", "weekly_alerts"),
    ]


@pytest.mark.parametrize("feature_type", list(FeatureType))
def test_change_only_leaves_out_whitelists_and_nothing_else(feature_type):
    everything = tables(Analysis.VIIRS, feature_type, change_only=False)
    assert tables(Analysis.VIIRS, feature_type, change_only=True) == [
        pair for pair in everything if pair[1] != "whitelist"
    ]
