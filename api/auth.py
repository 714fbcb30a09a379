"""Who is asking, and may they: bearer keys, denied by default."""

from collections.abc import Callable
from typing import Annotated, TypeVar, cast

from fastapi import Depends, Request

from api.errors import InsufficientScopeError, RateLimitedError
from api.services import Services, ServicesOf
from api.threads import offloaded
from datapump.errors import ForbiddenError, UnauthorizedError
from datapump.keys import PREFIX, ApiKey, Scope, digest

Endpoint = TypeVar("Endpoint", bound=Callable[..., object])
# The scope that each endpoint asks for, None for a public one. One that is not in here is open to nobody.
_access: dict[Callable[..., object], Scope | None] = {}


def requires(scope: Scope) -> Callable[[Endpoint], Endpoint]:
    """Declare the scope that an endpoint asks for; goes below the route's own decorator."""

    def declare(endpoint: Endpoint) -> Endpoint:
        called = cast("Endpoint", offloaded(endpoint))
        _access[called] = scope
        return called

    return declare


def public(endpoint: Endpoint) -> Endpoint:
    """Declare that an endpoint is open to everybody."""
    called = cast("Endpoint", offloaded(endpoint))
    _access[called] = None
    return called


def is_public(endpoint: Callable[..., object]) -> bool:
    """Whether an endpoint is open to everybody."""
    return endpoint in _access and _access[endpoint] is None


def scope_of(endpoint: Callable[..., object]) -> Scope | None:
    """The scope that an endpoint asks for."""
    return _access.get(endpoint)


@offloaded
def authorize(request: Request, services: ServicesOf) -> ApiKey | None:
    """Dependency of the whole app: let the request pass to its endpoint, or not.

    Returns:
        The caller's key; None on a public endpoint, whose callers are not asked who they are.

    Raises:
        UnauthorizedError: No valid key.
        RemoteError: Whose GFW token it is could not be told.
        RateLimitedError: The caller asks too often.
        ForbiddenError: The key's scope does not include the endpoint's, or the endpoint declares none.
    """
    endpoint = request.scope["endpoint"]
    if is_public(endpoint):
        return None
    key = _find(_secret(request), services)
    request.state.key = key
    if services.limiter is not None:
        allowance = services.limiter.take(key.caller)
        request.state.allowance = allowance
        if not allowance.allowed:
            raise RateLimitedError(f"{key.caller} asks too often: wait {allowance.next_in_s} s", allowance.next_in_s)
    scope = scope_of(endpoint)
    if scope is None:
        raise ForbiddenError("nobody may use this address: it declares no scope")
    if not key.allows(scope):
        raise InsufficientScopeError(f"this needs a key with the scope {scope}; this one has {key.scope}", scope)
    return key


def _find(secret: str, services: Services) -> ApiKey:
    """The key of a secret: datapump's own, or where the deployment takes them, the one that a GFW token stands for.

    Raises:
        UnauthorizedError: It is neither.
        RemoteError: Whose token it is could not be told.
    """
    key = services.keys.find(digest(secret))
    if key is None and services.accounts is not None and not secret.startswith(PREFIX):
        key = services.accounts.find(secret)
    if key is None:
        raise UnauthorizedError("the key is unknown or revoked")
    return key


async def _caller(key: Annotated[ApiKey | None, Depends(authorize)]) -> ApiKey:
    if key is None:
        raise UnauthorizedError("this needs a caller, and the address asks for none")
    return key


Caller = Annotated[ApiKey, Depends(_caller)]


def _secret(request: Request) -> str:
    values = request.headers.getlist("authorization")
    if not values:
        raise UnauthorizedError("the request holds no key: send Authorization: Bearer <key>")
    scheme, _, secret = values[0].partition(" ")
    if len(values) > 1 or scheme.lower() != "bearer" or not secret.strip():
        raise UnauthorizedError("the Authorization header is not one Bearer <key>")
    return secret.strip()
