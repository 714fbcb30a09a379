"""Layers that name no file but the latest version of a dataset, or a raster tile set of the Data API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from datapump.errors import NotFoundError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datapump.engines.local.catalog import Catalog, Layer

DATASET = "dataset://"
TILE_SET = "Raster tile set"

_LATEST = re.compile(r"/([^/]+)/latest/")


class Versions(Protocol):
    """What is asked about datasets: the Data API."""

    def latest(self, dataset: str) -> str | None:
        """The name of the version that is marked latest, None if none is."""
        ...

    def assets(self, dataset: str, version: str) -> list[dict[str, Any]]:
        """A version's assets."""
        ...


def fixed(catalog: Catalog, uris: Mapping[str, str]) -> Catalog:
    """The catalog with the URIs that were found when a run was started."""
    layers = tuple(layer.model_copy(update={"uri": uris.get(layer.name)}) for layer in catalog.layers)
    return catalog.model_copy(update={"layers": layers})


def resolved(catalog: Catalog, grid: str, versions: Versions | None) -> Catalog:
    """The catalog with a file's name for each configured layer.

    Args:
        catalog: Layers of one analysis.
        grid: The analysis's grid, as in `10/40000`.
        versions: The Data API; None: there is none to ask.

    Raises:
        UnsupportedError: There is none to ask.
        NotFoundError: The dataset has no latest version, or no such tile set.
        RemoteError: The Data API did not answer as it should.
    """
    asked: dict[str, str] = {}
    uris = {layer.name: _uri(layer, grid, versions, asked) for layer in catalog.configured}
    return fixed(catalog, uris)


def _uri(layer: Layer, grid: str, versions: Versions | None, asked: dict[str, str]) -> str:
    uri = layer.uri or ""
    if not uri.startswith(DATASET) and not _LATEST.search(uri):
        return uri
    if versions is None:
        raise UnsupportedError(
            f"layers.{layer.name}: no Data API is configured that could tell which files {uri} means; name a version"
        )
    if not uri.startswith(DATASET):
        return _LATEST.sub(lambda match: f"/{match[1]}/{_latest(match[1], layer, versions, asked)}/", uri)
    dataset, version, meaning = uri.removeprefix(DATASET).split("/")
    if version == "latest":
        version = _latest(dataset, layer, versions, asked)
    return _tile_set((dataset, version, meaning), layer, grid, versions)


def _latest(dataset: str, layer: Layer, versions: Versions, asked: dict[str, str]) -> str:
    if dataset not in asked:
        found = versions.latest(dataset)
        if found is None:
            raise NotFoundError(f"layers.{layer.name}: the dataset {dataset} has no latest version; name one")
        asked[dataset] = found
    return asked[dataset]


def _tile_set(place: tuple[str, str, str], layer: Layer, grid: str, versions: Versions) -> str:
    dataset, version, meaning = place
    sets = [asset for asset in versions.assets(dataset, version) if asset["asset_type"] == TILE_SET]
    saved = [str(asset["asset_uri"]) for asset in sets if asset["status"] == "saved"]
    wanted = [uri for uri in saved if f"/{grid}/{meaning}/" in uri]
    if not wanted:
        there = ", ".join(sorted(saved)) or "none"
        raise NotFoundError(
            f"layers.{layer.name}: {dataset} {version} has no raster tile set of {meaning} on the grid {grid}; "
            f"there are {there}"
        )
    return min(wanted)
