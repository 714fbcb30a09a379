from __future__ import annotations

import pytest

from datapump.engines.local.catalog import load_catalog
from datapump.errors import DataError, NotFoundError


def layer(name):
    return next(layer for layer in load_catalog(None).layers if layer.name == name)


def test_the_shipped_catalog_configures_nothing_and_names_where_rasters_lie():
    catalog = load_catalog(None)
    assert len(catalog.layers) == len(catalog.missing) == 21
    assert catalog.configured == ()
    assert catalog.grids == {"viirs": "90/27008", "modis": "90/9984"}
    for shipped in catalog.layers:
        assert shipped.public.startswith("s3://gfw-data-lake/")
        assert shipped.public.endswith("/raster/epsg-4326/{grid}" + shipped.public.split("{grid}")[1])
        assert "{tile_id}.tif" in shipped.public
    assert [shipped.name for shipped in catalog.layers if shipped.required] == ["umd_tree_cover_density_2000"]


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
    path.write_text('[layers.gfw_peatlands]\nuri = "s3://mine/peat.tif"\n')
    catalog = load_catalog(path)
    assert [(layer.name, layer.uri) for layer in catalog.configured] == [("gfw_peatlands", "s3://mine/peat.tif")]
    assert len(catalog.missing) == 20
    assert catalog.source == str(path)


def test_an_empty_catalog_file_configures_nothing(tmp_path):
    path = tmp_path / "layers.toml"
    path.write_text("")
    assert load_catalog(path).configured == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[layers.peat]\nuri = "x"\n', r"layers\.toml: layers\.peat is no known layer; known are wdpa_protected_areas"),
        ('[layers.gfw_peatlands]\nurl = "x"\n', r"layers\.toml: layers\.gfw_peatlands\.(uri|url)"),
        (
            '[layers.gfw_peatlands]\nuri = "x"\nbands = 2\n',
            r"layers\.toml: layers\.gfw_peatlands\.bands is not a known key",
        ),
        ("[layers.gfw_peatlands]\nuri = 3\n", r"layers\.gfw_peatlands\.uri: .*valid string"),
        ('[layers.gfw_peatlands]\nuri = ""\n', r"layers\.gfw_peatlands\.uri: .*at least 1 character"),
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
