"""Routes of datasets."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from datapump.embedded.data_api import datasets, versions, writes
from datapump.embedded.data_api.errors import ApiError
from datapump.embedded.data_api.models.requests import DatasetCreateIn
from datapump.embedded.data_api.routes.shared import (
    DatasetPath,
    PageNumber,
    PageSize,
    TheService,
    Writer,
    asked,
    paged,
    success,
)

router = APIRouter()


@router.get("/datasets")
def list_datasets(service: TheService, number: PageNumber = None, size: PageSize = None) -> JSONResponse:
    """All datasets, sorted by name."""
    with service.read() as sql:

        def views(limit: int, offset: int) -> list[dict[str, object]]:
            # a dataset without versions is listed with null, as the service does
            found = datasets.listing(sql, limit, offset)
            return [datasets.view(one, versions.names(sql, one.dataset) or None) for one in found]

        return paged(f"{service.settings.public_url}/datasets", (number, size), datasets.count(sql), views)


@router.get("/dataset/{dataset}")
def get_dataset(service: TheService, dataset: DatasetPath) -> JSONResponse:
    """One dataset."""
    with service.read() as sql:
        found = datasets.find(sql, dataset)
        if found is None:
            raise ApiError(404, f"Dataset with name {dataset} does not exist")
        return success(datasets.view(found, versions.names(sql, dataset)))


@router.put("/dataset/{dataset}")
def create_dataset(
    request: Request, service: TheService, caller: Writer, dataset: DatasetPath, body: DatasetCreateIn
) -> JSONResponse:
    """Make a dataset."""
    answer = writes.create_dataset(service, asked(request, caller, body), dataset, body)
    return success(answer, 201, {"Location": f"/{dataset}"})
