"""The app: routes, error handlers, middleware."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from api.auth import authorize
from api.console import PATH, console
from api.contract import DESCRIPTION, TAGS, TITLE, VERSION, complete
from api.middleware import Envelope
from api.parameters import refuse_repeated
from api.problems import answer
from api.routes import ROUTERS
from datapump.errors import DatapumpError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi.routing import APIRoute
    from starlette.requests import Request

    from api.services import Services


class Api(FastAPI):
    """The control plane's app, whose contract is OpenAPI 3.1."""

    def openapi(self) -> dict[str, Any]:
        """The contract, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = complete(super().openapi(), ROUTERS)
        return self.openapi_schema

    @cached_property
    def contract(self) -> bytes:
        """The contract as JSON, written once."""
        return json.dumps(self.openapi(), ensure_ascii=False).encode()


def build() -> Api:
    """The app with nothing behind it, enough to describe it."""
    app = Api(
        title=TITLE,
        version=VERSION,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        license_info={"name": "MIT", "identifier": "MIT"},
        openapi_url=None,
        redirect_slashes=False,
        dependencies=[Depends(authorize), Depends(refuse_repeated)],
        generate_unique_id_function=_operation_id,
        # The framework would look for exporters in the environment, which only datapump's settings read.
        telemetry={
            "auto_configure": False,
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
        },
    )
    for router in ROUTERS:
        app.include_router(router)
    app.state.api_routes = [route for router in ROUTERS for route in router.routes]
    app.state.literal_methods = _literal_methods(app.state.api_routes)
    for kind in (DatapumpError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, answer)
    app.add_middleware(Envelope)
    app.add_route(PATH, _to_console, include_in_schema=False)
    app.mount(PATH, console())
    return app


def create_app(services: Services) -> Api:
    """The control plane over the given services.

    It reads no environment and starts nothing: the orchestrator behind it is started and stopped by whoever made it.
    """
    app = build()
    app.state.services = services
    return app


def _literal_methods(routes: Iterable[APIRoute]) -> dict[str, set[str]]:
    """The methods of the addresses without parameters, each of which could also be what a parameter stands for."""
    methods: dict[str, set[str]] = {}
    for route in routes:
        if "{" not in route.path:
            methods.setdefault(route.path, set()).update(route.methods or ())
    return methods


async def _to_console(_: Request) -> RedirectResponse:
    """The console's own address ends with a slash."""
    return RedirectResponse(f"{PATH}/", status_code=308)


def _operation_id(route: APIRoute) -> str:
    return route.name
