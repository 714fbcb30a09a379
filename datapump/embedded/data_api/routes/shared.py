"""What routes share: names in paths, the envelope, pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Path, Query
from fastapi.responses import JSONResponse

from datapump.embedded.data_api import access
from datapump.embedded.data_api.changes import Asked
from datapump.embedded.data_api.errors import ApiError
from datapump.embedded.data_api.middleware import route_path
from datapump.embedded.data_api.service import Service
from datapump.embedded.data_api.settings import Caller
from datapump.names import DATASET_PATTERN

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request
    from pydantic import BaseModel

VERSION_PATTERN = r"^v\d{1,8}(\.\d{1,3}){0,2}?$|^latest$"
_PAGE_SIZE = 10

DatasetPath = Annotated[str, Path(pattern=DATASET_PATTERN)]
VersionPath = Annotated[str, Path(pattern=VERSION_PATTERN)]
PageNumber = Annotated[int | None, Query(alias="page[number]", ge=1)]
PageSize = Annotated[int | None, Query(alias="page[size]", ge=1)]
TheService = Annotated[Service, Depends(access.service_of)]
Writer = Annotated[Caller, Depends(access.writer)]
DatasetWriter = Annotated[Caller, Depends(access.dataset_writer)]
AssetWriter = Annotated[Caller, Depends(access.asset_writer)]


def asked(request: Request, caller: Caller, body: BaseModel | None = None) -> Asked:
    """The request as the log keeps it: what was told, not what was left to defaults, and no token."""
    told = {} if body is None else body.model_dump(mode="json", exclude_unset=True)
    return Asked(request.method, route_path(request.scope), told, caller.user_id)


def success(data: Any, status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:  # noqa: ANN401 - JSON
    """An answer in the service's envelope."""
    return JSONResponse({"data": data, "status": "success", **more}, status, headers)


def paged(
    base: str, page: tuple[int | None, int | None], total: int, listing: Callable[[int, int], list[Any]]
) -> JSONResponse:  # fmt: skip
    """A list, as one page if a page was asked for.

    Args:
        base: URL of the list.
        page: Number (from 1) and size as they were asked for; None: not.
        total: How many things there are.
        listing: Gives the things' views, by limit (-1: all) and offset.

    Raises:
        ApiError: There are fewer pages.
    """
    if page == (None, None):
        return success(listing(-1, 0))
    number, size = page[0] or 1, page[1] or _PAGE_SIZE
    pages = max(1, -(-total // size))
    if number > pages:
        raise ApiError(422, f"Page number {number} is larger than the total page count: {pages}")

    def link(to: int) -> str:
        return f"{base}?page[number]={to}&page[size]={size}" if 1 <= to <= pages else ""

    links = {"self": link(number), "first": link(1), "last": link(pages)}
    links |= {"prev": link(number - 1), "next": link(number + 1)}
    meta = {"size": size, "total_items": total, "total_pages": pages}
    return success(listing(size, (number - 1) * size), links=links, meta=meta)
