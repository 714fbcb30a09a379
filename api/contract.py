"""The contract: what the framework writes of OpenAPI 3.1, completed by what it cannot know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from api import problem_types as types
from api.auth import is_public, scope_of
from api.links import add_links
from api.problem_types import BY_NAME
from api.responses import TYPES_KEY, header, problems
from api.schemas.backfills import BackfillChange, BackfillRequest
from api.schemas.executions import StopRequest
from api.schemas.problems import Problem
from api.schemas.sync_configs import SwitchType, SyncConfigPatch
from datapump.commands import COMMAND
from datapump.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import APIRouter

TITLE = "datapump"
VERSION = "1.0"
DESCRIPTION = """\
Keeps forest-monitoring statistics fresh. A command (run this analysis, sync these feeds) becomes an execution, an
execution becomes jobs, and each job publishes tables.

Send `Authorization: Bearer <key>`. Keys have one of the scopes `read`, `operate` and `admin`; each includes the ones
before it, and every operation names the one that it asks for. A deployment may take GFW tokens in the place of keys:
their holders' roles USER, MANAGER and ADMIN are these scopes.

Errors are problems (RFC 9457, `application/problem+json`), whose `type` leads to a description in words. Every answer
has an `X-Request-Id`, the caller's own if the request holds one. Every GET can be asked by HEAD, and OPTIONS tells the
methods, as does `Allow` of a 405; other origins are allowed nothing. Lists come in pages: follow the `Link` header with
rel=next; a cursor is signed and holds to its list and filters; events are counted, and page by `after`. Times are in
UTC. Unknown query parameters are refused.

An `Idempotency-Key` stands for its execution or backfill for 30 days, and in any case until that has ended.

Each caller may ask so often: `RateLimit-Policy` names the quota `q` and the seconds `w` in which it is given back,
`RateLimit` the requests `r` that are left and the seconds `t` until all are back. Beyond that, 429 and `Retry-After`.

A member, parameter or route is deprecated for at least six months before it goes: meanwhile it works as before, is
marked `deprecated` in this contract, and its answers have the `Deprecation` (RFC 9745) and `Sunset` (RFC 8594) headers.
New members may be added to answers at any time; ignore those that you do not know."""
TAGS = [
    {"name": "commands", "description": "Ask for something."},
    {"name": "executions", "description": "What became of it."},
    {"name": "sync configs", "description": "Which analyses follow which feeds, and their switches."},
    {"name": "backfills", "description": "A sync for each of many sync versions."},
    {"name": "results", "description": "The tables that were published."},
    {
        "name": "service",
        "description": "Whether the service works, what it can do, how fresh its tables are, and who asked it.",
    },
    {"name": "documentation", "description": "The API about itself."},
]
ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)
REF = "#/components/schemas/{model}"
SECURITY = "key"
IF_MATCH = "If-Match"
SECURITY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "A caller's key, as an operator of the deployment made it.",
}
REQUEST_ID_PARAMETER = {
    "name": "X-Request-Id",
    "in": "header",
    "required": False,
    "description": "Names the request in its answer, its problem, the log and the audit, if it is 1 to 128 letters, "
    "digits, dots, hyphens or underscores; otherwise it gets a new name.",
    "schema": {"type": "string"},
}
HEADERS = {
    "Retry-After": header("After how many seconds to ask again.", "5"),
    "WWW-Authenticate": header("Which credentials are asked for; of a 403 also the scope.", 'Bearer realm="datapump"'),
    "RateLimit-Policy": header("The quota `q` and the seconds `w` in which it is given back.", '"caller";q=6000;w=60'),
    "RateLimit": header("The requests `r` that are left, and the seconds `t` until all are.", '"caller";r=5999;t=1'),
    "Accept": header("The media types that are read.", "application/json"),
    "Busy": header("With rel=related: the execution to wait for.", '</executions/0198c0ff>; rel="related"'),
}
# Who the caller is, and so what is left to them, is not known then, or may not be.
UNCOUNTED = frozenset({"401", "500", "503"})
LIMITED = ("RateLimit-Policy", "RateLimit")
REQUEST_ID = header("The request's id: the caller's `X-Request-Id` if it is safe, otherwise a new one.", "8f3c-1")


def complete(document: dict[str, Any], routers: Sequence[APIRouter]) -> dict[str, Any]:
    """The whole contract.

    Args:
        document: What the framework made of the routes.
        routers: All routes.
    """
    components = document["components"]
    components["securitySchemes"] = {SECURITY: SECURITY_SCHEME}
    components["headers"] = {"RequestId": REQUEST_ID, **HEADERS}
    components["parameters"] = {"RequestId": REQUEST_ID_PARAMETER}
    components["schemas"] = _schemas(components["schemas"])
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute):
                for method in route.methods or ():
                    _complete_operation(document["paths"][route.path][method.lower()], route)
    add_links(document["paths"])
    return document


def _complete_operation(operation: dict[str, Any], route: APIRoute) -> None:
    common = [types.INVALID_PARAMETER, types.INTERNAL_ERROR]
    if not is_public(route.endpoint):
        common += [types.UNAUTHORIZED, types.FORBIDDEN, types.RATE_LIMITED, types.STORE_UNAVAILABLE]
        common += [types.REMOTE_FAILURE, types.REMOTE_UNAVAILABLE]
        operation["security"] = [{SECURITY: []}]
        operation["description"] += f"\n\nAsks for the scope `{scope_of(route.endpoint)}`."
    responses: dict[str, Any] = operation["responses"]
    declared = [BY_NAME[name] for response in responses.values() for name in response.get(TYPES_KEY, ())]
    for status, response in problems(*declared, *(kind for kind in common if kind not in declared)).items():
        responses[str(status)] = response
    for status, response in responses.items():
        response["headers"] = {
            **response.get("headers", {}),
            **_headers(status, response, is_limited=not is_public(route.endpoint)),
            "X-Request-Id": {"$ref": "#/components/headers/RequestId"},
        }
    operation["responses"] = dict(sorted(responses.items()))
    for parameter in operation.get("parameters", ()):
        _complete_parameter(parameter)
    operation["parameters"] = [*operation.get("parameters", ()), {"$ref": "#/components/parameters/RequestId"}]


def _headers(status: str, response: dict[str, Any], *, is_limited: bool) -> dict[str, dict[str, str]]:
    """The headers of an answer that are not its route's own."""
    kinds = [BY_NAME[name] for name in response.get(TYPES_KEY, ())]
    names: list[str] = list(LIMITED) if is_limited and status not in UNCOUNTED else []
    if any(kind.retry_after_s is not None for kind in kinds) or types.RATE_LIMITED in kinds:
        names.append("Retry-After")
    if status in {"401", "403"}:
        names.append("WWW-Authenticate")
    if types.UNSUPPORTED_MEDIA_TYPE in kinds:
        names.append("Accept")
    found = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return {**found, "Link": {"$ref": "#/components/headers/Busy"}} if types.TARGET_BUSY in kinds else found


