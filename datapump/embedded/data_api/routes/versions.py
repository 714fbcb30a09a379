"""Routes of versions."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from datapump.embedded.data_api import assets, tasks, versions, writes
from datapump.embedded.data_api.errors import BreakError
from datapump.embedded.data_api.models.requests import VersionAppendIn, VersionCreateIn, VersionUpdateIn
from datapump.embedded.data_api.routes.shared import (
    DatasetPath,
    DatasetWriter,
    TheService,
    VersionPath,
    asked,
    success,
)

router = APIRouter(prefix="/dataset/{dataset}/{version}")


@router.get("")
def get_version(service: TheService, dataset: DatasetPath, version: VersionPath) -> JSONResponse:
    """One version."""
    with service.read() as sql:
        found = versions.get(sql, dataset, version)
        return success(versions.view(found, assets.saved(sql, service.settings, dataset, version)))


@router.put("")
def create_version(
    request: Request,
    service: TheService,
    caller: DatasetWriter,
    dataset: DatasetPath,
    version: VersionPath,
    body: VersionCreateIn,
) -> JSONResponse:
    """Make a version; it is loaded in the background."""
    answer = writes.create_version(service, asked(request, caller, body), dataset, version, body)
    return success(answer, 202, {"Location": f"/{dataset}/{version}"})


@router.patch("")
def update_version(
    request: Request,
    service: TheService,
    caller: DatasetWriter,
    dataset: DatasetPath,
    version: VersionPath,
    body: VersionUpdateIn,
) -> JSONResponse:
    """Change what is told about a version, or mark it latest."""
    return success(writes.update_version(service, asked(request, caller, body), dataset, version, body))


@router.post("/append")
def append(
    request: Request,
    service: TheService,
    caller: DatasetWriter,
    dataset: DatasetPath,
    version: VersionPath,
    body: VersionAppendIn,
) -> JSONResponse:
    """Add sources to a version's table; they are loaded in the background."""
    return success(writes.append(service, asked(request, caller, body), dataset, version, body))


@router.delete("")
def delete_version(
    request: Request, service: TheService, caller: DatasetWriter, dataset: DatasetPath, version: VersionPath
) -> JSONResponse:
    """Remove a version."""
    return success(writes.delete_version(service, asked(request, caller), dataset, version))


@router.get("/change_log")
def get_change_log(service: TheService, dataset: DatasetPath, version: VersionPath) -> JSONResponse:
    """What happened to a version and its assets, first to last."""
    with service.read() as sql:
        versions.get(sql, dataset, version)
        return success(tasks.change_log(sql, dataset=dataset, version=version))


@router.get("/creation_options")
def get_creation_options(service: TheService, dataset: DatasetPath, version: VersionPath) -> JSONResponse:
    """What the version's default asset was made from."""
    return success(_default_asset(service, dataset, version).creation_options)


@router.get("/fields")
def get_fields(service: TheService, dataset: DatasetPath, version: VersionPath) -> JSONResponse:
    """The columns of the version's table."""
    return success((_default_asset(service, dataset, version).metadata or {}).get("fields", []))


def _default_asset(service: TheService, dataset: str, version: str) -> assets.Asset:
    with service.read() as sql:
        versions.get(sql, dataset, version)
        asset = assets.default(sql, dataset, version)
    if asset is None:
        raise BreakError(f"{dataset}.{version} has no default asset yet")
    return asset
