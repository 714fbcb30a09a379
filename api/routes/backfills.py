"""`/backfills`: a sync for each of many sync versions, planned, started, paused and stopped as one."""

import hashlib
import logging
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from api import problem_types as types
from api.auth import Caller, requires
from api.bodies import JSON, JsonBody
from api.errors import KeyReusedError
from api.idempotency import KEYS_LAST, NAME, IdempotencyKey
from api.pages import CursorQuery, give_next
from api.parameters import NO_QUERY
from api.responses import header, paged, problems
from api.schemas.backfills import BackfillChange, BackfillDocument, BackfillPage, BackfillRequest
from api.services import Services, ServicesOf
from api.submission import REPLAYED
from api.validation import parse
from datapump.backfilling import Backfills
from datapump.backfills import Backfill, BackfillPart, BackfillStatus, switched
from datapump.capabilities import refuse_unavailable
from datapump.errors import ConflictError, UnsupportedError
from datapump.keys import ApiKey, Scope
from datapump.stores.backfills import BackfillStore

router = APIRouter(tags=["backfills"])
logger = logging.getLogger(__name__)
LIST = "backfills"
ATTEMPTS = 5
PAGE = paged("/backfills")
MADE: dict[str, Any] = {
    "description": "The backfill: planned, or running if the request says so.",
    "headers": {
        "Location": header("Path of the backfill.", "/backfills/0198c0ffee00c0ffee00c0ffee00c0ff"),
        REPLAYED: header("`true` if an earlier request with this key made the backfill.", "true"),
    },
}
EXAMPLES = {
    "plan": {
        "summary": "Plan a sync of each day of a week, two at once",
        "value": {"types": ["viirs"], "dates": {"start_date": "2026-11-16", "end_date": "2026-11-22"}, "at_once": 2},
    },
    "start": {
        "summary": "Sync two versions, one after the other, and begin at once",
        "value": {"types": ["modis"], "sync_versions": ["v20261101", "v20261108"], "start": True},
    },
}


def _body(schema: str, examples: dict[str, Any]) -> dict[str, Any]:
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "examples": examples}
    return {"requestBody": {"required": True, "content": {JSON: content}}}


CHANGE_BODY = _body("BackfillChange", {"reason": {"value": {"reason": "the feed is mended first"}}})
BODY_PROBLEMS = (
    types.MALFORMED_JSON,
    types.CONTENT_TOO_LARGE,
    types.UNSUPPORTED_MEDIA_TYPE,
    types.INVALID_INPUT,
    types.NOT_AVAILABLE,
)
CHANGE_PROBLEMS = problems(*BODY_PROBLEMS, types.NOT_FOUND, types.CONFLICT)
BackfillId = Annotated[str, Path(description="The backfill's id.", examples=["0198c0ffee00c0ffee00c0ffee00c0ff"])]


class BackfillQuery(CursorQuery):
    """Which backfills to list."""

    status: BackfillStatus | None = Field(default=None, description="Only those with this status.")


@router.post(
    "/backfills",
    status_code=201,
    dependencies=[NO_QUERY],
    responses={201: MADE, **problems(*BODY_PROBLEMS, types.INVALID_HEADER, types.KEY_REUSED)},
    openapi_extra=_body("BackfillRequest", EXAMPLES),
)
@requires(Scope.OPERATE)
def make_backfill(
    caller: Caller, key: IdempotencyKey, body: JsonBody, services: ServicesOf, response: Response
) -> BackfillDocument:
    """Plan a sync for each of many sync versions. Nothing is started before it is resumed, unless `start` says so."""
    request = parse(BackfillRequest, body)
    now = services.clock.now()
    wanted = Backfill(
        id=services.clock.new_id(),
        caller=caller.caller,
        idempotency_key=key,
        key_until=now + KEYS_LAST,
        fingerprint=hashlib.sha256(request.model_dump_json().encode()).hexdigest(),
        parts=[BackfillPart(sync_version=version) for version in request.versions()],
        status=BackfillStatus.RUNNING if request.start else BackfillStatus.PLANNED,
        created=now,
        started=now if request.start else None,
        **request.model_dump(include={"types", "tables", "labels", "at_once", "on_failure"}),
    )
    refuse_unavailable(wanted.command(wanted.parts[0]))
    backfill, is_new = _store(services).create(wanted)
    if backfill.fingerprint != wanted.fingerprint:
        raise KeyReusedError(f"this {NAME} already stands for backfill {backfill.id}: use a new key for a new one")
    if not is_new:
        response.headers[REPLAYED] = "true"
    response.headers["Location"] = f"/backfills/{backfill.id}"
    services.wake()
    return BackfillDocument.of(backfill)


