"""`POST /commands`: what was asked becomes an execution."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api import problem_types as types
from api.auth import Caller, requires
from api.bodies import JSON, JsonBody
from api.examples import COMMANDS, SUMMARIES
from api.idempotency import IdempotencyKey, fingerprint
from api.responses import problems
from api.schemas.executions import ExecutionDocument
from api.services import ServicesOf
from api.submission import ACCEPTED, submit
from datapump.capabilities import refuse_unavailable
from datapump.commands import parse_command
from datapump.executions import Execution
from datapump.keys import Scope

router = APIRouter(tags=["commands"])
BODY = {
    "required": True,
    "content": {
        JSON: {
            "schema": {"$ref": "#/components/schemas/Command"},
            "examples": {name: {"summary": SUMMARIES[name], "value": value} for name, value in COMMANDS.items()},
        }
    },
}


class CommandQuery(BaseModel):
    """How to take a command."""

    model_config = ConfigDict(extra="forbid")

    plan: bool = Field(
        default=False,
        description="Only find out what the command would do: the execution changes nothing, and once it has ended its "
        "plan is at `/executions/{id}/plan`.",
    )


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
    caller: Caller,
    key: IdempotencyKey,
    body: JsonBody,
    query: Annotated[CommandQuery, Query()],
    services: ServicesOf,
    response: Response,
) -> ExecutionDocument:
    """Submit a command; it is checked whole, stored, and then carried out as an execution.

    To follow it, read the execution at `Location`. To be able to repeat the request safely, send an `Idempotency-Key`.
    With `plan=true` nothing is changed: the execution only finds out what the command would do.
    """
    command = parse_command(body)
    refuse_unavailable(command)
    wanted = Execution(
        id=services.clock.new_id(),
        command=command.model_dump(mode="json"),
        fingerprint=fingerprint(command, plan_only=query.plan),
        caller=caller.caller,
        idempotency_key=key,
        created=services.clock.now(),
        plan_only=query.plan,
    )
    return submit(services, wanted, response)
