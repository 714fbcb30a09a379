"""`POST /executions/{id}/retry`: only the failed jobs, from the step they failed in."""

from fastapi import APIRouter

from api import problem_types as types
from api.auth import requires
from api.bodies import NO_BODY
from api.parameters import NO_QUERY
from api.routes.executions import ExecutionId
from api.schemas.executions import ExecutionDocument
from api.submission import Submitted, starting
from datapump.errors import ConflictError
from datapump.keys import Scope
from datapump.retries import plan_retry, retry_fingerprint

router = APIRouter(tags=["executions"], dependencies=[NO_QUERY, NO_BODY])


@router.post(
    "/executions/{execution_id}/retry",
    status_code=202,
    responses=starting(types.NOT_FOUND, types.CONFLICT),
)
@requires(Scope.OPERATE)
def retry_execution(execution_id: ExecutionId, submission: Submitted) -> ExecutionDocument:
    """Start an execution of only the failed jobs of one that has ended, each from the step it failed in.

    What the others published stays as it is. A conflict if it has not ended, if nothing failed, or if it is being
    retried already. The request has no body.
    """
    runs = submission.services.runs
    original = runs.get_execution(execution_id)
    fingerprint = retry_fingerprint(execution_id)
    try:
        planned = plan_retry(original, runs)
        return submission.start(planned.command, fingerprint, retry_of=execution_id, notes=planned.notes)
    except ConflictError:
        # What conflicts may be the very retry that this key made.
        earlier = submission.earlier
        if earlier is None:
            raise
        return submission.replay(earlier, fingerprint)
