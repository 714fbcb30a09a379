"""The Data API as an ASGI application: by itself, or mounted in another one."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from datapump.embedded.data_api import errors
from datapump.embedded.data_api.context import no_checkpoint
from datapump.embedded.data_api.middleware import BodyLimit, Latest, NoCache
from datapump.embedded.data_api.routes import assets, datasets, query, tiles, versions
from datapump.embedded.data_api.service import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from datapump.clock import Clock
    from datapump.embedded.data_api.settings import DataApiSettings
    from datapump.objects import Objects


def create_data_api(
    settings: DataApiSettings,
    objects: Objects,
    clock: Clock,
    checkpoint: Callable[[str, int], None] = no_checkpoint,
) -> FastAPI:
    """Make the application.

    Run by itself it starts and stops its service. Mounted, `app.mount("/data-api", data_api)`, its lifespan is
    not run: call `data_api.state.service.start()` and `.stop()`, and let `settings.public_url` end in the path.

    Args:
        settings: What it is told; `settings.folder` is its own.
        objects: Where sources are read from and files are written to.
        clock: Time and ids.
        checkpoint: Is told each point that background work reaches; for tests.
    """
    service = Service(settings, objects, clock, checkpoint)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(service.start)
        yield
        await run_in_threadpool(service.stop)

    app = FastAPI(
        title="Embedded Data API",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        strict_content_type=False,
    )
    app.state.service = service
    errors.install(app)
    for module in (datasets, query, versions, assets, tiles):
        app.include_router(module.router)
    # the one added last is the outermost
    app.add_middleware(Latest, service=service)
    app.add_middleware(NoCache)
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes)
    return app
