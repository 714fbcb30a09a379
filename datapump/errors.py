"""The one tree of errors.

    DatapumpError
    ├── UserError              what the caller did wrong: nothing has happened, mend the input
    │   ├── InvalidInputError      a value breaks a rule; `faults` name them
    │   ├── NotFoundError          the thing named does not exist
    │   ├── ConflictError          the thing named is in another state than the request needs
    │   ├── UnauthorizedError      no caller could be told from the request
    │   ├── ForbiddenError         the caller may not do this
    │   └── UnsupportedError       valid, but this deployment cannot do it
    ├── RemoteError            what a remote system did wrong
    │   ├── RemoteUnavailableError no answer, or one that says "later": worth a retry
    │   │   └── RemoteBusyError    "not now": nothing has happened
    │   ├── RemoteRefusedError     a clear no: a retry would get the same
    │   └── RemoteInvalidError     an answer that breaks its own contract
    ├── DataError              a file that cannot be used as it is
    ├── StorageError           our own disk or store refused a write
    └── InternalError          what we did wrong

The API maps this tree once to problems (RFC 9457), the executor maps it once to retry or fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Fault:
    """One value that breaks a rule.

    Attributes:
        pointer: RFC 6901 JSON pointer of the value in the input, `""` for the whole.
        message: What is wrong with it and what is allowed.
    """

    pointer: str
    message: str


class DatapumpError(Exception):
    """The root: every error that datapump raises on purpose.

    Attributes:
        message: What was wrong, where, and what to do, in words for the user. Never holds a secret.
        retryable: Whether the same attempt may succeed later without anybody changing anything.
    """

    retryable = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UserError(DatapumpError):
    """What the caller did wrong."""


class InvalidInputError(UserError):
    """One or more values break a rule.

    Attributes:
        faults: What is wrong with which value, in the order of the input.
    """

    def __init__(self, message: str, *, pointer: str = "", faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults) or (Fault(pointer, message),)


class NotFoundError(UserError):
    """The thing named does not exist."""


class ConflictError(UserError):
    """The thing named is in another state than the request needs."""


class UnauthorizedError(UserError):
    """No caller could be told from the request."""


class ForbiddenError(UserError):
    """The caller may not do this."""


class UnsupportedError(UserError):
    """Valid, but this deployment cannot do it."""


class RemoteError(DatapumpError):
    """What a remote system did wrong.

    Attributes:
        status: The HTTP status it answered, where it answered one.
        code: Its own word for what was wrong, where it has one.
    """

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class RemoteUnavailableError(RemoteError):
    """No answer in time, or one that means "later". What was asked for may have happened all the same."""

    retryable = True


class RemoteBusyError(RemoteUnavailableError):
    """A clear "not now": what was asked for has not happened, and may be asked for again later."""


class RemoteRefusedError(RemoteError):
    """A clear no."""


class RemoteInvalidError(RemoteError):
    """An answer that breaks the remote system's own contract."""


class DataError(DatapumpError):
    """A file, archive or table that cannot be used as it is."""


class StorageError(DatapumpError):
    """Our own disk or store refused a write; the work can be taken up again once there is room."""

    retryable = True


class InternalError(DatapumpError):
    """What we did wrong: a state that should be impossible."""
