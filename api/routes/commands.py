"""`POST /commands`: what was asked becomes an execution."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api import problem_types as types
from api.auth import requires
from api.bodies import JSON, JsonBody
from api.examples import COMMANDS, SUMMARIES
from api.idempotency import fingerprint
from api.schemas.executions import ExecutionDocument
from api.submission import Submitted, starting
from datapump.capabilities import refuse_unavailable
from datapump.commands import parse_command
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
    responses=starting(
        types.MALFORMED_JSON,
        types.UNSUPPORTED_MEDIA_TYPE,
        types.TARGET_BUSY,
        types.NOT_AVAILABLE,
    ),
    openapi_extra={"requestBody": BODY},
)
@requires(Scope.OPERATE)
def submit_command(submission: Submitted, body: JsonBody, query: Annotated[CommandQuery, Query()]) -> ExecutionDocument:
    """Submit a command; it is checked whole, stored, and then carried out as an execution.

    To follow it, read the execution at `Location`. To be able to repeat the request safely, send an `Idempotency-Key`.
    With `plan=true` nothing is changed: the execution only finds out what the command would do.
    """
    command = parse_command(body)
    refuse_unavailable(command, submission.services.engines)
    return submission.start(command, fingerprint(command, plan_only=query.plan), plan_only=query.plan)
