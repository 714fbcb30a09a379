"""`/results`: the published tables, to be looked at; drawn from the Data API's own query."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from api import problem_types as types
from api.auth import requires
from api.errors import InvalidCursorError
from api.pages import CursorQuery, give_next
from api.parameters import NO_QUERY
from api.responses import paged, problems
from api.schemas.results import (
    ResultColumn,
    ResultDataset,
    ResultDatasetPage,
    ResultRows,
    ResultTableDocument,
)
from api.services import Services, ServicesOf
from datapump.errors import UnsupportedError
from datapump.keys import Scope
from datapump.names import DatasetName, VersionName
from datapump.outlines import Areas, read_areas
from datapump.places import Places, read_places
from datapump.published import (
    MOST_ROWS,
    Choice,
    TableChangedError,
    columns,
    known_version,
    result_datasets,
    row_count,
    rows,
)

if TYPE_CHECKING:
    from datapump.clients.data_api import DataApi
    from datapump.run_files import Reader

router = APIRouter(tags=["results"])
LIST = "results"
PAGE = paged("/results")
ROW_PAGE = paged("/results/gadm__viirs__adm2_daily_alerts/v20260101/rows")
Dataset = Annotated[
    DatasetName,
    Path(description="The result dataset.", openapi_examples={"fires": {"value": "gadm__viirs__adm2_daily_alerts"}}),
]
Version = Annotated[
    VersionName, Path(description="The result version.", openapi_examples={"version": {"value": "v20260101"}})
]
TROUBLE = (
    types.INVALID_INPUT,
    types.NOT_FOUND,
    types.NOT_AVAILABLE,
    types.REMOTE_UNAVAILABLE,
    types.REMOTE_FAILURE,
)


class ResultQuery(CursorQuery):
    """Which datasets to list."""

    contains: str | None = Field(
        default=None, max_length=100, description="Only those with this in their names.", examples=["viirs"]
    )


class RowQuery(CursorQuery):
    """Which rows to read."""

    group_by: str | None = Field(
        default=None,
        max_length=300,
        description="One row for each value of this column, or of these together, with commas between them.",
        examples=["iso,adm1"],
    )
    sum: str | None = Field(
        default=None, max_length=63, description="The column to add up in each group; left out, rows are counted."
    )
    column: str | None = Field(
        default=None, max_length=63, description="Only rows whose column of this name has `value`.", examples=["iso"]
    )
    value: str | None = Field(default=None, max_length=200, description="The value of `column`.", examples=["BRA"])
    largest: bool = Field(default=False, description="Whether the groups with the largest totals come first.")
    limit: int = Field(default=100, ge=1, le=MOST_ROWS, description="The most rows on the page.")


@router.get("/results", responses={200: PAGE, **problems(types.INVALID_CURSOR, *TROUBLE)})
@requires(Scope.READ)
def list_results(
    query: Annotated[ResultQuery, Query()], services: ServicesOf, request: Request, response: Response
) -> ResultDatasetPage:
    """List the result datasets that the Data API holds, by name."""
    after = query.after(LIST, services.cursor_key) or ""
    found = [
        ResultDataset(dataset=dataset, versions=versions)
        for dataset, versions in result_datasets(_data_api(services))
        if dataset > after and (query.contains is None or query.contains in dataset)
    ]
    page = found[: query.limit]
    last = page[-1].dataset if len(found) > len(page) else None
    return ResultDatasetPage(items=page, next=give_next(last, LIST, query, services.cursor_key, request, response))


@router.get("/results/{dataset}/{version}", dependencies=[NO_QUERY], responses=problems(*TROUBLE))
@requires(Scope.READ)
def get_result(dataset: Dataset, version: Version, services: ServicesOf) -> ResultTableDocument:
    """Show a published table: its columns and how many rows it has."""
    data_api = _data_api(services)
    found = [ResultColumn(name=column.name, type=column.type) for column in columns(data_api, dataset, version)]
    known = known_version(data_api, dataset, version)
    return ResultTableDocument(
        dataset=dataset,
        version=version,
        latest=bool(known["is_latest"]),
        status=str(known["status"]),
        rows=row_count(data_api, dataset, version) if known["status"] == "saved" else 0,
        columns=found,
    )


@router.get(
    "/results/{dataset}/{version}/rows",
    responses={200: ROW_PAGE, **problems(types.INVALID_CURSOR, *TROUBLE)},
)
@requires(Scope.READ)
def list_result_rows(
    dataset: Dataset,
    version: Version,
    query: Annotated[RowQuery, Query()],
    services: ServicesOf,
    request: Request,
    response: Response,
) -> ResultRows:
    """Read rows of a published table; or, grouped by columns, the totals of another.

    A cursor holds as long as no rows are added to the table: then it is refused as `invalid-cursor`, so that a row is
    never on two pages. While rows are added, and of a table of points, there is only the first page.
    """
    choice = Choice(
        group_by=tuple(query.group_by.split(",")) if query.group_by else (),
        total=query.sum,
        column=query.column,
        value=query.value,
        largest=query.largest,
        limit=query.limit,
    )
    name = f"results/{dataset}/{version}/rows"
    after = query.after(name, services.cursor_key)
    try:
        page = rows(_data_api(services), dataset, version, choice, after)
    except TableChangedError as error:
        raise InvalidCursorError("cursor", error.message) from None
    following = give_next(page.next, name, query, services.cursor_key, request, response)
    return ResultRows(items=page.items, next=following, limited=page.limited)


@router.get(
    "/results/{dataset}/{version}/areas", dependencies=[NO_QUERY], responses=problems(*TROUBLE, types.UNUSABLE_DATA)
)
@requires(Scope.READ)
def list_result_areas(dataset: Dataset, version: Version, services: ServicesOf) -> Areas:
    """Show the areas that a published table is about, their outlines simplified: GeoJSON, at most 2,000 and 2 MB."""
    return read_areas(_data_api(services), _objects(services, "outlines of areas"), dataset, version)


@router.get(
    "/results/{dataset}/{version}/places", dependencies=[NO_QUERY], responses=problems(*TROUBLE, types.UNUSABLE_DATA)
)
@requires(Scope.READ)
def list_result_places(dataset: Dataset, version: Version, services: ServicesOf) -> Places:
    """Show where the newest fires of a published table were seen: GeoJSON, at most 2,000, and how many there are."""
    return read_places(_data_api(services), _objects(services, "places of fires"), dataset, version)


def _data_api(services: Services) -> "DataApi":
    if services.data_api is None:
        raise UnsupportedError("this deployment's API cannot look into the Data API: ask the Data API itself")
    return services.data_api()


def _objects(services: Services, what: str) -> "Reader":
    if services.objects is None:
        raise UnsupportedError(f"this deployment keeps no {what}: only the embedded engine writes them")
    return services.objects