@router.get("/backfills", responses={200: PAGE, **problems(types.INVALID_CURSOR, types.NOT_AVAILABLE)})
@requires(Scope.READ)
def list_backfills(
    query: Annotated[BackfillQuery, Query()], services: ServicesOf, request: Request, response: Response
) -> BackfillPage:
    """List backfills, newest first."""
    after = query.after(LIST, services.cursor_key)
    page = _store(services).list(status=query.status, after=after, limit=query.limit)
    following = give_next(page.next, LIST, query, services.cursor_key, request, response)
    return BackfillPage(items=[BackfillDocument.of(backfill) for backfill in page.items], next=following)


@router.get(
    "/backfills/{backfill_id}",
    dependencies=[NO_QUERY],
    responses=problems(types.NOT_FOUND, types.NOT_AVAILABLE),
)
@requires(Scope.READ)
def get_backfill(backfill_id: BackfillId, services: ServicesOf) -> BackfillDocument:
    """Show a backfill: what it has started, and what it is going to start."""
    backfills = _all(services)
    return BackfillDocument.of(backfills.looked_at(backfills.store.get(backfill_id)))


@router.post(
    "/backfills/{backfill_id}/pause", dependencies=[NO_QUERY], responses=CHANGE_PROBLEMS, openapi_extra=CHANGE_BODY
)
@requires(Scope.OPERATE)
def pause_backfill(backfill_id: BackfillId, caller: Caller, body: JsonBody, services: ServicesOf) -> BackfillDocument:
    """Start no more of a backfill; what it has started goes on."""
    return BackfillDocument.of(_change(services, backfill_id, BackfillStatus.PAUSED, caller, body))


@router.post(
    "/backfills/{backfill_id}/resume", dependencies=[NO_QUERY], responses=CHANGE_PROBLEMS, openapi_extra=CHANGE_BODY
)
@requires(Scope.OPERATE)
def resume_backfill(backfill_id: BackfillId, caller: Caller, body: JsonBody, services: ServicesOf) -> BackfillDocument:
    """Start a backfill that is planned, or go on with one that is paused."""
    backfill = _change(services, backfill_id, BackfillStatus.RUNNING, caller, body)
    services.wake()
    return BackfillDocument.of(backfill)


@router.post(
    "/backfills/{backfill_id}/stop", dependencies=[NO_QUERY], responses=CHANGE_PROBLEMS, openapi_extra=CHANGE_BODY
)
@requires(Scope.OPERATE)
def stop_backfill(backfill_id: BackfillId, caller: Caller, body: JsonBody, services: ServicesOf) -> BackfillDocument:
    """End a backfill, and stop the executions of it that are open; what they published stays."""
    backfill = _change(services, backfill_id, BackfillStatus.STOPPED, caller, body)
    _all(services).stop_open(backfill)
    return BackfillDocument.of(backfill)


def _change(services: Services, backfill_id: str, status: BackfillStatus, caller: ApiKey, body: bytes) -> Backfill:
    """The backfill in the status that is asked for; where somebody was faster, from what that one made of it.

    Raises:
        ConflictError: It cannot become that from what it is.
    """
    reason = parse(BackfillChange, body).reason
    store = _store(services)
    for _ in range(ATTEMPTS):
        before = store.get(backfill_id)
        after = switched(before, status, reason, services.clock.now())
        if after is before or store.save(after):
            logger.info("%s: backfill %s is %s: %r", caller.caller, backfill_id, status, reason)
            return after
    raise ConflictError(f"backfill {backfill_id} is being changed by others all the time: try again")


def _all(services: Services) -> Backfills:
    if services.backfills is None:
        raise UnsupportedError("backfills are not available in this deployment: start its syncs one by one")
    return services.backfills


def _store(services: Services) -> BackfillStore:
    return _all(services).store
