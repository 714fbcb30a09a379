"""The embedded deployment put together: API, orchestrator, engine and Data API in one process on one machine."""

from __future__ import annotations

from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Mount

from api.app import create_app
from api.services import Services
from datapump.backfilling import Backfills
from datapump.buckets import Buckets
from datapump.clients.areas_api import AreasApi
from datapump.clients.data_api import DataApi
from datapump.clients.gfw_accounts import GfwAccounts
from datapump.clients.webhooks import Webhooks
from datapump.clock import SystemClock
from datapump.embedded.areas_api.app import create_areas_api
from datapump.embedded.areas_api.settings import AreasApiSettings
from datapump.embedded.data_api.app import create_data_api
from datapump.embedded.data_api.settings import DataApiSettings
from datapump.errors import DatapumpError, StorageError
from datapump.objects import Objects
from datapump.ports import Ports
from datapump.rate_limits import RateLimiter
from datapump.recipes import recipes
from datapump.schedules import Scheduler
from datapump.stores.sqlite import Database, SqliteStores
from state_machine.data_folder import ensure_owner, lock_folder, own_secret
from state_machine.engines import embedded_engine
from state_machine.local import LocalOrchestrator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import IO

    from fastapi import FastAPI

    from datapump.clock import Clock
    from datapump.engines import EngineName
    from datapump.settings import Settings

DATA_API_PATH = "/data-api"
AREAS_API_PATH = "/areas-api"


class Embedded(NamedTuple):
    """A deployment that is put together: its app, and what is behind it."""

    app: Starlette
    ports: Ports


def create_embedded(settings: Settings, clock: Clock | None = None) -> Embedded:
    """Put the deployment together; its lifespan starts and stops what runs in the background.

    Raises:
        ConflictError: Another server runs on the same data folder, or it is to use clusters that could not read its
            buckets.
        DataError: A recipe is not valid.
        StorageError: The data folder cannot be used.
    """
    recipes(settings.recipes)
    with ExitStack() as undo:
        lock = lock_folder(settings.data_dir)
        undo.callback(lock.close)
        embedded = _put_together(settings, clock or SystemClock(), lock, undo)
        # The lifespan closes what is open, from now on.
        undo.pop_all()
    return embedded


def _put_together(settings: Settings, clock: Clock, lock: IO[str], undo: ExitStack) -> Embedded:
    database = Database(settings.data_dir / "datapump.sqlite")
    undo.callback(database.close)
    stores = SqliteStores(database, clock)
    ensure_owner(settings, stores.keys, clock)
    token, areas_token = own_secret(settings, "data-api-token"), own_secret(settings, "areas-api-token")
    objects = Objects(settings.data_dir.resolve() / "objects", Buckets.of(settings))
    data_api = _data_api_client(settings, token)
    engine = embedded_engine(settings, objects, clock, data_api)
    ports = Ports(
        settings=settings,
        clock=clock,
        runs=stores.runs,
        sync_configs=stores.sync_configs,
        objects=objects,
        data_api=data_api,
        engine=engine,
        notifier=Webhooks.of(settings),
        areas_api=_areas_api_client(settings, areas_token),
        targets=stores.targets,
    )
    behind = _Behind(
        ports=ports,
        lock=lock,
        database=database,
        data_api=create_data_api(_data_api_settings(settings, token), objects, clock),
        areas_api=create_areas_api(_areas_api_settings(settings, areas_token), clock),
        orchestrator=LocalOrchestrator(stores.runs, ports, settings.orchestrator_threads),
    )
    api = create_app(_services(ports, stores, behind.orchestrator, engine.names))
    routes = [Mount(DATA_API_PATH, behind.data_api), Mount(AREAS_API_PATH, behind.areas_api), Mount("/", api)]
    return Embedded(Starlette(routes=routes, lifespan=lambda app: _running(app, behind)), ports)


@dataclass(frozen=True)
class _Behind:
    """What stands behind an app, to be started and stopped with it."""

    ports: Ports
    lock: IO[str]
    database: Database
    data_api: FastAPI
    areas_api: FastAPI
    orchestrator: LocalOrchestrator


