"""The seam for rasters: what the tables become once something samples layers."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from datapump.analyses import Analysis
from datapump.engines.local import zonal
from datapump.engines.local.catalog import load_catalog
from datapump.engines.local.files import Files
from datapump.engines.local.sampling import Contexts
from tests.datapump.engines.local import worlds
from tests.datapump.engines.local.worlds import World, read_table

SQUARE = shapely.box(0, 0, 10, 10)


class EastIsPeat:
    """Peat from 5 degrees east; planted with rubber from 5 degrees north; a category II park everywhere."""

    @property
    def missing(self):
        return {"gfw_peatlands": 1}

    def sample(self, layer, longitude, latitude):
        if layer.name == "gfw_peatlands":
            return np.where(longitude >= 5, 1, 0)
        if layer.name == "gfw_planted_forests":
            return np.where(latitude >= 5, 7, 0)
        return np.ones(len(longitude), dtype=np.int64)


@pytest.fixture
def catalog(tmp_path):
    path = tmp_path / "layers.toml"
    names = ("gfw_peatlands", "gfw_planted_forests", "wdpa_protected_areas")
    path.write_text("".join(f'[layers.{name}]\nuri = "x/{{tile_id}}.tif"\n' for name in names))
    return load_catalog(path).of(Analysis.VIIRS)


def compute(folder, feature_type, catalog):
    zonal.compute(worlds.request(folder, feature_type), Files(None), catalog, EastIsPeat(), progress=lambda *_: None)


def table(folder, level, name):
    header, rows = read_table(folder / "out", level, name)
    return [{key: value for key, value in zip(header, row, strict=True) if value} for row in rows]


def test_sampled_layers_split_the_counts_and_fill_their_columns(tmp_path, catalog):
    fires = [(1, 1), (1, 2), (1, 6), (6, 6), (7, 7)]
    world = World("geostore", [(("a",), SQUARE)], [(*place, "2026-01-01", "n") for place in fires])
    world.write(tmp_path)
    compute(tmp_path, "geostore", catalog)
    key = {"geostore__id": "a", "alert__date": "2026-01-01", "confidence__cat": "n"}
    park = dict.fromkeys(("wdpa_protected_areas__iucn_cat", "wdpa_protected_area__iucn_cat"), "Category Ia/b or II")
    dry = dict.fromkeys(("is__gfw_peatlands", "is__peatland"), "false")
    peat = dict.fromkeys(("is__gfw_peatlands", "is__peatland"), "true")
    rubber = dict.fromkeys(("gfw_planted_forests__type", "gfw_plantation__type"), "Rubber")
    assert table(tmp_path, "geostore", "daily_alerts") == [
        {**key, **park, **dry, "alert__count": "2"},
        {**key, **park, **peat, "alert__count": "1"},
        {**key, **park, **peat, **rubber, "alert__count": "2"},
    ]
    assert table(tmp_path, "geostore", "whitelist") == [
        {
            "geostore__id": "a",
            **dict.fromkeys((*park, *peat, *rubber), "true"),
        }
    ]


def test_the_whitelist_is_false_where_no_fire_has_the_layer(tmp_path, catalog):
    world = World("geostore", [(("a",), SQUARE)], [(1, 1, "2026-01-01", "n")])
    world.write(tmp_path)
    compute(tmp_path, "geostore", catalog)
    (row,) = table(tmp_path, "geostore", "whitelist")
    assert row["is__gfw_peatlands"] == "false"
    assert row["gfw_planted_forests__type"] == "false"
    assert "is__gfw_oil_palm" not in row, "a layer that is not configured is null"


def test_protected_areas_do_not_split_by_the_category_that_is_in_their_id(tmp_path, catalog):
    name = ("12", "Park", "II", "BRA", "Designated")
    world = World("wdpa", [(name, SQUARE)], [(1, 1, "2026-01-01", "n"), (1, 2, "2026-01-01", "n")])
    world.write(tmp_path)

    class Parks(EastIsPeat):
        def sample(self, layer, longitude, latitude):
            if layer.name == "wdpa_protected_areas":
                return np.where(longitude > 1, 2, 1)
            return super().sample(layer, longitude, latitude)

    zonal.compute(worlds.request(tmp_path, "wdpa"), Files(None), catalog, Parks(), progress=lambda *_: None)
    (row,) = table(tmp_path, "wdpa", "daily_alerts")
    assert row["alert__count"] == "2"


def test_layers_without_a_sampler_are_refused():
    with pytest.raises(ValueError, match="without a sampler"):
        Contexts(load_catalog(None).layers)
