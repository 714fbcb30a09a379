"""`GET /executions/{id}/plan`: what a command would do."""

from fastapi import APIRouter

from api import problem_types as types
from api.auth import requires
from api.parameters import NO_QUERY
from api.responses import problems
from api.routes.executions import ExecutionId
from api.services import ServicesOf
from datapump.keys import Scope
from datapump.planning.plans import Plan
from datapump.planning.record import kept

router = APIRouter(tags=["executions"], dependencies=[NO_QUERY])


@router.get("/executions/{execution_id}/plan", responses=problems(types.NOT_FOUND))
@requires(Scope.READ)
def get_plan(execution_id: ExecutionId, services: ServicesOf) -> Plan:
    """Show the plan that an execution has made: what its command would create, upload, delete and tell, and to whom.

    Only for commands submitted with `plan=true`; not found until that execution has ended.
    """
    return kept(services.runs.get_execution(execution_id), services.runs)
