"""`GET /executions/{id}/events`: what happened in an execution, in words; at once, waiting, or as a stream."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api import problem_types as types
from api.auth import requires
from api.errors import InvalidHeaderError
from api.event_streams import STREAM, look, stream, wait_for
from api.pages import link_next
from api.responses import header, problems
from api.routes.executions import ExecutionId
from api.schemas.executions import EventPage
from api.services import ServicesOf
from datapump.keys import Scope

router = APIRouter(tags=["executions"])
NUMBER = re.compile(r"[0-9]{1,15}")
LONGEST_WAIT_S = 30
PAGE: dict[str, Any] = {
    "description": "A page; or, if the request accepts `text/event-stream`, a stream of the events as they happen.",
    "headers": {
        "Link": header("With rel=next: the next page, if there is one.", '</executions/x/events?after=100>; rel="next"')
    },
    "content": {
        STREAM: {
            "schema": {"type": "string", "description": "Each `data` is an event, each `id` its `seq`."},
            "example": 'id: 1\ndata: {"seq":1,"kind":"accepted"}\n\n',
        }
    },
}
OVER = {"description": "Only of streams: the execution has ended and all of its events were seen; do not come back."}


class EventQuery(BaseModel):
    """Which events to list."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(default=0, ge=0, lt=2**53, description="Only events with a greater `seq`.")
    limit: int = Field(default=100, ge=1, le=500, description="The most items on the page; a stream has no pages.")
    wait: int = Field(
        default=0, ge=0, le=LONGEST_WAIT_S, description="How many seconds to wait for an event, if there is none yet."
    )


async def _last_event(
    header: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID",
            description="Only of streams: the last `id` that was seen; counts before `after`.",
            examples=["1"],
            json_schema_extra={"pattern": f"^({NUMBER.pattern})?$"},
        ),
    ] = None,
) -> int | None:
    if header is None or header == "":
        return None
    if not NUMBER.fullmatch(header):
        raise InvalidHeaderError("Last-Event-ID", "Last-Event-ID must be the id of an event of this stream, a number")
    return int(header)


@router.get(
    "/executions/{execution_id}/events",
    response_model=EventPage,
    responses={200: PAGE, 204: OVER, **problems(types.NOT_FOUND, types.INVALID_HEADER)},
)
@requires(Scope.READ)
async def list_events(
    execution_id: ExecutionId,
    query: Annotated[EventQuery, Query()],
    last_event: Annotated[int | None, Depends(_last_event)],
    services: ServicesOf,
    request: Request,
    response: Response,
) -> EventPage | Response:
    """List what happened in an execution, in order.

    To follow it, ask again with `after` and `wait`, or accept `text/event-stream`, which a deployment that cannot
    stream answers with a page.
    """
    bodiless = request.state.bodiless
    if services.streams and _accepts_stream(request):
        after = query.after if last_event is None else last_event
        seen = await run_in_threadpool(look, services, execution_id, after, 1)
        if seen.ended and not seen.events:
            return Response(status_code=204)
        if bodiless:
            return Response(media_type=STREAM)
        return StreamingResponse(
            stream(services, execution_id, after), media_type=STREAM, headers={"X-Accel-Buffering": "no"}
        )
    wait_s = 0 if bodiless else min(query.wait, services.longest_wait_s)
    seen = await wait_for(services, execution_id, query.after, query.limit + 1, wait_s)
    items = seen.events[: query.limit]
    following = items[-1].seq if len(seen.events) > query.limit else None
    if following is not None:
        link_next(request, response, after=str(following))
    return EventPage(items=items, next=following, ended=seen.ended)


def _accepts_stream(request: Request) -> bool:
    accepted = ",".join(request.headers.getlist("accept")).lower().split(",")
    return any(part.split(";")[0].strip() == STREAM for part in accepted)
