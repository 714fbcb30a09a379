"""Load the sample world into an embedded deployment: features into its Data API, files into its buckets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from datapump.clients.data_api import GRID_ASSET
from datapump.errors import RemoteInvalidError, RemoteUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from datapump.clients.data_api import DataApi
    from datapump.embedded.sample.world import FeatureSet, World
    from datapump.objects import Objects
    from datapump.settings import Settings

GRID_OPTIONS: dict[str, dict[str, Any]] = {
    "gadm": {"field_attributes": ["gid_0", "gid_1", "gid_2"], "include_tile_id": True},
    "wdpa_protected_areas": {"field_attributes": ["site_id", "name", "iucn_cat", "iso3", "status"]},
    "sample_farms": {"field_attributes": ["fid"]},
}
PATIENCE_S = 120.0
LOOK_S = 0.1


def load(world: World, objects: Objects, data_api: DataApi, settings: Settings) -> None:
    """Load what is not loaded yet: feature datasets with their 1x1 grids, and the user areas.

    Raises:
        RemoteError: The Data API refused or failed to load something.
        StorageError: The disk refused a write.
    """
    for features in (world.gadm, world.wdpa, world.farms):
        _load_features(features, objects, data_api, settings)
    areas = f"s3://{settings.pipeline_bucket}/geotrellis/features/geostore/sample.tsv"
    if not objects.exists(areas):
        objects.put(areas, world.user_areas.path)


def _load_features(features: FeatureSet, objects: Objects, api: DataApi, settings: Settings) -> None:
    dataset, version = features.dataset, features.version
    if api.version(dataset, version) is None:
        uri = f"s3://{settings.data_lake_bucket}/{dataset}/{version}/vector/epsg-4326/{features.path.name}"
        objects.put(uri, features.path)
        if api.dataset(dataset) is None:
            api.create_dataset(dataset, {"title": features.title})
        options = {"source_type": "vector", "source_driver": "GeoJSON", "source_uri": [uri]}
        api.create_version(dataset, version, {**options, "create_dynamic_vector_tile_cache": False})
    _until_saved(f"{dataset} {version}", lambda: _version_status(features, api))
    if _grid_status(features, api) is None:
        api.create_asset(dataset, version, GRID_ASSET, GRID_OPTIONS[dataset])
    _until_saved(f"the 1x1 grid of {dataset} {version}", lambda: _grid_status(features, api))


def _version_status(features: FeatureSet, api: DataApi) -> str | None:
    version = api.version(features.dataset, features.version)
    return None if version is None else str(version["status"])


def _grid_status(features: FeatureSet, api: DataApi) -> str | None:
    assets = api.assets(features.dataset, features.version)
    return next((str(asset["status"]) for asset in assets if asset["asset_type"] == GRID_ASSET), None)


def _until_saved(what: str, status: Callable[[], str | None]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (found := status()) != "saved":
        if found == "failed":
            raise RemoteInvalidError(f"the embedded Data API failed to load {what}: see its log")
        if time.monotonic() > deadline:
            raise RemoteUnavailableError(f"{what} was not loaded within {PATIENCE_S:.0f} s")
        time.sleep(LOOK_S)
