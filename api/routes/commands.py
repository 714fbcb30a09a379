"""`POST /commands`: what was asked becomes an execution."""

from typing import Any

from fastapi import APIRouter, Response

from api import problem_types as types
from api.auth import Caller, requires
from api.bodies import JSON, JsonBody
from api.errors import KeyReusedError
from api.examples import COMMANDS, SUMMARIES
from api.idempotency import NAME, IdempotencyKey, fingerprint
from api.parameters import NO_QUERY
from api.responses import header, problems
from api.schemas.executions import ExecutionDocument
from api.services import Services, ServicesOf
from datapump.capabilities import refuse_unavailable
from datapump.commands import AnyCommand, parse_command
from datapump.executions import Execution
from datapump.keys import Scope

router = APIRouter(tags=["commands"], dependencies=[NO_QUERY])
REPLAYED = "Idempotency-Replayed"
ACCEPTED: dict[str, Any] = {
    "description": "The execution. It has been stored and will be carried out, whatever happens to this answer.",
    "headers": {
        "Location": header("Path of the execution.", "/executions/0198c0ffee00c0ffee00c0ffee00c0ff"),
        REPLAYED: header("`true` if an earlier request with this key made the execution.", "true"),
    },
}
BODY = {
    "required": True,
    "content": {
        JSON: {
            "schema": {"$ref": "#/components/schemas/Command"},
            "examples": {name: {"summary": SUMMARIES[name], "value": value} for name, value in COMMANDS.items()},
        }
    },
}


@router.post(
    "/commands",
    status_code=202,
    responses={
        202: ACCEPTED,
        **problems(
            types.MALFORMED_JSON,
            types.INVALID_HEADER,
            types.CONTENT_TOO_LARGE,
            types.UNSUPPORTED_MEDIA_TYPE,
            types.INVALID_INPUT,
            types.KEY_REUSED,
            types.NOT_AVAILABLE,
        ),
    },
    openapi_extra={"requestBody": BODY},
)
@requires(Scope.OPERATE)
def submit_command(
    caller: Caller, key: IdempotencyKey, body: JsonBody, services: ServicesOf, response: Response
) -> ExecutionDocument:
    """Submit a command; it is checked whole, stored, and then carried out as an execution.

    To follow it, read the execution at `Location`. To be able to repeat the request safely, send an `Idempotency-Key`.
    """
    command = parse_command(body)
    refuse_unavailable(command)
    execution, is_new = _store(services, command, caller.caller, key)
    if not execution.ended:
        # Also when replayed: the first request may have died between storing and starting.
        services.orchestrator.start(execution.id)
    response.headers["Location"] = f"/executions/{execution.id}"
    if not is_new:
        response.headers[REPLAYED] = "true"
    return ExecutionDocument.with_jobs(execution, [] if is_new else services.runs.list_jobs(execution.id))


def _store(services: Services, command: AnyCommand, caller: str, key: str | None) -> tuple[Execution, bool]:
    wanted = Execution(
        id=services.clock.new_id(),
        command=command.model_dump(mode="json"),
        fingerprint=fingerprint(command),
        caller=caller,
        idempotency_key=key,
        created=services.clock.now(),
    )
    execution, is_new = services.runs.create_execution(wanted)
    if execution.fingerprint != wanted.fingerprint:
        raise KeyReusedError(
            f"this {NAME} already stands for execution {execution.id}, made from another command: "
            "use a new key for a new command"
        )
    return execution, is_new
