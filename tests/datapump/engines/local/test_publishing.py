"""Tables made from rasters, published by the whole pipeline: every column is there, with its type."""

from __future__ import annotations

import httpx
import numpy as np
import pytest
import shapely

from tests.datapump.engines.local.rasterworlds import RasterWorld, patch, table
from tests.support.deployment import GEOSTORES, Deployment

ORIGINS = {"tcl": (359997, 759997), "glad": (359997, 759997), "integrated_alerts": (899997, 1899997)}
LAYERS = {
    "tcl": {"umd_tree_cover_loss": ([1, 20], np.uint8), "umd_tree_cover_density_2000": ([12, 40, 80], np.uint8)},
    "glad": {"umd_glad_landsat_alerts": ([20400, 30400], np.uint16)},
    "integrated_alerts": {"wur_radd_alerts": ([24000, 34050], np.uint16)},
}
DIVISIONS = "s3://gfw-pipelines/geotrellis/features/gadm41_adm2_1x1.tsv"
BIOMASS, PRIMARY = "whrc_aboveground_biomass_density_2000", "umd_regional_primary_forest_2001"
PUBLISHED = {
    "tcl": ["change", "summary", "whitelist"],
    "glad": ["daily_alerts", "summary", "whitelist"],
    "integrated_alerts": ["daily_alerts"],
}
KINDS = {"numeric": float, "integer": int, "boolean": bool, "date": str, "text": str}


def expected_type(column, name):
    if name == "whitelist" and column != "geostore__id":
        return "boolean"
    if "__Mg" in column or column.endswith("__ha"):
        return "numeric"
    if column.endswith(("__threshold", "__count", "__year", "__week")) or column in {"adm1", "adm2"}:
        return "integer"
    if column.startswith("is__"):
        return "boolean"
    return "date" if column.endswith("__date") else "text"


def test_burned_areas_are_published_by_a_command_where_their_files_are_named(tmp_path):
    world = RasterWorld("burned_areas", "geostore", (27008, 54016), (6, 6))
    world.layers = {"umd_tree_cover_density_2000": np.full((6, 6), 80, dtype=np.uint8)}
    world.features = [(("a" * 32,), world.box())]
    text = f"alert__date,geom\n2026-01-05,{shapely.to_wkb(world.box(), hex=True)}\n"
    place = "s3://gfw-data-lake/burned/raw/*.csv"
    asked = {"dataset": "geostore", "version": "v1", "analysis": "burned_areas"}
    parameters = {"analysis_version": "v1", "sync": False, "geotrellis_version": "2.6.20", "tables": [asked]}
    command = {"command": "analysis", "parameters": parameters}
    with Deployment(tmp_path / "deployment", burned_areas=place) as deployment:
        deployment.engine.layers = world.write(tmp_path)
        deployment.objects.put(GEOSTORES, tmp_path / "features.tsv")
        refused = deployment.run(command)
        assert f"there is nothing at {place}" in refused.errors[0]
        deployment.objects.put(place.replace("*", "2026"), text.encode())
        execution = deployment.run(command)
        assert execution.status == "succeeded", deployment.jobs(execution.id)
        output = deployment.objects.path(deployment.engine.requests[0].output)
        for name in ("daily_alerts", "weekly_alerts", "whitelist"):
            check(deployment, f"geostore__burned_areas__{name}", name, table(output, "geostore", name))


def test_the_ids_of_divisions_are_published_as_numbers_at_every_level(tmp_path):
    world = RasterWorld("tcl", "gadm", ORIGINS["tcl"], (6, 6))
    world.layers = {name: np.full((6, 6), 40, dtype=np.uint8) for name in LAYERS["tcl"]}
    world.layers["umd_tree_cover_loss"][:] = 20
    world.features = [(("BRA", "1", "2"), world.box())]
    asked = {"dataset": "gadm", "version": "v4.1", "analysis": "tcl"}
    parameters = {"analysis_version": "v1", "sync": False, "geotrellis_version": "2.6.20", "tables": [asked]}
    with Deployment(tmp_path / "deployment") as deployment:
        deployment.engine.layers = world.write(tmp_path)
        deployment.objects.put(DIVISIONS, tmp_path / "features.tsv")
        execution = deployment.run({"command": "analysis", "parameters": parameters})
        assert execution.status == "succeeded", deployment.jobs(execution.id)
        output = deployment.objects.path(deployment.engine.requests[0].output)
        for level, ids in {"iso": 1, "adm1": 2, "adm2": 3}.items():
            dataset = f"gadm__tcl__{level}_change"
            check(deployment, dataset, "change", table(output, level, "change"))
            rows = deployment.data_api.query(dataset, "v1", "select * from data")
            assert {(row["iso"], row.get("adm1"), row.get("adm2")) for row in rows} == {
                ("BRA", 1, 2)[:ids] + (None,) * (3 - ids)
            }


@pytest.mark.parametrize("analysis", list(LAYERS))
def test_the_published_tables_are_the_files_with_every_column_of_its_type(tmp_path, analysis):
    dice = np.random.default_rng(2)
    world = RasterWorld(analysis, "geostore", ORIGINS[analysis], (6, 6))
    world.layers = {
        name: patch(dice, (6, 6), values, dtype=dtype) for name, (values, dtype) in LAYERS[analysis].items()
    }
    world.layers[BIOMASS] = patch(dice, (6, 6), [100, 217], dtype=np.uint16)
    world.layers[PRIMARY] = patch(dice, (6, 6), [1])
    world.features = [(("a" * 32,), world.box()), (("b" * 32,), world.box().buffer(-0.00005))]
    with Deployment(tmp_path / "deployment") as deployment:
        deployment.engine.layers = world.write(tmp_path)
        deployment.objects.put(GEOSTORES, tmp_path / "features.tsv")
        asked = {"dataset": "geostore", "version": "v1", "analysis": analysis}
        parameters = {"analysis_version": "v1", "sync": False, "geotrellis_version": "2.6.20", "tables": [asked]}
        execution = deployment.run({"command": "analysis", "parameters": parameters})
        assert execution.status == "succeeded", deployment.jobs(execution.id)
        output = deployment.objects.path(deployment.engine.requests[0].output)
        names = [one["dataset"] for one in deployment.data_api.datasets() if f"__{analysis}__" in one["dataset"]]
        assert sorted(name.split("__")[-1] for name in names) == PUBLISHED[analysis]
        for dataset in names:
            name = dataset.split("__")[-1]
            check(deployment, dataset, name, table(output, "geostore", name))


def check(deployment, dataset, name, rows):
    api = deployment.data_api
    told = httpx.get(f"{deployment.server.url}/dataset/{dataset}/v1/fields", timeout=30).json()["data"]
    fields = {field["name"]: field["data_type"] for field in told}
    assert api.version(dataset, "v1")["status"] == "saved"
    assert rows
    for column in rows[0]:
        assert fields[column] == expected_type(column, name), (dataset, column)
    found = api.query(dataset, "v1", "select * from data")
    written = sorted(sorted(text_of(row[column]) for column in row) for row in rows)
    published = sorted(sorted(text_of(row[column]) for column in rows[0]) for row in found)
    assert written == published
    for row in found:
        for column in rows[0]:
            kinds = (KINDS[fields[column]], int) if fields[column] == "numeric" else KINDS[fields[column]]
            assert row[column] is None or isinstance(row[column], kinds), (column, row[column])


def text_of(value):
    """A value as text, whichever way it came: numbers by their value, nothing and the empty text alike."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return repr(round(float(value), 9))
    except ValueError:
        return str(value)
