"""The embedded deployment put together: API, orchestrator, engine and Data API in one process on one machine."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, asynccontextmanager
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
from datapump.errors import ConflictError, DatapumpError, StorageError
from datapump.keys import ApiKey, Scope, digest, new_secret
from datapump.objects import Objects
from datapump.ports import Ports
from datapump.rate_limits import RateLimiter
from datapump.recipes import recipes
from datapump.schedules import Scheduler
from datapump.secret_files import read_or_make, replace
from datapump.stores.sqlite import (
    Database,
    SqliteAuditStore,
    SqliteBackfillStore,
    SqliteKeyStore,
    SqliteRunStore,
    SqliteSyncConfigStore,
    SqliteTargetStore,
)
from state_machine.engines import embedded_engine
from state_machine.local import LocalOrchestrator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from typing import IO

    from datapump.clock import Clock
    from datapump.settings import Settings

DATA_API_PATH = "/data-api"
AREAS_API_PATH = "/areas-api"


class Embedded(NamedTuple):
    """A deployment that is put together: its app, and what is behind it."""

    app: Starlette
    ports: Ports


def admin_key_file(settings: Settings) -> Path:
    """Where the server leaves the key of its owner."""
    return settings.data_dir / "secrets" / "admin-key"


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
        lock = _lock(settings.data_dir)
        undo.callback(lock.close)
        embedded = _put_together(settings, clock or SystemClock(), lock, undo)
        # The lifespan closes what is open, from now on.
        undo.pop_all()
    return embedded


def _put_together(settings: Settings, clock: Clock, lock: IO[str], undo: ExitStack) -> Embedded:
    database = Database(settings.data_dir / "datapump.sqlite")
    undo.callback(database.close)
    objects = Objects(settings.data_dir.resolve() / "objects", Buckets.of(settings))
    keys = SqliteKeyStore(database)
    _ensure_owner(settings, keys, clock)
    token = read_or_make(settings.data_dir / "secrets" / "data-api-token", new_secret)
    areas_token = read_or_make(settings.data_dir / "secrets" / "areas-api-token", new_secret)
    runs = SqliteRunStore(database, clock)
    data_api_client = _data_api_client(settings, token)
    targets = SqliteTargetStore(database, clock)
    engine = embedded_engine(settings, objects, clock, data_api_client)
    ports = Ports(
        settings=settings,
        clock=clock,
        runs=runs,
        sync_configs=SqliteSyncConfigStore(database, clock),
        objects=objects,
        data_api=data_api_client,
        engine=engine,
        notifier=Webhooks.of(settings),
        areas_api=_areas_api_client(settings, areas_token),
        targets=targets,
    )
    data_api = create_data_api(_data_api_settings(settings, token), objects, clock)
    areas_api = create_areas_api(_areas_api_settings(settings, areas_token), clock)
    orchestrator = LocalOrchestrator(runs, ports, settings.orchestrator_threads)
    backfills = Backfills(
        SqliteBackfillStore(database), runs, ports.sync_configs, targets, clock, orchestrator.start, orchestrator.stop
    )
    orchestrator.carry_also(backfills.carry)
    if settings.nightly:
        orchestrator.carry_also(Scheduler(ports).submit_due)
    services = Services(
        runs=runs,
        sync_configs=ports.sync_configs,
        keys=keys,
        orchestrator=orchestrator,
        clock=clock,
        data_api=lambda: data_api_client,
        objects=objects,
        engines=engine.names,
        analyses=frozenset(ports.engine.analyses),
        limiter=RateLimiter(clock, settings.rate_limit_requests, settings.rate_limit_window_s),
        audit=SqliteAuditStore(database),
        accounts=GfwAccounts.of(settings, clock),
        targets=targets,
        backfills=backfills,
        wake=orchestrator.wake,
        cursor_key=read_or_make(settings.data_dir / "secrets" / "cursor-key", new_secret).encode(),
        checks={"run_store": lambda: _trouble(database), "orchestrator": orchestrator.trouble},
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with ExitStack() as stack:
            stack.callback(lock.close)
            stack.callback(database.close)
            stack.callback(ports.data_api.close)
            stack.callback(areas_api.state.store.close)
            if ports.areas_api is not None:
                stack.callback(ports.areas_api.close)
            try:
                data_api.state.service.start()
                stack.callback(data_api.state.service.stop)
                orchestrator.open()
            except DatapumpError as error:
                # The server that loads this app knows only that it did not start.
                app.state.trouble = error
                raise
            stack.callback(orchestrator.close)
            yield

    routes = [Mount(DATA_API_PATH, data_api), Mount(AREAS_API_PATH, areas_api), Mount("/", create_app(services))]
    app = Starlette(routes=routes, lifespan=lifespan)
    return Embedded(app, ports)


def _lock(folder: Path) -> IO[str]:
    """The data folder's lock, held as long as the process lives."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise StorageError(f"the data folder {folder} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ConflictError(f"another datapump server runs on the data folder {folder}: stop it first") from error
    for part in folder.iterdir():
        if part.is_dir() and not os.access(part, os.R_OK | os.W_OK | os.X_OK):
            lock.close()
            raise StorageError(
                f"the data folder {folder} cannot be used: {part} is not this user's to write; give it to the user "
                "that runs the server, or start the server as its owner"
            )
    return lock


def _trouble(database: Database) -> str | None:
    try:
        database.row("SELECT 1")
    except StorageError as error:
        return error.message
    return None


def _ensure_owner(settings: Settings, keys: SqliteKeyStore, clock: Clock) -> None:
    path = admin_key_file(settings)
    secret = read_or_make(path, new_secret)
    known = {key.digest: key for key in keys.list()}.get(digest(secret))
    if known is not None and known.revoked is not None:
        # A revoked key stays revoked, also where its secret still lies in the file.
        secret, known = new_secret(), None
        replace(path, secret)
    if known is None:
        keys.add(ApiKey(digest=digest(secret), caller="owner", scope=Scope.ADMIN, created=clock.now()))


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
