"""Tables made from rasters, published by the whole pipeline: every column is there, with its type."""

from __future__ import annotations

import httpx
import numpy as np
import pytest

from tests.datapump.engines.local.rasterworlds import RasterWorld, patch, table
from tests.support.deployment import GEOSTORES, Deployment

ORIGINS = {"tcl": (359997, 759997), "glad": (359997, 759997), "integrated_alerts": (899997, 1899997)}
LAYERS = {
    "tcl": {"umd_tree_cover_loss": ([1, 20], np.uint8), "umd_tree_cover_density_2000": ([12, 40, 80], np.uint8)},
    "glad": {"umd_glad_landsat_alerts": ([20400, 30400], np.uint16)},
    "integrated_alerts": {"wur_radd_alerts": ([24000, 34050], np.uint16)},
}
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
    if column.endswith(("__threshold", "__count", "__year")):
        return "integer"
    if column.startswith("is__"):
        return "boolean"
    return "date" if column.endswith("__date") else "text"


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
