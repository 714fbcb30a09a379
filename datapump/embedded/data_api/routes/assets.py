"""Routes of assets."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from datapump.embedded.data_api import assets, tasks, versions, writes
from datapump.embedded.data_api.errors import ApiError, BreakError
from datapump.embedded.data_api.models.assets import AssetCreateIn, AssetType
from datapump.embedded.data_api.routes.shared import (
    AssetWriter,
    DatasetPath,
    DatasetWriter,
    PageNumber,
    PageSize,
    TheService,
    VersionPath,
    asked,
    paged,
    success,
)

router = APIRouter()
_Filter = Annotated[str | None, Query()]
_Flag = Annotated[bool | None, Query()]
_Type = Annotated[AssetType | None, Query()]


@router.get("/dataset/{dataset}/{version}/assets")
def list_version_assets(  # noqa: PLR0913, PLR0917 - FastAPI injects each
    service: TheService,
    dataset: DatasetPath,
    version: VersionPath,
    asset_type: _Type = None,
    asset_uri: _Filter = None,
    is_latest: _Flag = None,
    is_default: _Flag = None,
    number: PageNumber = None,
    size: PageSize = None,
) -> JSONResponse:
    """A version's assets of any status, in the order of their making."""
    with service.read() as sql:
        versions.get(sql, dataset, version)
    filters = {"asset_type": asset_type, "is_latest": is_latest, "is_default": is_default}
    filters |= {"dataset": dataset, "version": version, "asset_uri": asset_uri}
    return _listed(service, f"/dataset/{dataset}/{version}/assets", (number, size), filters)


@router.get("/assets")
def list_assets(  # noqa: PLR0913, PLR0917 - FastAPI injects each
    service: TheService,
    dataset: _Filter = None,
    version: _Filter = None,
    asset_type: _Type = None,
    asset_uri: _Filter = None,
    is_latest: _Flag = None,
    is_default: _Flag = None,
    number: PageNumber = None,
    size: PageSize = None,
) -> JSONResponse:
    """Assets of all versions, in the order of their making."""
    filters = {"asset_type": asset_type, "is_latest": is_latest, "is_default": is_default}
    filters |= {"dataset": dataset, "version": version, "asset_uri": asset_uri}
    return _listed(service, "/assets", (number, size), filters)


@router.post("/dataset/{dataset}/{version}/assets")
def create_asset(
    request: Request,
    service: TheService,
    caller: DatasetWriter,
    dataset: DatasetPath,
    version: VersionPath,
    body: AssetCreateIn,
) -> JSONResponse:
    """Make a further asset of a version, in the background."""
    answer, asset_id = writes.create_asset(service, asked(request, caller, body), dataset, version, body)
    return success(answer, 202, {"Location": f"/{dataset}/{version}/asset/{asset_id}"})


@router.get("/asset/{asset_id}")
def get_asset(service: TheService, asset_id: UUID) -> JSONResponse:
    """One asset."""
    with service.read() as sql:
        asset = assets.find(sql, str(asset_id))
    if asset is None:
        raise ApiError(404, f"Could not find requested asset {asset_id}")
    return success(assets.view(service.settings, asset))


@router.delete("/asset/{asset_id}")
def delete_asset(request: Request, service: TheService, caller: AssetWriter, asset_id: UUID) -> JSONResponse:
    """Remove an asset that is not its version's table."""
    return success(writes.delete_asset(service, asked(request, caller), str(asset_id)))


@router.get("/asset/{asset_id}/creation_options")
def get_creation_options(service: TheService, asset_id: UUID) -> JSONResponse:
    """What an asset was made from."""
    return success(_known(service, asset_id).creation_options)


@router.get("/asset/{asset_id}/change_log")
def get_change_log(service: TheService, asset_id: UUID) -> JSONResponse:
    """What happened to an asset, first to last."""
    asset = _known(service, asset_id)
    with service.read() as sql:
        return success(tasks.change_log(sql, asset_id=asset.asset_id))


@router.get("/asset/{asset_id}/tasks")
def list_tasks(
    service: TheService, asset_id: UUID, number: PageNumber = None, size: PageSize = None
) -> JSONResponse:  # fmt: skip
    """The background tasks of an asset, first to last."""
    with service.read() as sql:
        views = [tasks.view(task) for task in tasks.of_asset(sql, str(asset_id))]
    base = f"{service.settings.public_url}/asset/{asset_id}/tasks"
    return paged(base, (number, size), len(views), lambda limit, offset: _slice(views, limit, offset))


def _listed(
    service: TheService, path: str, page: tuple[int | None, int | None], filters: dict[str, str | bool | None]
) -> JSONResponse:  # fmt: skip
    if isinstance(filters["asset_uri"], str):
        filters["asset_uri"] = assets.stored(service.settings, filters["asset_uri"])
    with service.read() as sql:
        views = [assets.view(service.settings, asset) for asset in assets.listing(sql, **filters)]
    base = f"{service.settings.public_url}{path}"
    return paged(base, page, len(views), lambda limit, offset: _slice(views, limit, offset))


def _slice(views: list[dict[str, object]], limit: int, offset: int) -> list[dict[str, object]]:
    return views if limit < 0 else views[offset : offset + limit]


def _known(service: TheService, asset_id: UUID) -> assets.Asset:
    with service.read() as sql:
        asset = assets.find(sql, str(asset_id))
    if asset is None:
        raise BreakError(f"asset {asset_id} does not exist")
    return asset
