"""A world of alert tables: raster versions that are latest, areas and countries, and an engine's tables of them."""

from __future__ import annotations

from datapump.analyses import Analysis, SyncType
from datapump.sync_configs import SyncConfig, SyncMetadata, config_id
from tests.support.deployment import GEOSTORES

GLAD_COLUMNS = ("umd_glad_landsat_alerts__confidence", "umd_glad_landsat_alerts__date", "alert__count")
INTEGRATED_COLUMNS = (
    "gfw_integrated_alerts__date",
    *(
        f"{system}__{what}"
        for system in ("umd_glad_sentinel2_alerts", "wur_radd_alerts")
        for what in ("confidence", "date")
    ),
    "alert__count",
)
IDS = {
    "geostore": ("geostore__id",),
    "iso": ("iso",),
    "adm1": ("iso", "adm1"),
    "adm2": ("iso", "adm1", "adm2"),
}
VALUES = {"iso": "BRA", "adm1": "1", "adm2": "1", "geostore__id": "a" * 32}
GADM = "s3://gfw-pipelines/geotrellis/features/gadm41_adm2_1x1.tsv"
SOURCE = "s3://gfw-data-lake/{}/{}/source.csv"


def engine_tables(world):
    """Let the engine make tables of one alert."""
    world.engine.tables[Analysis.GLAD] = lambda request: _tables(request, GLAD_COLUMNS)
    world.engine.tables[Analysis.INTEGRATED_ALERTS] = lambda request: _tables(request, INTEGRATED_COLUMNS)


def _tables(request, columns):
    levels = ("iso", "adm1", "adm2") if request.feature_type == "gadm" else (str(request.feature_type),)
    return {(level, "daily_alerts"): table(level, columns) for level in levels}


def table(level, columns=GLAD_COLUMNS):
    """One row, as the engine writes tables."""
    header = [*IDS[level], *columns]
    values = ["1" if name.endswith("count") else "2026-01-16" if name.endswith("date") else "high" for name in columns]
    return "\n".join("\t".join(line) for line in (header, [*(VALUES[name] for name in IDS[level]), *values])) + "\n"


def put_version(world, dataset, version, *, text="id_x\n1\n", uri=None, latest=True):
    """A saved version of a dataset, made by anybody."""
    uri = uri or SOURCE.format(dataset, version)
    world.objects.put(uri, text.encode())
    if world.data_api.dataset(dataset) is None:
        world.data_api.create_dataset(dataset, {})
    options = {
        "source_type": "table",
        "source_driver": "text",
        "source_uri": [uri],
        "delimiter": "\t",
        "create_dynamic_vector_tile_cache": False,
    }
    world.data_api.create_version(dataset, version, options)
    world.until_saved(dataset, version)
    if latest:
        world.data_api.update_version(dataset, version, {"is_latest": True})


def put_config(world, analysis="glad", dataset="geostore", sync_type=None, **changes):
    """An enabled sync config, as an analysis leaves it."""
    sync_type = SyncType(sync_type or analysis)
    known = {
        "id": config_id(analysis, "v20260101", dataset, "v1", sync_type),
        "analysis": analysis,
        "analysis_version": "v20260101",
        "dataset": dataset,
        "dataset_version": "v1",
        "sync_type": sync_type,
        "metadata": SyncMetadata(
            geotrellis_version="2.6.20", features_1x1=GEOSTORES if "geostore" in dataset else GADM
        ),
    }
    return world.sync_configs.put(SyncConfig.model_validate(known | changes))


def versions(world, dataset):
    """By version of a dataset: its status, and whether it is latest."""
    names = sorted((world.data_api.dataset(dataset) or {}).get("versions") or [])
    known = {name: world.data_api.version(dataset, name) for name in names}
    return {name: (version["status"], version["is_latest"]) for name, version in known.items()}


def sync(*types, version="v20260201", **parameters):
    return {"command": "sync", "parameters": {"types": list(types), "sync_version": version, **parameters}}
