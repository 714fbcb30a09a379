"""What every route that starts an execution shares: idempotent storing, starting, answering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.errors import KeyReusedError
from api.idempotency import NAME
from api.responses import header
from api.schemas.executions import ExecutionDocument
from datapump.commands import COMMAND
from datapump.targets import create_noting

if TYPE_CHECKING:
    from fastapi import Response

    from api.services import Services
    from datapump.executions import Execution

REPLAYED = "Idempotency-Replayed"
ACCEPTED: dict[str, Any] = {
    "description": "The execution. It has been stored and will be carried out, whatever happens to this answer.",
    "headers": {
        "Location": header("Path of the execution.", "/executions/0198c0ffee00c0ffee00c0ffee00c0ff"),
        REPLAYED: header("`true` if an earlier request with this key made the execution.", "true"),
    },
}


def submit(services: Services, wanted: Execution, response: Response) -> ExecutionDocument:
    """Store and start an execution, or find the one that its caller's idempotency key made before.

    Raises:
        KeyReusedError: The key made another execution before.
        TargetBusyError: Another execution is going to write some of the same, and this one is not to wait for it.
        ConflictError: It is a retry of what cannot be retried now.
    """
    key = wanted.idempotency_key
    earlier = None if key is None else services.runs.find_by_key(wanted.caller, key)
    execution, is_new = _create(services, wanted) if earlier is None else (earlier, False)
    refuse_other(execution, wanted.fingerprint)
    if is_new:
        return show(services, execution, response)
    return replay(services, execution, response)


def _create(services: Services, wanted: Execution) -> tuple[Execution, bool]:
    if wanted.plan_only:
        # It writes nothing: nobody waits for it, and it for nobody.
        return services.runs.create_execution(wanted)
    command = COMMAND.validate_python(wanted.command, strict=False)
    return create_noting(wanted, command, services.runs, services.sync_configs, services.targets)


def refuse_other(execution: Execution, fingerprint: str) -> None:
    """Refuse a key that stands for another request.

    Raises:
        KeyReusedError: The execution was made by a request of another fingerprint.
    """
    if execution.fingerprint != fingerprint:
        raise KeyReusedError(
            f"this {NAME} already stands for execution {execution.id}, made from another request: "
            "use a new key for a new one"
        )


def replay(services: Services, execution: Execution, response: Response) -> ExecutionDocument:
    """Answer a repeated request by the execution that the first one made."""
    response.headers[REPLAYED] = "true"
    return show(services, execution, response)


def show(services: Services, execution: Execution, response: Response) -> ExecutionDocument:
    """Start the execution and answer with it."""
    if not execution.ended:
        # Also when replayed: the first request may have died between storing and starting.
        services.orchestrator.start(execution.id)
    response.headers["Location"] = f"/executions/{execution.id}"
    jobs = services.runs.list_jobs(execution.id) if REPLAYED in response.headers else []
    return ExecutionDocument.with_jobs(execution, jobs, services.clock.now())
