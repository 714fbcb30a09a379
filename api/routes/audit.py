"""`GET /audit`: who asked for which change."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api import problem_types as types
from api.auth import requires
from api.pages import CursorQuery, give_next
from api.responses import paged, problems
from api.schemas.audit import AuditPage
from api.services import ServicesOf
from datapump.errors import UnsupportedError
from datapump.keys import Scope

router = APIRouter(tags=["service"])
LIST = "audit"
PAGE = paged("/audit")


class AuditQuery(CursorQuery):
    """Which records to list."""

    caller: str | None = Field(default=None, max_length=200, description="Only those of this caller.")


@router.get("/audit", responses={200: PAGE, **problems(types.INVALID_CURSOR, types.NOT_AVAILABLE)})
@requires(Scope.ADMIN)
def list_audit(
    query: Annotated[AuditQuery, Query()], services: ServicesOf, request: Request, response: Response
) -> AuditPage:
    """List the requests that could change something, newest first: who asked for what, and how it was answered."""
    if services.audit is None:
        raise UnsupportedError("this deployment keeps its audit in its log only")
    page = services.audit.list(caller=query.caller, after=query.after(LIST, services.cursor_key), limit=query.limit)
    return AuditPage(items=page.items, next=give_next(page.next, LIST, query, services.cursor_key, request, response))
