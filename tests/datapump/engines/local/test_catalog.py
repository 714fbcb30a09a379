from __future__ import annotations

import pytest

from datapump.analyses import Analysis
from datapump.engines.local.catalog import load_catalog
from datapump.errors import DataError, NotFoundError


def layer(name):
    return next(layer for layer in load_catalog(None).layers if layer.name == name)


def test_the_shipped_catalog_configures_nothing_and_names_where_rasters_lie():
    catalog = load_catalog(None)
    assert len(catalog.layers) == len(catalog.missing) == 43
    assert catalog.configured == ()
    assert catalog.grids == {
        "tcl": "10/40000",
        "glad": "10/40000",
        "integrated_alerts": "10/100000",
        "viirs": "90/27008",
        "modis": "90/9984",
        "burned_areas": "90/27008",
    }
    for shipped in catalog.layers:
        assert shipped.public.startswith("s3://gfw-data-lake/")
        assert "{tile_id}" in shipped.public
    assert {shipped.name for shipped in catalog.layers if shipped.required} == {
        "umd_tree_cover_loss",
        "umd_tree_cover_density_2000",
        "umd_tree_cover_density_2010",
    }


@pytest.mark.parametrize(
    ("analysis", "layers"),
    [("tcl", 27), ("glad", 22), ("integrated_alerts", 13), ("viirs", 21), ("modis", 21), ("burned_areas", 21)],
)
def test_every_analysis_has_its_layers(analysis, layers):
    assert len(load_catalog(None).of(Analysis(analysis)).layers) == layers


def test_former_names_are_columns_in_the_analyses_that_have_them():
    columns = {analysis: load_catalog(None).of(analysis).layer("gfw_peatlands").columns for analysis in Analysis}
    assert columns[Analysis.VIIRS] == ("is__gfw_peatlands", "is__peatland")
    assert columns[Analysis.GLAD] == columns[Analysis.TCL] == ("is__gfw_peatlands",)
    wdpa = load_catalog(None).of(Analysis.INTEGRATED_ALERTS).layer("wdpa_protected_areas")
    assert wdpa.columns == ("wdpa_protected_areas__iucn_cat",)


@pytest.mark.parametrize(
    ("name", "values", "texts"),
    [
        ("gfw_peatlands", [0, 1, 7], ["false", "true", "true"]),
        ("rspo_oil_palm", [0, 1, 2, 3, 9], ["", "Certified", "Unknown", "Not certified", ""]),
        ("sbtn_natural_forests_map", [0, 1, 2, 5], ["Unknown", "Natural Forest", "Non-Natural Forest", "Unknown"]),
        ("ibge_bra_biomes", [0, 5, 9], ["Not applicable", "Amazônia", "Unknown"]),
        ("gfw_planted_forests", [3, 12], ["Oil palm", "Wood fiber or timber mix"]),
        (
            "umd_tree_cover_density_2000",
            [0, 10, 11, 15, 16, 25, 26, 30, 31, 50, 51, 75, 76, 100],
            ["0", "0", "10", "10", "15", "20", "25", "25", "30", "30", "50", "50", "75", "75"],
        ),
    ],
)
def test_pixel_values_are_written_as_what_they_stand_for(name, values, texts):
    assert [layer(name).text(value) for value in values] == texts


def test_a_catalog_file_configures_layers(tmp_path):
    path = tmp_path / "layers.toml"
    path.write_text('[layers.gfw_peatlands]\nuri = "s3://mine/{tile_id}.tif"\n')
    catalog = load_catalog(path)
    assert [(layer.name, layer.uri) for layer in catalog.configured] == [("gfw_peatlands", "s3://mine/{tile_id}.tif")]
    assert len(catalog.missing) == 42
    assert catalog.source == str(path)


def test_the_layers_of_the_public_data_lake_are_the_default_where_a_catalog_file_asks_for_them(tmp_path):
    path = tmp_path / "layers.toml"
    path.write_text('public = true\n[layers.gfw_peatlands]\nuri = "s3://mine/{tile_id}.tif"\n')
    catalog = load_catalog(path)
    assert catalog.missing == ()
    assert catalog.layer("gfw_peatlands").uri == "s3://mine/{tile_id}.tif"
    rest = [layer for layer in catalog.layers if layer.name != "gfw_peatlands"]
    assert all(layer.uri == layer.public for layer in rest)


def test_an_empty_catalog_file_configures_nothing(tmp_path):
    path = tmp_path / "layers.toml"
    path.write_text("")
    assert load_catalog(path).configured == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[layers.peat]\nuri = "x{tile_id}"\n',
            r"layers\.toml: layers\.peat is no known layer; known are wdpa_protected_areas",
        ),
        ('[layers.gfw_peatlands]\nurl = "x"\n', r"layers\.toml: layers\.gfw_peatlands\.(uri|url)"),
        (
            '[layers.gfw_peatlands]\nuri = "x{tile_id}"\nbands = 2\n',
            r"layers\.toml: layers\.gfw_peatlands\.bands is not a known key",
        ),
        ("[layers.gfw_peatlands]\nuri = 3\n", r"layers\.gfw_peatlands\.uri: .*valid string"),
        ('[layers.gfw_peatlands]\nuri = ""\n', r"layers\.gfw_peatlands\.uri: .*at least 1 character"),
        ('[layers.gfw_peatlands]\nuri = "peat.tif"\n', r"layers\.gfw_peatlands\.uri: .*write \{tile_id\}"),
        ('[layers.gfw_peatlands]\ndataset = "a"\n', "gfw_peatlands: .*write uri, or dataset and pixel_meaning"),
        ('[layers.gfw_peatlands]\ndataset = "a"\nuri = "{tile_id}"\n', "gfw_peatlands: .*either uri, or dataset"),
        ('[layer.gfw_peatlands]\nuri = "x"\n', r"layers\.toml: layer is not a known key"),
        ("layers = 3\n", r"layers\.toml: layers: "),
        ("[layers\n", r"layers\.toml cannot be read: .*line 1"),
    ],
)
def test_a_mistake_in_a_catalog_file_is_named_with_file_and_key(tmp_path, text, message):
    path = tmp_path / "layers.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        load_catalog(path)


def test_a_catalog_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "layers.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read"):
        load_catalog(path)
    with pytest.raises(DataError, match="cannot be read"):
        load_catalog(tmp_path)


def test_a_missing_catalog_file_is_named(tmp_path):
    with pytest.raises(NotFoundError, match=r"none\.toml does not exist"):
        load_catalog(tmp_path / "none.toml")
