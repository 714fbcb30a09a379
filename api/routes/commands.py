"""`POST /commands`: what was asked becomes an execution."""

from fastapi import APIRouter, Response

from api import problem_types as types
from api.auth import Caller, requires
from api.bodies import JSON, JsonBody
from api.examples import COMMANDS, SUMMARIES
from api.idempotency import IdempotencyKey, fingerprint
from api.parameters import NO_QUERY
from api.responses import problems
from api.schemas.executions import ExecutionDocument
from api.services import ServicesOf
from api.submission import ACCEPTED, submit
from datapump.capabilities import refuse_unavailable
from datapump.commands import parse_command
from datapump.executions import Execution
from datapump.keys import Scope

router = APIRouter(tags=["commands"], dependencies=[NO_QUERY])
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
            types.TARGET_BUSY,
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
    wanted = Execution(
        id=services.clock.new_id(),
        command=command.model_dump(mode="json"),
        fingerprint=fingerprint(command),
        caller=caller.caller,
        idempotency_key=key,
        created=services.clock.now(),
    )
    return submit(services, wanted, response)
