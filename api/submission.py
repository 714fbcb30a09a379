"""What every route that starts an execution shares: idempotent storing, starting, answering."""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Response

from api import problem_types as types
from api.auth import Caller
from api.errors import KeyReusedError
from api.idempotency import KEYS_LAST, NAME, IdempotencyKey, made_from
from api.problem_types import ProblemType
from api.responses import Responses, header, problems
from api.schemas.executions import ExecutionDocument
from api.services import Services, ServicesOf
from datapump.commands import AnyCommand
from datapump.executions import Execution
from datapump.targets import create_noting

REPLAYED = "Idempotency-Replayed"
ACCEPTED: dict[str, Any] = {
    "description": "The execution. It has been stored and will be carried out, whatever happens to this answer.",
    "headers": {
        "Location": header("Path of the execution.", "/executions/0198c0ffee00c0ffee00c0ffee00c0ff"),
        REPLAYED: header("`true` if an earlier request with this key made the execution.", "true"),
    },
}


def starting(*more: ProblemType) -> Responses:
    """What a route that starts an execution declares of its answers: those of all, and more types of problem."""
    common = (types.INVALID_HEADER, types.CONTENT_TOO_LARGE, types.INVALID_INPUT, types.KEY_REUSED)
    return {202: ACCEPTED, **problems(*more, *common)}


class Submission(NamedTuple):
    """A request to start an execution: who asks, by which key, of what, and where the answer goes."""

    caller: str
    key: str | None
    services: Services
    response: Response

    @property
    def earlier(self) -> Execution | None:
        """The execution that an earlier request with the caller's key made."""
        return None if self.key is None else self.services.runs.find_by_key(self.caller, self.key)

    def start(
        self,
        command: AnyCommand,
        fingerprint: str,
        *,
        plan_only: bool = False,
        retry_of: str | None = None,
        notes: Sequence[str] = (),
    ) -> ExecutionDocument:
        """Store and start an execution, or find the one that its caller's idempotency key made before.

        Raises:
            KeyReusedError: The key made another execution before.
            TargetBusyError: Another execution is going to write some of the same, and this one is not to wait for it.
            ConflictError: It is a retry of what cannot be retried now.
        """
        earlier = self.earlier
        if earlier is not None:
            return self.replay(earlier, fingerprint)
        now = self.services.clock.now()
        wanted = Execution(
            id=self.services.clock.new_id(),
            command=command.model_dump(mode="json"),
            fingerprint=fingerprint,
            caller=self.caller,
            idempotency_key=self.key,
            key_until=now + KEYS_LAST,
            created=now,
            plan_only=plan_only,
            retry_of=retry_of,
            notes=list(notes),
        )
        execution, is_new = _create(self.services, wanted, command)
        return self._show(execution) if is_new else self.replay(execution, fingerprint)

    def replay(self, execution: Execution, fingerprint: str) -> ExecutionDocument:
        """Answer a repeated request by the execution that the first one made.

        Raises:
            KeyReusedError: It was made by a request of another fingerprint.
        """
        if not made_from(execution, fingerprint):
            raise KeyReusedError(
                f"this {NAME} already stands for execution {execution.id}, made from another request: "
                "use a new key for a new one"
            )
        self.response.headers[REPLAYED] = "true"
        return self._show(execution)

    def _show(self, execution: Execution) -> ExecutionDocument:
        """Start the execution and answer with it."""
        if not execution.ended:
            # Also when replayed: the first request may have died between storing and starting.
            self.services.orchestrator.start(execution.id)
        self.response.headers["Location"] = f"/executions/{execution.id}"
        jobs = self.services.runs.list_jobs(execution.id) if REPLAYED in self.response.headers else []
        return ExecutionDocument.with_jobs(execution, jobs, self.services.clock.now())


async def _submission(caller: Caller, key: IdempotencyKey, services: ServicesOf, response: Response) -> Submission:
    return Submission(caller.caller, key, services, response)


Submitted = Annotated[Submission, Depends(_submission)]


def _create(services: Services, wanted: Execution, command: AnyCommand) -> tuple[Execution, bool]:
    if wanted.plan_only:
        # It writes nothing: nobody waits for it, and it for nobody.
        return services.runs.create_execution(wanted)
    return create_noting(wanted, command, services.runs, services.sync_configs, services.targets)
