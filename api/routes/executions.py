"""`/executions`: what became of commands."""

import logging
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api import problem_types as types
from api.auth import Caller, requires
from api.bodies import JSON, JsonBody
from api.pages import CursorQuery, encode, link_next
from api.parameters import NO_QUERY, Moment
from api.responses import header, problems
from api.schemas.executions import (
    EventPage,
    ExecutionDocument,
    ExecutionPage,
    ExecutionSummary,
    StopRequest,
)
from api.services import Services, ServicesOf
from api.validation import parse
from datapump.executions import ExecutionStatus
from datapump.keys import Scope

router = APIRouter(tags=["executions"])
logger = logging.getLogger(__name__)
LIST = "executions"
PAGE: dict[str, Any] = {
    "description": "A page.",
    "headers": {
        "Link": header("With rel=next: the next page, if there is one.", '</executions?cursor=e30>; rel="next"')
    },
}
STOP_BODY = {
    "required": True,
    "content": {
        JSON: {"schema": {"$ref": "#/components/schemas/StopRequest"}, "example": {"reason": "the feed is broken"}}
    },
}
JOB_SCHEMA = {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("AnalysisJob", "SetLatestJob")]}
ExecutionId = Annotated[str, Path(description="The execution's id.", examples=["0198c0ffee00c0ffee00c0ffee00c0ff"])]

JobId = Annotated[str, Path(description="The job's id.", examples=["0198c0ffee00c0ffee00c0ffee00c0fe"])]


class ExecutionQuery(CursorQuery):
    """Which executions to list."""

    status: ExecutionStatus | None = Field(default=None, description="Only those with this status.")
    command: Literal["analysis", "sync", "version_update", "continue_jobs", "set_latest"] | None = Field(
        default=None, description="Only those of this command."
    )
    since: Moment | None = Field(
        default=None, description="Only those created at this time (ISO 8601, UTC if it has no offset) or later."
    )
    until: Moment | None = Field(default=None, description="Only those created before this time.")


class EventQuery(BaseModel):
    """Which events to list."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(default=0, ge=0, lt=2**53, description="Only events with a greater `seq`.")
    limit: int = Field(default=100, ge=1, le=500, description="The most items on the page.")


@router.get("/executions", responses={200: PAGE, **problems(types.INVALID_CURSOR)})
@requires(Scope.READ)
def list_executions(
    query: Annotated[ExecutionQuery, Query()], services: ServicesOf, request: Request, response: Response
) -> ExecutionPage:
    """List executions, newest first."""
    page = services.runs.list_executions(
        status=query.status,
        command=query.command,
        since=query.since,
        until=query.until,
        after=query.after(LIST),
        limit=query.limit,
    )
    cursor = None if page.next is None else encode(page.next, LIST, query.filters)
    if cursor is not None:
        link_next(request, response, cursor=cursor)
    return ExecutionPage(items=[ExecutionSummary.of(execution) for execution in page.items], next=cursor)


@router.get("/executions/{execution_id}", dependencies=[NO_QUERY], responses=problems(types.NOT_FOUND))
@requires(Scope.READ)
def get_execution(execution_id: ExecutionId, services: ServicesOf) -> ExecutionDocument:
    """Show an execution with its jobs."""
    return _document(services, execution_id)


@router.get(
    "/executions/{execution_id}/jobs/{job_id}",
    dependencies=[NO_QUERY],
    response_class=Response,
    responses={
        200: {"description": "The job.", "content": {JSON: {"schema": JOB_SCHEMA}}},
        **problems(types.NOT_FOUND),
    },
)
@requires(Scope.READ)
def get_job(execution_id: ExecutionId, job_id: JobId, services: ServicesOf) -> Response:
    """Show a job's whole document, as `continue_jobs` takes it."""
    job = services.runs.get_job(execution_id, job_id).job
    return Response(job.model_dump_json(), media_type=JSON)


@router.get("/executions/{execution_id}/events", responses={200: PAGE, **problems(types.NOT_FOUND)})
@requires(Scope.READ)
def list_events(
    execution_id: ExecutionId,
    query: Annotated[EventQuery, Query()],
    services: ServicesOf,
    request: Request,
    response: Response,
) -> EventPage:
    """List what happened in an execution, in order."""
    services.runs.get_execution(execution_id)
    events = services.runs.list_events(execution_id, after=query.after, limit=query.limit + 1)
    items = events[: query.limit]
    following = items[-1].seq if len(events) > query.limit else None
    if following is not None:
        link_next(request, response, after=str(following))
    return EventPage(items=items, next=following)


@router.post(
    "/executions/{execution_id}/stop",
    status_code=202,
    dependencies=[NO_QUERY],
    responses=problems(
        types.MALFORMED_JSON,
        types.NOT_FOUND,
        types.CONFLICT,
        types.CONTENT_TOO_LARGE,
        types.UNSUPPORTED_MEDIA_TYPE,
        types.INVALID_INPUT,
    ),
    openapi_extra={"requestBody": STOP_BODY},
)
@requires(Scope.OPERATE)
def stop_execution(
    execution_id: ExecutionId, caller: Caller, body: JsonBody, services: ServicesOf
) -> ExecutionDocument:
    """Stop an execution: its jobs end what they run and keep what they published; one that has ended is a conflict."""
    reason = parse(StopRequest, body).reason
    services.orchestrator.stop(execution_id, reason)
    logger.info("%s stopped execution %s: %r", caller.caller, execution_id, reason)
    return _document(services, execution_id)


def _document(services: Services, execution_id: str) -> ExecutionDocument:
    # In this order: jobs that are younger than the status can be ahead of it, never behind.
    execution = services.runs.get_execution(execution_id)
    return ExecutionDocument.with_jobs(execution, services.runs.list_jobs(execution_id))
