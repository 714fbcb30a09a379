"""What requests change: each one transaction, with its line in the log of requests and its background task."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from datapump.embedded.data_api import assets, datasets, sources, tasks, versions
from datapump.embedded.data_api.changes import log
from datapump.embedded.data_api.errors import ApiError, BreakError
from datapump.embedded.data_api.models import assets as kinds

if TYPE_CHECKING:
    from datapump.embedded.data_api.changes import Asked, Change
    from datapump.embedded.data_api.models.assets import AssetCreateIn
    from datapump.embedded.data_api.models.requests import (
        DatasetCreateIn,
        VersionAppendIn,
        VersionCreateIn,
        VersionUpdateIn,
    )
    from datapump.embedded.data_api.service import Service

_PARENTS = {
    kinds.DYNAMIC_TILES: (kinds.GEO_TABLE,),
    kinds.STATIC_TILES: (kinds.GEO_TABLE,),
    kinds.SHAPEFILE: (kinds.GEO_TABLE,),
    kinds.GEOPACKAGE: (kinds.GEO_TABLE,),
    kinds.NDJSON: (kinds.GEO_TABLE,),
    kinds.GRID: (kinds.GEO_TABLE,),
    kinds.CSV: (kinds.TABLE,),
    kinds.TSV: (kinds.TABLE,),
    kinds.TILE_SET: (kinds.TILE_SET, kinds.GEO_TABLE),
    kinds.TILE_CACHE: (kinds.TILE_SET,),
    kinds.COG: (kinds.TILE_SET,),
}


def create_dataset(service: Service, asked: Asked, name: str, body: DatasetCreateIn) -> dict[str, Any]:
    """Make a dataset; returns the answer.

    Raises:
        ApiError: There is one of this name.
        BreakError: The service breaks on such a name after it has stored the dataset.
    """
    breaks = "-" in name or name.startswith("pg_")
    with service.change() as change:
        dataset = datasets.create(change, name, asked.caller, body)
        log(change, asked, 500 if breaks else 201)
    if breaks:
        raise BreakError(f"dataset {name}: PostgreSQL takes no such name for a schema; the dataset's row stays")
    return {**datasets.view(dataset, []), "metadata": dataset.metadata}


def create_version(service: Service, asked: Asked, dataset: str, name: str, body: VersionCreateIn) -> dict[str, Any]:
    """Make a version that is loaded in the background; returns the answer.

    Raises:
        ApiError: Sources cannot be read, there is no such dataset, or there is such a version.
    """
    sources.check(service.objects, body.creation_options.source_uri)
    options = body.creation_options.model_dump(mode="json")
    with service.change() as change:
        version = versions.create(change, dataset, name, body)
        tasks.add(change, tasks.Order("create", dataset, name, None, options))
        log(change, asked, 202)
    service.wake()
    return versions.view(version, [])


def update_version(service: Service, asked: Asked, dataset: str, name: str, body: VersionUpdateIn) -> dict[str, Any]:
    """Change what is told about a version; returns the answer.

    Raises:
        ApiError: There is none.
    """
    with service.change() as change:
        before = versions.get(change.sql, dataset, name)
        version, changed = versions.update(change, before, body)
        if changed:
            log(change, asked, 200)
        return versions.view(version, assets.saved(change.sql, service.settings, dataset, name))


def append(service: Service, asked: Asked, dataset: str, name: str, body: VersionAppendIn) -> dict[str, Any]:
    """Add sources to a version's table, loaded in the background; returns the answer.

    The asset is pending from this moment on, though the answer still lists it as it was: whoever looks next
    cannot take the state of before for the end of this load.

    Raises:
        ApiError: Sources cannot be read, or there is no such version.
        BreakError: The version has no default asset yet.
    """
    sources.check(service.objects, body.source_uri)
    with service.change() as change:
        version = versions.get(change.sql, dataset, name)
        asset = assets.default(change.sql, dataset, name)
        if asset is None:
            raise BreakError(f"append to {dataset}.{name}: it has no default asset yet")
        stored = asset.creation_options
        if stored["source_type"] != "table" and body.source_driver not in (None, stored["source_driver"]):
            raise ApiError(400, f"source_driver must match the original source_driver {stored['source_driver']}")
        answer = versions.view(version, assets.saved(change.sql, service.settings, dataset, name))
        order = {**stored, "source_uri": body.source_uri}
        if body.layers is not None:
            order["layers"] = body.layers
        tasks.add(change, tasks.Order("append", dataset, name, asset.asset_id, order))
        all_sources = {**stored, "source_uri": [*stored["source_uri"], *body.source_uri]}
        assets.update(change, asset.asset_id, status="pending", creation_options=all_sources)
        log(change, asked, 200)
    service.wake()
    return answer


def delete_version(service: Service, asked: Asked, dataset: str, name: str) -> dict[str, Any]:
    """Remove a version at once, its files in the background; returns the answer.

    Raises:
        ApiError: There is none, or it is latest while there are others.
    """
    with service.change() as change:
        for asset in assets.listing(change.sql, dataset=dataset, version=name):
            _discard(change, service, asset)
        version = versions.delete(change, dataset, name)
        log(change, asked, 200)
    service.wake(littered=True)
    return versions.view(version, [])


def create_asset(
    service: Service, asked: Asked, dataset: str, name: str, body: AssetCreateIn
) -> tuple[dict[str, Any], str]:
    """Make a further asset of a version in the background; returns the answer and the asset's id.

    Raises:
        ApiError: The version's state, its assets or the options do not allow it.
        BreakError: The options are those of another type of asset.
    """
    with service.change() as change:
        version = versions.get(change.sql, dataset, name)
        _check_status(version.status)
        _check_parent(change, dataset, name, body.asset_type)
        options = _own_options(body)
        _check_named_assets(change, dataset, name, body.asset_type, options)
        asset = assets.draft(change, service.settings, version, body.asset_type, options)
        downloadable = asset.is_downloadable if body.is_downloadable is None else body.is_downloadable
        asset = replace(asset, is_managed=body.is_managed, is_downloadable=downloadable, metadata=body.metadata)
        assets.create(change, service.settings, asset)
        tasks.add(change, tasks.Order("asset", dataset, name, asset.asset_id, {"asset_type": body.asset_type}))
        log(change, asked, 202)
    service.wake()
    return assets.view(service.settings, asset), asset.asset_id


def delete_asset(service: Service, asked: Asked, asset_id: str) -> dict[str, Any]:
    """Remove an asset at once, its file in the background; returns the answer.

    Raises:
        ApiError: There is none, or it is what its version was made with.
        BreakError: The service breaks on this type.
    """
    with service.change() as change:
        asset = assets.find(change.sql, asset_id)
        if asset is None:
            raise ApiError(404, f"Could not find requested asset {asset_id}")
        if asset.is_default:
            raise ApiError(
                409,
                "Deletion failed. You cannot delete a default asset. "
                "To delete a default asset you must delete the parent version.",
            )
        if asset.asset_type == kinds.DYNAMIC_TILES:
            raise BreakError("deletion of a dynamic vector tile cache: KeyError implementation")
        _discard(change, service, asset)
        change.sql.execute("DELETE FROM assets WHERE asset_id = ?", (asset_id,))
        log(change, asked, 200)
    service.wake(littered=True)
    return assets.view(service.settings, asset)


def _discard(change: Change, service: Service, asset: assets.Asset) -> None:
    """Let the files that were made for an asset be removed in the background."""
    uri = assets.files(service.settings, asset)
    if uri is not None:
        change.sql.execute("INSERT INTO discarded (uri) VALUES (?) ON CONFLICT DO NOTHING", (uri,))


def _check_status(status: str) -> None:
    if status == "pending":
        raise ApiError(
            409, "Version status is currently `pending`. Please retry once version is in status `saved`"
        )  # fmt: skip
    if status == "failed":
        raise ApiError(400, "Version status is `failed`. Cannot add any assets.")


def _check_parent(change: Change, dataset: str, version: str, asset_type: str) -> None:
    parents = _PARENTS.get(asset_type)
    if parents is None:
        raise ApiError(500, f"Creation of asset type {asset_type} not implemented.")
    types = {asset.asset_type for asset in assets.listing(change.sql, dataset=dataset, version=version)}
    if types.isdisjoint(parents):
        named = parents[0] if len(parents) == 1 else list(parents)
        raise ApiError(400, f"Parent asset type {named} does not exist.")


def _own_options(body: AssetCreateIn) -> dict[str, Any]:
    """The options as the asset type's own model has them."""
    model = kinds.OPTIONS_OF.get(body.asset_type)
    if model is None:
        raise ApiError(501, f"Procedure for creating asset type {body.asset_type} not implemented")
    told = body.creation_options.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    try:
        return model.model_validate(told).model_dump(mode="json")
    except ValidationError:
        raise BreakError(f"{body.asset_type} with the options of another asset type") from None


def _check_named_assets(
    change: Change, dataset: str, version: str, asset_type: str, options: dict[str, Any]
) -> None:  # fmt: skip
    """Refuse source and auxiliary assets that are not there to be used."""
    if asset_type == kinds.TILE_CACHE:
        source = options["source_asset_id"]
        if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", source):
            raise ApiError(400, f"source_asset_id {source} is not a UUID")
        found = assets.find(change.sql, source)
        if found is None:
            raise ApiError(404, f"Could not find requested asset {source}")
        if (found.dataset, found.version) != (dataset, version):
            raise ApiError(400, "Dataset and version of source asset must match dataset and version of current asset.")
    for asset_id in options.get("auxiliary_assets") or []:
        found = assets.find(change.sql, asset_id)
        if found is None:
            raise ApiError(400, f"Auxiliary asset {asset_id} does not exist.")
        if found.asset_type != kinds.TILE_SET or found.status != "saved":
            raise ApiError(400, f"Auxiliary asset {asset_id} must be a saved {kinds.TILE_SET}.")
