"""`/executions`: what became of commands."""

import logging
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from api import problem_types as types
from api.auth import Caller, requires
from api.bodies import JSON, JsonBody
from api.pages import CursorQuery, give_next
from api.parameters import NO_QUERY, Moment
from api.responses import header, problems
from api.schemas.executions import (
    ExecutionDocument,
    ExecutionPage,
    ExecutionSummary,
    StopRequest,
)
from api.services import Services, ServicesOf
from api.validation import parse
from datapump.analyses import SyncType
from datapump.commands import LABEL_NAME_PATTERN, LABEL_VALUE_PATTERN
from datapump.executions import Execution, ExecutionFilters, ExecutionStatus
from datapump.keys import Scope
from datapump.names import DatasetName

router = APIRouter(tags=["executions"])
logger = logging.getLogger(__name__)
LIST = "executions"
# Of what was said of a dispatch, which is tried again each minute until patience ends.
MOST_TRIES = 500
LABEL_PATTERN = f"{LABEL_NAME_PATTERN[:-1]}(:{LABEL_VALUE_PATTERN[1:-1]})?$"
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
JOBS = ("AnalysisJob", "SetLatestJob", "RasterJob", "AreaStatusJob")
JOB_SCHEMA = {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in JOBS]}
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
    dataset: DatasetName | None = Field(default=None, description="Only those with a job of this dataset.")
    sync_type: SyncType | None = Field(
        default=None, description="Only those with a job that follows this feed, or that were asked to sync it."
    )
    caller: str | None = Field(default=None, max_length=200, description="Only those that this caller asked for.")
    label: str | None = Field(
        default=None,
        pattern=LABEL_PATTERN,
        description="Only those with this label: `name`, or `name:value`.",
        examples=["team:fires"],
    )
    total: bool = Field(default=False, description="Whether to count all that match.")

    @property
    def chosen(self) -> ExecutionFilters:
        """The filters as the store takes them."""
        return {
            "status": self.status,
            "command": self.command,
            "dataset": self.dataset,
            "sync_type": None if self.sync_type is None else self.sync_type.value,
            "caller": self.caller,
            "label": self.label,
            "since": self.since,
            "until": self.until,
        }


@router.get("/executions", responses={200: PAGE, **problems(types.INVALID_CURSOR)})
@requires(Scope.READ)
def list_executions(
    query: Annotated[ExecutionQuery, Query()], services: ServicesOf, request: Request, response: Response
) -> ExecutionPage:
    """List executions, newest first."""
    filters = query.chosen
    page = services.runs.list_executions(after=query.after(LIST, services.cursor_key), limit=query.limit, **filters)
    return ExecutionPage(
        items=[ExecutionSummary.of(execution) for execution in page.items],
        next=give_next(page.next, LIST, query, services.cursor_key, request, response),
        total=services.runs.count_executions(**filters) if query.total else None,
    )


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
    jobs = services.runs.list_jobs(execution_id)
    return ExecutionDocument.with_jobs(execution, jobs, services.clock.now(), waiting=_waiting(execution, services))


def _waiting(execution: Execution, services: Services) -> str | None:
    """Why an execution has no jobs yet: the last that was said of its dispatch."""
    if execution.status is not ExecutionStatus.ACCEPTED:
        return None
    events = services.runs.list_events(execution.id, limit=MOST_TRIES)
    return next((event.message for event in reversed(events) if event.kind == "retry"), None)