def _complete_parameter(parameter: dict[str, Any]) -> None:
    """What can be left out is not null, and a change without the state that it changes is refused."""
    schema: dict[str, Any] = parameter["schema"]
    given = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(given) == 1:
        del schema["anyOf"]
        schema.update(given[0])
    parameter["required"] = parameter["required"] or parameter["name"] == IF_MATCH


def _schemas(made: dict[str, Any]) -> dict[str, Any]:
    """The framework's schemas, with those of the bodies that it does not read and without those of its own errors."""
    command = COMMAND.json_schema(ref_template=REF)
    _, others = models_json_schema(
        [
            (StopRequest, "validation"),
            (SyncConfigPatch, "validation"),
            (SwitchType, "validation"),
            (BackfillRequest, "validation"),
            (BackfillChange, "validation"),
            (Problem, "serialization"),
        ],
        ref_template=REF,
    )
    schemas = {name: schema for name, schema in made.items() if name not in {"HTTPValidationError", "ValidationError"}}
    for name, schema in {**command.pop("$defs"), **others["$defs"], "Command": command}.items():
        if schemas.setdefault(name, schema) != schema:
            raise InternalError(f"two schemas are called {name}: rename one of the models")
    for schema in schemas.values():
        _describe_properties(schema)
        _tighten(schema, schemas)
    return dict(sorted(schemas.items()))


def _tighten(schema: Any, schemas: dict[str, Any]) -> None:  # noqa: ANN401 - any part of a schema
    """Say what pydantic checks and leaves out of its schemas.

    Each variant of a union needs what tells it from the others, whose default does not count there; keys that match no
    pattern are refused.
    """
    for value in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        _tighten(value, schemas)
    if not isinstance(schema, dict):
        return
    if "patternProperties" in schema:
        schema["additionalProperties"] = False
    told = schema.get("discriminator")
    if isinstance(told, dict):
        for reference in told.get("mapping", {}).values():
            variant = schemas[reference.rsplit("/", 1)[1]]
            variant["required"] = sorted({*variant.get("required", ()), told["propertyName"]})


def _describe_properties(schema: dict[str, Any]) -> None:
    """Move what a docstring says of attributes to the properties; an enumeration has none."""
    if "properties" not in schema:
        return
    text, _, attributes = schema.get("description", "").partition("\n\nAttributes:\n")
    if attributes:
        schema["description"] = text
    for name, words in ATTRIBUTE.findall(attributes):
        if name in schema["properties"]:
            schema["properties"][name]["description"] = " ".join(words.split())
