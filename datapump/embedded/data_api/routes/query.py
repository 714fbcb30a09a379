"""Routes of queries."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from datapump.embedded.data_api import assets, versions
from datapump.embedded.data_api.access import reader
from datapump.embedded.data_api.errors import ApiError
from datapump.embedded.data_api.middleware import redirect
from datapump.embedded.data_api.models import assets as kinds
from datapump.embedded.data_api.models.requests import CsvQueryIn, QueryIn
from datapump.embedded.data_api.query import TIMEOUT, Result, run
from datapump.embedded.data_api.routes.shared import DatasetPath, TheService, VersionPath, success
from datapump.embedded.data_api.wording import one_of

router = APIRouter(prefix="/dataset/{dataset}/{version}/query", dependencies=[Depends(reader)])
_TWO_HOURS, _ONE_YEAR = 7_200, 31_536_000
_Sql = Annotated[str, Query()]
_Geostore = Annotated[UUID | None, Query()]
_Delimiter = Annotated[str, one_of(",", "\t", "|", ";"), Query()]


@router.get("")
def redirect_get(request: Request, dataset: DatasetPath, version: VersionPath) -> RedirectResponse:
    """The older path of a query."""
    asked = urlencode(request.query_params.multi_items())
    return redirect(request.scope, f"/dataset/{dataset}/{version}/query/json?{asked}", 308)


@router.post("")
def redirect_post(request: Request, dataset: DatasetPath, version: VersionPath) -> RedirectResponse:
    """The older path of a query."""
    return redirect(request.scope, f"/dataset/{dataset}/{version}/query/json", 308)


@router.get("/json")
def get_json(
    service: TheService, dataset: DatasetPath, version: VersionPath, sql: _Sql, geostore_id: _Geostore = None
) -> JSONResponse:
    """A query, answered with JSON objects."""
    records = _run(service, (dataset, version), sql, geostore_id=geostore_id).as_records()
    seconds = _ONE_YEAR if dataset.startswith("gadm__tcl__") else _TWO_HOURS
    return success(records, headers={"Cache-Control": f"max-age={seconds}"})


@router.post("/json")
def post_json(service: TheService, dataset: DatasetPath, version: VersionPath, body: QueryIn) -> JSONResponse:
    """A query, answered with JSON objects."""
    return success(_run(service, (dataset, version), body.sql, area=body.geometry).as_records())


@router.get("/csv")
def get_csv(
    service: TheService,
    dataset: DatasetPath,
    version: VersionPath,
    sql: _Sql,
    geostore_id: _Geostore = None,
    delimiter: _Delimiter = ",",
) -> Response:
    """A query, answered with delimited text."""
    result = _run(service, (dataset, version), sql, geostore_id=geostore_id)
    return PlainTextResponse(result.as_csv(delimiter), media_type="text/csv")


@router.post("/csv")
def post_csv(service: TheService, dataset: DatasetPath, version: VersionPath, body: CsvQueryIn) -> Response:
    """A query, answered with delimited text."""
    result = _run(service, (dataset, version), body.sql, area=body.geometry)
    return PlainTextResponse(result.as_csv(body.delimiter), media_type="text/csv")


def _run(
    service: TheService,
    name: tuple[str, str],
    sql: str,
    area: dict[str, Any] | None = None,
    geostore_id: UUID | None = None,
) -> Result:
    with service.read() as connection:
        versions.get(connection, *name)
        asset = assets.default(connection, *name)
    if asset is None:
        raise ApiError(404, f"Could not find default asset for {'.'.join(name)}")
    if asset.asset_type == kinds.TILE_SET:
        status = 422 if area is None and geostore_id is None else 501
        reason = "require a geometry." if status == 422 else "are not available in the embedded Data API."  # noqa: PLR2004 - HTTP status
        raise ApiError(status, f"Raster tile set queries {reason}")
    if geostore_id is not None:
        raise ApiError(501, "Geostores are not available in the embedded Data API: POST the geometry with the query.")
    table = service.table(*name)
    if table is None:
        raise ApiError(400, f'Bad request. relation "{".".join(name)}" does not exist')
    with service.query_turn() as came:
        if not came:
            raise ApiError(524, TIMEOUT)
        return run(service.settings, table, sql, area)
