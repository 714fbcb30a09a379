"""Errors that only HTTP knows, as leaves of datapump's one tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.errors import ConflictError, ForbiddenError, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.keys import Scope


class MalformedJsonError(UserError):
    """The body is not JSON, or is JSON that two readers could read differently."""


class InvalidParameterError(UserError):
    """A parameter that cannot be read.

    Attributes:
        name: Which parameter.
        location: Where it was given, as OpenAPI says it: `query` or `header`.
    """

    location = "query"

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class InvalidHeaderError(InvalidParameterError):
    """A header that cannot be read."""

    location = "header"


class InvalidCursorError(InvalidParameterError):
    """A cursor that this list did not give out for these filters."""


class UnexpectedParameterError(InvalidParameterError):
    """A query parameter given more than once, or to a route that takes none."""


class ContentTooLargeError(UserError):
    """The body is over the limit."""


class MediaTypeError(UserError):
    """The body is of a media type that the route does not read.

    Attributes:
        accepted: The media types that it reads.
    """

    def __init__(self, message: str, accepted: Sequence[str]) -> None:
        super().__init__(message)
        self.accepted = tuple(accepted)


class PreconditionRequiredError(UserError):
    """A change that must name the state that it changes."""


class StaleError(ConflictError):
    """The thing has changed since the caller read it."""


class KeyReusedError(ConflictError):
    """An idempotency key that stands for another request."""


class RateLimitedError(UserError):
    """The caller asks too often.

    Attributes:
        retry_after_s: When the next request may pass.
    """

    retryable = True

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class InsufficientScopeError(ForbiddenError):
    """The key is good, but not for this.

    Attributes:
        scope: What the route asks for.
    """

    def __init__(self, message: str, scope: Scope) -> None:
        super().__init__(message)
        self.scope = scope
