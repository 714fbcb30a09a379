"""`POST /executions/{id}/retry`: only the failed jobs, from the step they failed in."""

from fastapi import APIRouter, Response

from api import problem_types as types
from api.auth import Caller, requires
from api.bodies import NO_BODY
from api.idempotency import IdempotencyKey
from api.parameters import NO_QUERY
from api.responses import problems
from api.routes.executions import ExecutionId
from api.schemas.executions import ExecutionDocument
from api.services import ServicesOf
from api.submission import ACCEPTED, refuse_other, replay, submit
from datapump.errors import ConflictError
from datapump.executions import Execution
from datapump.keys import Scope
from datapump.retries import plan_retry, retry_fingerprint

router = APIRouter(tags=["executions"], dependencies=[NO_QUERY, NO_BODY])


@router.post(
    "/executions/{execution_id}/retry",
    status_code=202,
    responses={
        202: ACCEPTED,
        **problems(
            types.INVALID_HEADER,
            types.NOT_FOUND,
            types.CONFLICT,
            types.CONTENT_TOO_LARGE,
            types.INVALID_INPUT,
            types.KEY_REUSED,
        ),
    },
)
@requires(Scope.OPERATE)
def retry_execution(
    execution_id: ExecutionId, caller: Caller, key: IdempotencyKey, services: ServicesOf, response: Response
) -> ExecutionDocument:
    """Start an execution of only the failed jobs of one that has ended, each from the step it failed in.

    What the others published stays as it is. A conflict if it has not ended, if nothing failed, or if it is being
    retried already. The request has no body.
    """
    original = services.runs.get_execution(execution_id)
    fingerprint = retry_fingerprint(execution_id)
    try:
        planned = plan_retry(original, services.runs)
        wanted = Execution(
            id=services.clock.new_id(),
            command=planned.command.model_dump(mode="json"),
            fingerprint=fingerprint,
            caller=caller.caller,
            idempotency_key=key,
            created=services.clock.now(),
            notes=planned.notes,
            retry_of=execution_id,
        )
        return submit(services, wanted, response)
    except ConflictError:
        # What conflicts may be the very retry that this key made.
        earlier = None if key is None else services.runs.find_by_key(caller.caller, key)
        if earlier is None:
            raise
        refuse_other(earlier, fingerprint)
        return replay(services, earlier, response)
