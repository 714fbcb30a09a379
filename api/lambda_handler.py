"""The API on Lambda: requests of API Gateway through Mangum, and the nightly schedules."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from fastapi import Response
from mangum import Mangum

from api.app import create_app
from api.idempotency import fingerprint
from api.services import Services
from api.submission import submit
from datapump.analyses import Analysis
from datapump.aws import Aws
from datapump.capabilities import refuse_unavailable
from datapump.clients.gfw_accounts import GfwAccounts
from datapump.clock import SystemClock
from datapump.commands import parse_command
from datapump.errors import InvalidInputError, StorageError
from datapump.executions import Execution
from datapump.rate_limits import RateLimiter
from datapump.secrets import Secrets
from datapump.settings import ApiSettings, read_settings
from datapump.stores.dynamodb import (
    DynamoAuditStore,
    DynamoKeyStore,
    DynamoRunStore,
    DynamoSyncConfigStore,
    Tables,
)
from state_machine.step_functions import StepFunctionsOrchestrator
from state_machine.telemetry import request_id, telemetry

if TYPE_CHECKING:
    from datapump.clock import Clock

SCHEDULE = "datapump.schedule"
SCHEDULER = "schedule"
_made: tuple[Services, Mangum, float] | None = None


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's context has no type
    """Answer a request, or start what a schedule asks for.

    A schedule's event is `{source: "datapump.schedule", name, time, command}`: its name and the time that it was to
    fire at are its idempotency key, so that an event that is delivered twice starts one execution.
    """
    services, gateway = _services()
    with telemetry("api").about(request_id(context)):
        if event.get("source") == SCHEDULE:
            return scheduled(event, services)
        answer: dict[str, Any] = gateway(event, context)
        return answer


def scheduled(event: dict[str, Any], services: Services) -> dict[str, Any]:
    """Start the execution of a schedule's command, exactly once; returns its id.

    Raises:
        InvalidInputError: The event lacks its name, its time or its command, or the command is wrong.
        UnsupportedError: This version cannot carry out the command.
        RemoteUnavailableError: It is stored, and must be started by delivering the event again.
    """
    missing = [name for name in ("name", "time", "command") if not event.get(name)]
    if missing:
        raise InvalidInputError(f"the event of a schedule lacks {', '.join(missing)}")
    command = parse_command(json.dumps(event["command"]))
    refuse_unavailable(command)
    wanted = Execution(
        id=services.clock.new_id(),
        command=command.model_dump(mode="json"),
        fingerprint=fingerprint(command),
        caller=SCHEDULER,
        idempotency_key=f"{event['name']} {event['time']}",
        created=services.clock.now(),
    )
    return {"execution_id": submit(services, wanted, Response()).id}


def create_services(settings: ApiSettings, clock: Clock | None = None) -> Services:
    """What the API of the production deployment has behind it.

    Raises:
        RemoteUnavailableError: Secrets Manager did not answer.
        RemoteRefusedError: The secret that signs cursors is not there, or may not be read.
    """
    clock = clock or SystemClock()
    aws = Aws.of(settings)
    tables = Tables.of(settings)
    runs = DynamoRunStore(tables, clock)
    orchestrator = StepFunctionsOrchestrator(aws, runs, settings.state_machine)
    cursor_key = Secrets(aws, clock, settings.secret_cache_s).get(settings.cursor_secret)
    return Services(
        runs=runs,
        sync_configs=DynamoSyncConfigStore(tables, clock),
        keys=DynamoKeyStore(tables),
        orchestrator=orchestrator,
        clock=clock,
        engine="emr",
        analyses=frozenset(Analysis),
        limiter=RateLimiter(clock, settings.rate_limit_requests, settings.rate_limit_window_s),
        audit=DynamoAuditStore(tables, clock),
        accounts=GfwAccounts.of(settings, clock),
        cursor_key=cursor_key.get_secret_value().encode(),
        # A Lambda answers whole and one request at a time, and API Gateway gives up after 30 s.
        streams=False,
        longest_wait_s=20,
        one_by_one=True,
        checks={"run_store": lambda: _trouble(runs), "orchestrator": orchestrator.trouble},
    )


def _services() -> tuple[Services, Mangum]:
    """Made for the first event, and again when the secrets have been used for long enough."""
    global _made  # noqa: PLW0603 - a Lambda container lives as long as its module
    if _made is None or time.monotonic() >= _made[2]:
        settings = read_settings(ApiSettings)
        services = create_services(settings)
        gateway = Mangum(create_app(services), lifespan="off")
        _made = services, gateway, time.monotonic() + settings.secret_cache_s
    return _made[0], _made[1]


def _trouble(runs: DynamoRunStore) -> str | None:
    try:
        runs.get_effect("health")
    except StorageError as error:
        return error.message
    return None