@asynccontextmanager
async def _running(app: Starlette, behind: _Behind) -> AsyncIterator[None]:
    ports, service = behind.ports, behind.data_api.state.service
    with ExitStack() as stack:
        stack.callback(behind.lock.close)
        stack.callback(behind.database.close)
        stack.callback(ports.data_api.close)
        stack.callback(behind.areas_api.state.store.close)
        if ports.areas_api is not None:
            stack.callback(ports.areas_api.close)
        try:
            service.start()
            stack.callback(service.stop)
            behind.orchestrator.open()
        except DatapumpError as error:
            # The server that loads this app knows only that it did not start.
            app.state.trouble = error
            raise
        stack.callback(behind.orchestrator.close)
        yield


def _services(
    ports: Ports, stores: SqliteStores, orchestrator: LocalOrchestrator, engines: tuple[EngineName, ...]
) -> Services:
    """What the API has behind it; what is carried beside the executions is handed to the orchestrator."""
    settings, clock = ports.settings, ports.clock
    backfills = Backfills(
        stores.backfills,
        stores.runs,
        stores.sync_configs,
        stores.targets,
        clock,
        orchestrator.start,
        orchestrator.stop,
    )
    orchestrator.carry_also(backfills.carry)
    if settings.nightly:
        orchestrator.carry_also(Scheduler(ports).submit_due)
    return Services(
        runs=stores.runs,
        sync_configs=stores.sync_configs,
        keys=stores.keys,
        orchestrator=orchestrator,
        clock=clock,
        data_api=lambda: ports.data_api,
        objects=ports.objects,
        engines=engines,
        analyses=frozenset(ports.engine.analyses),
        limiter=RateLimiter(clock, settings.rate_limit_requests, settings.rate_limit_window_s),
        audit=stores.audit,
        accounts=GfwAccounts.of(settings, clock),
        targets=stores.targets,
        backfills=backfills,
        wake=orchestrator.wake,
        cursor_key=own_secret(settings, "cursor-key").encode(),
        checks={"run_store": lambda: _trouble(stores.database), "orchestrator": orchestrator.trouble},
    )


def _trouble(database: Database) -> str | None:
    try:
        database.row("SELECT 1")
    except StorageError as error:
        return error.message
    return None


def _data_api_client(settings: Settings, token: str) -> DataApi:
    if settings.data_api_url is not None:
        return DataApi(
            settings.data_api_url,
            settings.data_api_token,
            settings.data_api_timeout_s,
            api_key=settings.data_api_key,
        )
    url = f"http://{settings.host}:{settings.port}{DATA_API_PATH}"
    return DataApi(url, SecretStr(token), settings.data_api_timeout_s)


def _data_api_settings(settings: Settings, token: str) -> DataApiSettings:
    return DataApiSettings.model_validate(
        {
            "folder": settings.data_dir / "data_api",
            "public_url": f"http://{settings.host}:{settings.port}{DATA_API_PATH}",
            "tokens": {token: {"role": "ADMIN", "user_id": "datapump"}},
            "data_lake_bucket": settings.data_lake_bucket,
        }
    )


def _areas_api_client(settings: Settings, token: str) -> AreasApi:
    timeout_s, api_key = settings.areas_api_timeout_s, settings.areas_api_key
    if settings.areas_api_url is not None:
        return AreasApi(settings.areas_api_url, settings.areas_api_token, timeout_s, api_key=api_key)
    return AreasApi(f"http://{settings.host}:{settings.port}{AREAS_API_PATH}", SecretStr(token), timeout_s)


def _areas_api_settings(settings: Settings, token: str) -> AreasApiSettings:
    return AreasApiSettings.model_validate(
        {
            "store": settings.data_dir / "areas_api" / "areas.sqlite",
            "folder": settings.areas_folder or settings.data_dir / "areas",
            "public_url": f"http://{settings.host}:{settings.port}{AREAS_API_PATH}",
            "tokens": {token: {"role": "ADMIN", "user_id": "datapump"}},
        }
    )
