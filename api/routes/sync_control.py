"""What is done with sync configs beside changing one: history, one now, a whole feed paused and resumed."""

import logging
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api import problem_types as types
from api.auth import Caller, requires
from api.bodies import JSON, NO_BODY, JsonBody
from api.idempotency import fingerprint
from api.pages import CursorQuery, give_next
from api.parameters import NO_QUERY
from api.responses import problems
from api.routes.sync_configs import PAGE, ConfigId
from api.schemas.executions import ExecutionDocument
from api.schemas.sync_configs import ConfigChangePage, SwitchedType, SwitchType
from api.services import Services, ServicesOf
from api.submission import Submitted, starting
from api.validation import parse
from datapump.analyses import Analysis
from datapump.capabilities import refuse_unavailable
from datapump.commands import SyncCommand
from datapump.errors import ConflictError, UnsupportedError
from datapump.keys import ApiKey, Scope
from datapump.sync_configs import RASTER, Author, SyncConfig

router = APIRouter(tags=["sync configs"])
logger = logging.getLogger(__name__)
SWITCH_BODY = {
    "required": True,
    "content": {
        JSON: {
            "schema": {"$ref": "#/components/schemas/SwitchType"},
            "example": {"sync_type": "viirs", "reason": "FIRMS announced an outage"},
        }
    },
}
SWITCH_PROBLEMS = problems(
    types.MALFORMED_JSON, types.CONTENT_TOO_LARGE, types.UNSUPPORTED_MEDIA_TYPE, types.INVALID_INPUT
)


@router.get(
    "/sync-configs/{config_id}/history", responses={200: PAGE, **problems(types.NOT_FOUND, types.INVALID_CURSOR)}
)
@requires(Scope.READ)
def list_changes(
    config_id: ConfigId,
    query: Annotated[CursorQuery, Query()],
    services: ServicesOf,
    request: Request,
    response: Response,
) -> ConfigChangePage:
    """List what callers changed in a sync config, newest first: who, when, what and why."""
    name = f"sync-configs/{config_id}/history"
    after = query.after(name, services.cursor_key)
    page = services.sync_configs.history(config_id, after=after, limit=query.limit)
    following = give_next(page.next, name, query, services.cursor_key, request, response)
    return ConfigChangePage(items=page.items, next=following)


@router.post(
    "/sync-configs/{config_id}/run",
    status_code=202,
    dependencies=[NO_QUERY, NO_BODY],
    responses=starting(types.NOT_FOUND, types.CONFLICT, types.NOT_AVAILABLE),
)
@requires(Scope.OPERATE)
def run_sync_config(config_id: ConfigId, submission: Submitted) -> ExecutionDocument:
    """Sync one config now: a `sync` execution of its feed and table, or of its raster's feed. The request has no body.

    One that is switched off is a conflict.
    """
    config = submission.services.sync_configs.get(config_id)
    command = _command(config)
    refuse_unavailable(command)
    if not config.sync and submission.earlier is None:
        raise ConflictError(f"sync config {config_id} is switched off: switch it on first")
    return submission.start(command, fingerprint(command))


@router.post(
    "/sync-configs/pause",
    dependencies=[NO_QUERY],
    responses=SWITCH_PROBLEMS,
    openapi_extra={"requestBody": SWITCH_BODY},
)
@requires(Scope.OPERATE)
def pause_sync_type(caller: Caller, body: JsonBody, services: ServicesOf) -> SwitchedType:
    """Switch off every sync config of a feed that is on. Doing it twice changes nothing."""
    return _switch(services, parse(SwitchType, body), caller, sync=False)


@router.post(
    "/sync-configs/resume",
    dependencies=[NO_QUERY],
    responses=SWITCH_PROBLEMS,
    openapi_extra={"requestBody": SWITCH_BODY},
)
@requires(Scope.OPERATE)
def resume_sync_type(caller: Caller, body: JsonBody, services: ServicesOf) -> SwitchedType:
    """Switch on what pausing the feed has switched off; a config that was switched off by itself stays off."""
    return _switch(services, parse(SwitchType, body), caller, sync=True)


def _command(config: SyncConfig) -> SyncCommand:
    parameters: dict[str, object] = {"types": [config.sync_type]}
    if config.analysis in set(Analysis):
        table = {"dataset": config.dataset, "version": config.dataset_version, "analysis": config.analysis}
        parameters["tables"] = [table]
    elif config.analysis != RASTER:
        raise UnsupportedError(f"sync config {config.id} is of {config.analysis}, which this version cannot sync")
    return SyncCommand.model_validate({"command": "sync", "parameters": parameters}, strict=False)


def _switch(services: Services, wanted: SwitchType, caller: ApiKey, *, sync: bool) -> SwitchedType:
    author = Author(caller=caller.caller, reason=wanted.reason)
    configs = services.sync_configs.switch_type(wanted.sync_type.value, sync=sync, author=author)
    word = "resumed" if sync else "paused"
    logger.info("%s %s %d sync configs of %s: %r", caller.caller, word, len(configs), wanted.sync_type, wanted.reason)
    return SwitchedType(sync_type=wanted.sync_type, sync=sync, changed=[config.id for config in configs])
