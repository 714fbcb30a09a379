"""The Areas API as an ASGI application: by itself, or mounted in another one."""

from __future__ import annotations

import hashlib
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from datapump.embedded.areas_api.errors import FORBIDDEN, UNAUTHORIZED, RefusalError, refused
from datapump.embedded.areas_api.pages import page
from datapump.embedded.areas_api.store import AreasStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from datapump.clock import Clock
    from datapump.embedded.areas_api.settings import AreasApiSettings, AreasCaller

MOST_GEOSTORES = 100


def create_areas_api(settings: AreasApiSettings, clock: Clock) -> FastAPI:
    """Make the application.

    Run by itself it closes its store at the end. Mounted, its lifespan is not run: call `app.state.store.close()`.

    Args:
        settings: What it is told.
        clock: Time and ids.
    """
    store = AreasStore(settings.store, clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        store.close()

    app = FastAPI(title="Embedded Areas API", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.store = store
    app.add_exception_handler(RefusalError, refused)
    _add_area_routes(app, settings, store)
    _add_geostore_route(app, settings, store)
    return app


def _add_area_routes(app: FastAPI, settings: AreasApiSettings, store: AreasStore) -> None:
    @app.post("/v2/area/sync")
    async def sync(request: Request) -> dict[str, Any]:
        _admin(request, settings)
        dry_run = request.query_params.get("dryRun") == "true"
        found = await run_in_threadpool(store.take_in, settings.folder, dry_run=dry_run)
        if not dry_run:
            await run_in_threadpool(store.log, "POST", "/v2/area/sync", "")
        return {"data": found}

    @app.get("/v2/area")
    async def areas(request: Request) -> dict[str, Any]:
        caller = _user(request, settings)
        query = request.query_params
        everybody = caller.role == "ADMIN" and query.get("all") == "true"
        user_id = None if everybody else caller.user_id
        found = await run_in_threadpool(store.areas, status=query.get("status"), user_id=user_id)
        env = query.get("env", "production")
        found = [area for area in found if env == "all" or area["attributes"].get("env") in env.split(",")]
        return page(found, query, f"{settings.public_url}/v2/area", settings.page_size)

    @app.post("/v2/area/update")
    async def update(request: Request) -> dict[str, Any]:
        _admin(request, settings)
        body = await _body(request, settings)
        geostores, changes = body.get("geostores", []), body.get("update_params", {})
        if not isinstance(geostores, list) or not isinstance(changes, dict):
            raise RefusalError(400, "geostores must be a list and update_params an object")
        await run_in_threadpool(store.log, "POST", "/v2/area/update", json.dumps(body, sort_keys=True))
        return {"data": await run_in_threadpool(store.update, [str(one) for one in geostores], changes)}


def _add_geostore_route(app: FastAPI, settings: AreasApiSettings, store: AreasStore) -> None:
    @app.post("/v2/geostore/find-by-ids")
    async def find(request: Request) -> JSONResponse:
        _check_api_key(request, settings)
        body = await _body(request, settings)
        ids = body.get("geostores")
        if not isinstance(ids, list):
            raise RefusalError(400, "Geostores not found")
        if not ids:
            raise RefusalError(404, "No GeoStores in payload")
        found, all_ids = await run_in_threadpool(store.geostores, [str(one) for one in ids], MOST_GEOSTORES)
        if not found:
            raise RefusalError(404, "No GeoStores found")
        data = [
            {"geostoreId": one, "geostore": {"data": {"type": "geoStore", "id": one, "attributes": attributes}}}
            for one, attributes in found
        ]
        info = {"found": len(all_ids), "foundIds": all_ids, "returned": len(data)}
        # A geometry may hold NaN, which this class would refuse to write and the service does not mind.
        return _AsItIs({"data": data, "info": info})


class _AsItIs(JSONResponse):
    def render(self, content: Any) -> bytes:  # noqa: ANN401 - starlette's own signature
        return json.dumps(content).encode()


def _check_api_key(request: Request, settings: AreasApiSettings) -> None:
    given = request.headers.get("x-api-key", "")
    if settings.api_key is not None and _digest(given) != _digest(settings.api_key):
        raise RefusalError(FORBIDDEN, "Required API key not found", UNAUTHORIZED)


def _user(request: Request, settings: AreasApiSettings) -> AreasCaller:
    _check_api_key(request, settings)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    # compared as digests, so that the time it takes tells nothing about a token
    known = {_digest(one): caller for one, caller in settings.tokens.items()}
    caller = known.get(_digest(token)) if scheme.lower() == "bearer" else None
    if caller is None:
        raise RefusalError(UNAUTHORIZED, "Unauthorized")
    return caller


def _admin(request: Request, settings: AreasApiSettings) -> None:
    if _user(request, settings).role != "ADMIN":
        raise RefusalError(UNAUTHORIZED, "Not authorized")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


async def _body(request: Request, settings: AreasApiSettings) -> dict[str, Any]:
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > settings.max_body_bytes:
            raise RefusalError(413, f"The request body is larger than {settings.max_body_bytes} bytes")
    try:
        body = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        raise RefusalError(400, "The request body is no JSON") from None
    if not isinstance(body, dict):
        raise RefusalError(400, "The request body is no JSON object")
    return body
