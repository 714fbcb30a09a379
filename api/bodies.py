"""Request bodies: read within a limit, of a known media type, and JSON that every reader reads alike."""

import json
import math
from collections.abc import Callable, Sequence
from email.message import Message
from typing import Annotated, Any, NoReturn

from fastapi import Depends, Request

from api.errors import ContentTooLargeError, MalformedJsonError, MediaTypeError
from datapump.errors import InvalidInputError

MAX_BYTES = 2**20
MAX_INTEGER = 2**63
MAX_DIGITS = 20
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"


def json_body(*accepted: str) -> Callable[..., bytes]:
    """A dependency that gives the request's body, a JSON text in UTF-8.

    Args:
        accepted: The media types that the route reads.

    Raises:
        MediaTypeError: It is of another media type or charset, or compressed.
        ContentTooLargeError: It is over 1 MiB; no more than that is read.
        MalformedJsonError: It is not JSON, or not JSON that every reader reads alike.
    """

    async def read(request: Request) -> bytes:
        _check_type(request, accepted)
        return await _within_limit(request)

    # Not asynchronous, so that a large text is checked in a thread and holds nobody up.
    def check(body: Annotated[bytes, Depends(read)]) -> bytes:
        check_json(body)
        return body

    return check


JsonBody = Annotated[bytes, Depends(json_body(JSON))]
PatchBody = Annotated[bytes, Depends(json_body(MERGE_PATCH, JSON))]


async def _no_body(request: Request) -> None:
    """Refuse what a route would not look at.

    Raises:
        InvalidInputError: There is a body.
    """
    if await _within_limit(request):
        raise InvalidInputError("this takes no body: send none")


NO_BODY = Depends(_no_body)


def check_json(body: bytes) -> object:
    """What a JSON text holds, if every reader reads it alike (I-JSON, RFC 7493, but for 64-bit integers).

    Raises:
        MalformedJsonError: Not UTF-8, not JSON, too deep, a key twice in one object, or a number beyond 64 bits.
    """
    try:
        return json.loads(
            body.decode(),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_bounded,
        )
    except UnicodeDecodeError as error:
        raise MalformedJsonError(f"the body is not UTF-8: byte {error.start} cannot be read") from None
    except json.JSONDecodeError as error:
        raise MalformedJsonError(
            f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from None
    except RecursionError:
        raise MalformedJsonError("the body is nested too deeply") from None


def _check_type(request: Request, accepted: Sequence[str]) -> None:
    header = request.headers.get("content-type")
    if header is None:
        raise MediaTypeError(f"the Content-Type header is missing: send {accepted[0]}", accepted)
    message = Message()
    message["content-type"] = header
    charset = message.get_param("charset", "utf-8")
    if message.get_content_type() not in accepted or str(charset).lower() not in {"utf-8", "utf8"}:
        raise MediaTypeError(f"{header!r} is not read here: send {' or '.join(accepted)}, in UTF-8", accepted)
    coding = request.headers.get("content-encoding", "identity")
    if coding.lower() != "identity":
        raise MediaTypeError(f"the body is encoded as {coding!r}: send it as it is", accepted)


async def _within_limit(request: Request) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < MAX_DIGITS and int(announced) > MAX_BYTES:
        _refuse_size()  # before any of it is read; without an announcement, as soon as it is known
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            _refuse_size()
    return bytes(body)


def _refuse_size() -> NoReturn:
    raise ContentTooLargeError(f"the body is over {MAX_BYTES} bytes, the most that is read")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise MalformedJsonError(f"the key {key!r} is in one object twice: keep one of them")
        members[key] = value
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedJsonError(f"{name} is not JSON: leave the value out or use null")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedJsonError(f"the number {text[:40]} is too large for a 64-bit float")
    return number


def _bounded(text: str) -> int:
    if len(text) > MAX_DIGITS or not -MAX_INTEGER <= int(text) < MAX_INTEGER:
        raise MalformedJsonError(f"the number {text[:40]} does not fit in 64 bits: write it as a string")
    return int(text)
