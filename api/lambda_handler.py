"""The API on Lambda: requests of API Gateway through Mangum, and the schedules: of the nights, and of backfills.

The routes and their schemas are loaded for the first request: importing this module stays near the cost of its
libraries, and the event of a schedule does without them. What the first request costs then is in `docs/limits.md`.
"""

from __future__ import annotations

import logging
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from api.services import Services
from datapump.analyses import Analysis
from datapump.aws import Aws
from datapump.clock import SystemClock
from datapump.errors import RemoteRefusedError, RemoteUnavailableError, StorageError
from datapump.rate_limits import RateLimiter
from datapump.secrets import Secrets
from datapump.settings import ApiSettings, read_settings
from datapump.stores.dynamodb import (
    DynamoAuditStore,
    DynamoKeyStore,
    DynamoRunStore,
    DynamoSyncConfigStore,
    DynamoTargetStore,
    Tables,
)
from state_machine.step_functions import StepFunctionsOrchestrator
from state_machine.telemetry import request_id, telemetry

if TYPE_CHECKING:
    from mangum import Mangum
    from pydantic import SecretStr

    from datapump.clients.data_api import DataApi
    from datapump.clients.gfw_accounts import GfwAccounts
    from datapump.clock import Clock

logger = logging.getLogger(__name__)
SCHEDULE = "datapump.schedule"
AGAIN_S = 60
_made: _Made | None = None


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's context has no type
    """Answer a request, or do what a schedule asks for.

    A nightly schedule's event is `{source: "datapump.schedule", name, time, command}`: its name and the time that it
    was to fire at are its idempotency key, so that an event that is delivered twice starts one execution. That of the
    backfills is `{source: "datapump.schedule", carry: "backfills"}`, and starts nothing twice either.
    """
    made = _now()
    with telemetry("api").about(request_id(context)):
        if event.get("source") == SCHEDULE:
            return _scheduled(event, made)
        answer: dict[str, Any] = made.gateway(event, context)
        return answer


def create_services(settings: ApiSettings, clock: Clock | None = None) -> Services:
    """What the API of the production deployment has behind it.

    Raises:
        RemoteUnavailableError: Secrets Manager did not answer.
        RemoteRefusedError: The secret that signs cursors is not there, or may not be read.
    """
    from datapump.backfilling import Backfills  # noqa: PLC0415 - see the top of this module
    from datapump.stores.dynamodb.backfills import DynamoBackfillStore  # noqa: PLC0415 - as above

    clock = clock or SystemClock()
    aws = Aws.of(settings)
    tables = Tables.of(settings)
    runs = DynamoRunStore(tables, clock)
    configs, targets = DynamoSyncConfigStore(tables, clock), DynamoTargetStore(tables, clock)
    orchestrator = StepFunctionsOrchestrator(aws, runs, settings.state_machine)
    store = DynamoBackfillStore(tables, clock)
    secrets = Secrets(aws, clock, settings.secret_cache_s)
    cursor_key = secrets.get(settings.cursor_secret)
    return Services(
        runs=runs,
        sync_configs=configs,
        keys=DynamoKeyStore(tables),
        orchestrator=orchestrator,
        clock=clock,
        engines=("emr",),
        analyses=frozenset(Analysis),
        limiter=RateLimiter(clock, settings.rate_limit_requests, settings.rate_limit_window_s),
        audit=DynamoAuditStore(tables, clock),
        targets=targets,
        backfills=Backfills(store, runs, configs, targets, clock, orchestrator.start, orchestrator.stop),
        accounts=_accounts(settings, clock, secrets),
        # Clusters leave no outlines, so there are no objects to read.
        data_api=Published(settings, secrets),
        cursor_key=cursor_key.get_secret_value().encode(),
        # A Lambda answers whole and one request at a time, and API Gateway gives up after 30 s.
        streams=False,
        longest_wait_s=20,
        one_by_one=True,
        checks={"run_store": lambda: _trouble(runs), "orchestrator": orchestrator.trouble},
    )


def _accounts(settings: ApiSettings, clock: Clock, secrets: Secrets) -> GfwAccounts | None:
    if settings.rw_api_url is None:
        return None
    from datapump.clients.gfw_accounts import GfwAccounts  # noqa: PLC0415 - brings an HTTP client along

    api_key = None if settings.rw_secret is None else secrets.get(settings.rw_secret, "api_key")
    return GfwAccounts.of(settings.model_copy(update={"rw_api_key": api_key}), clock)


def _scheduled(event: dict[str, Any], made: _Made) -> dict[str, Any]:
    from api.scheduled import carry, scheduled  # noqa: PLC0415 - see the top of this module

    if "carry" not in event:
        return scheduled(event, made.services)
    told = carry(event, made.services)
    telemetry("api").carried(made.environment)
    return told


def _now() -> _Made:
    """Made for the first event, and again when the secrets have been used for long enough.

    Where Secrets Manager does not answer then, what there is goes on for a while: its outage is not the API's.
    """
    global _made  # noqa: PLW0603 - a Lambda container lives as long as its module
    if _made is None or time.monotonic() >= _made.until:
        settings = read_settings(ApiSettings)
        try:
            fresh = _Made(create_services(settings), settings.environment, time.monotonic() + settings.secret_cache_s)
        except RemoteUnavailableError as error:
            if _made is None:
                raise
            logger.warning("the secrets are used on for %s s: %s", AGAIN_S, error.message)
            _made.until = time.monotonic() + AGAIN_S
            return _made
        if _made is not None:
            _made.close()
        _made = fresh
    return _made


class _Made:
    """What lives as long as the secrets in it are used.

    Args:
        services: What the API has behind it.
        environment: Which stage this is.
        until: On the monotonic clock.
    """

    def __init__(self, services: Services, environment: str, until: float) -> None:
        self.services = services
        self.environment = environment
        self.until = until

    def close(self) -> None:
        """Let go of the connections."""
        if isinstance(self.services.data_api, Published):
            self.services.data_api.close()

    @cached_property
    def gateway(self) -> Mangum:
        """Carries requests to the app."""
        from mangum import Mangum  # noqa: PLC0415 - see the top of this module

        from api.app import create_app  # noqa: PLC0415 - as above

        return Mangum(create_app(self.services), lifespan="off")


class Published:
    """Gives the Data API, to which nothing is connected before a published table is asked for.

    Args:
        settings: Where it is.
        secrets: Where its API key is kept.
    """

    def __init__(self, settings: ApiSettings, secrets: Secrets) -> None:
        self._settings = settings
        self._secrets = secrets

    def __call__(self) -> DataApi:
        """The Data API, to be read.

        Raises:
            RemoteUnavailableError: Secrets Manager did not answer.
        """
        return self._data_api

    def close(self) -> None:
        """Let go of the connections."""
        if "_data_api" in self.__dict__:
            self._data_api.close()

    @cached_property
    def _data_api(self) -> DataApi:
        from datapump.clients.data_api import DataApi  # noqa: PLC0415 - brings an HTTP client along

        return DataApi(self._settings.data_api_url or "", None, self._settings.query_timeout_s, api_key=self._key())

    def _key(self) -> SecretStr | None:
        """Without one, what tables there are and their columns can be told all the same."""
        try:
            return self._secrets.get(self._settings.query_secret, "api_key")
        except RemoteRefusedError as error:
            logger.warning("published tables are not queried: %s", error.message)
            return None


def _trouble(runs: DynamoRunStore) -> str | None:
    try:
        runs.get_effect("health")
    except StorageError as error:
        return error.message
    return None
