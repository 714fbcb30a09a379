"""The production deployment put together: what a handler has behind it. Nothing is connected before it is used."""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from datapump.aws import Aws
from datapump.buckets import Buckets
from datapump.clients.areas_api import AreasApi
from datapump.clients.data_api import DataApi
from datapump.clients.webhooks import Webhooks
from datapump.clock import SystemClock
from datapump.engines.choice import ChoosingEngine, Limits
from datapump.engines.emr import EmrEngine, EmrOptions
from datapump.errors import DatapumpError
from datapump.objects import Objects
from datapump.ports import Ports
from datapump.secrets import Secrets
from datapump.settings import read_settings
from datapump.stores.dynamodb import DynamoRunStore, DynamoSyncConfigStore, DynamoTargetStore, Tables

if TYPE_CHECKING:
    from datapump.clock import Clock
    from datapump.settings import ProductionSettings

logger = logging.getLogger(__name__)
NOTIFIED = frozenset({"staging", "production"})


def create_ports(settings: ProductionSettings, clock: Clock | None = None) -> Ports:
    """What the dispatcher, the executor and the postprocessor need from outside.

    Raises:
        RemoteUnavailableError: Secrets Manager did not answer.
        RemoteRefusedError: The token is not there, or may not be read; or the key of the Areas API.
    """
    clock = clock or SystemClock()
    aws = Aws.of(settings)
    secrets = Secrets(aws, clock, settings.secret_cache_s)
    objects = Objects(None, Buckets.of(settings), gcs_key=lambda: secrets.get(settings.gcs_secret))
    tables = Tables.of(settings)
    clusters = EmrEngine(aws, objects, clock, EmrOptions.of(settings))
    token = secrets.get(settings.api_secret, "token")
    return Ports(
        settings=settings,
        clock=clock,
        runs=DynamoRunStore(tables, clock),
        sync_configs=DynamoSyncConfigStore(tables, clock),
        objects=objects,
        data_api=DataApi(settings.data_api_url or "", token, settings.data_api_timeout_s),
        engine=ChoosingEngine({"emr": clusters}, None, Limits.of(settings)),
        notifier=Webhooks.of(_with_webhooks(settings, secrets)),
        areas_api=_areas_api(settings, token, secrets),
        targets=DynamoTargetStore(tables, clock),
    )


class Connected:
    """A handler's ports: made when it is first called, and again when its secrets have been used for long enough.

    Args:
        settings: What its environment must hold; checked before anything else happens.
    """

    def __init__(self, settings: type[ProductionSettings]) -> None:
        self._settings = settings
        self._made: tuple[Ports, float] | None = None
        self._lock = threading.Lock()

    def ports(self) -> Ports:
        """What the handler needs from outside.

        Raises:
            InternalError: The environment lacks a setting, or holds a bad one; the message names it.
            RemoteUnavailableError: Secrets Manager did not answer.
            RemoteRefusedError: The token is not there, or may not be read.
        """
        with self._lock:
            if self._made is None or time.monotonic() >= self._made[1]:
                settings = read_settings(self._settings)
                ports = create_ports(settings)
                self.close()
                self._made = ports, time.monotonic() + settings.secret_cache_s
            return self._made[0]

    def close(self) -> None:
        """Let go of the connections; the next call makes new ones."""
        if self._made is not None:
            self._made[0].data_api.close()
            if self._made[0].areas_api is not None:
                self._made[0].areas_api.close()
        self._made = None


def _areas_api(settings: ProductionSettings, token: SecretStr, secrets: Secrets) -> AreasApi | None:
    url = settings.areas_api_url
    if url is None:
        return None
    api_key = None if settings.rw_secret is None else secrets.get(settings.rw_secret, "api_key")
    return AreasApi(url, token, settings.areas_api_timeout_s, api_key=api_key)


def _with_webhooks(settings: ProductionSettings, secrets: Secrets) -> ProductionSettings:
    """The settings with the webhooks of this environment, whose addresses are secrets."""
    if settings.environment not in NOTIFIED:
        return settings
    names = {"slack_webhooks": settings.slack_secret, "gnw_webhooks": settings.gnw_secret}
    return settings.model_copy(update={field: _addresses(name, secrets) for field, name in names.items()})


def _addresses(name: str, secrets: Secrets) -> dict[str, SecretStr]:
    """Without its webhooks the pipeline does its work all the same, and what was not sent stands in the events."""
    try:
        told: Any = json.loads(secrets.get(name).get_secret_value())
    except DatapumpError as error:
        logger.warning("no notifications: %s", error.message)
        return {}
    except json.JSONDecodeError:
        logger.warning("no notifications: the secret %s is no JSON object of addresses", name)
        return {}
    return {str(key): SecretStr(str(value)) for key, value in told.items()}
