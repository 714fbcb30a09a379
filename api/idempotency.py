"""The `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header), and what makes two commands the same."""

import hashlib
import json
import re
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import ValidationError

from api.errors import InvalidHeaderError
from datapump.commands import COMMAND, AnyCommand, OnConflict
from datapump.executions import Execution

NAME = "Idempotency-Key"
MAX_LENGTH = 255
# Published in the contract and in docs/api.md; longer than anybody repeats a request.
KEYS_LAST = timedelta(days=30)
# A structured field string (RFC 9651): printable ASCII, where only a quote and a backslash are escaped.
QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
BARE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
# The same, as the contract says it.
PATTERN = rf'^(?:"(?:[ !#-\[\]-~]|\\["\\]){{1,{MAX_LENGTH}}}"|[!#-\[\]-~]{{1,{MAX_LENGTH}}})$'


def parse_key(header: str) -> str:
    """The key that a header's value stands for; `"abc"` and `abc` are the same key.

    Raises:
        InvalidHeaderError: It is neither a quoted string nor a bare word of 1 to 255 printable ASCII characters.
    """
    quoted = QUOTED.fullmatch(header)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else header
    if not (quoted or BARE.fullmatch(header)) or not 1 <= len(key) <= MAX_LENGTH:
        raise InvalidHeaderError(
            NAME, f"{NAME} must be 1 to {MAX_LENGTH} printable ASCII characters, in double quotes or without spaces"
        )
    return key


async def _key(
    request: Request,
    header: Annotated[
        str | None,
        Header(
            alias=NAME,
            description="Makes a repeated request safe: the same caller, key and request find the same execution or "
            f"backfill, for {KEYS_LAST.days} days and in any case until it has ended; then the key may be used anew. "
            "The same key with another request is refused. 1 to 255 printable ASCII characters, in double quotes (a "
            "structured field string) or bare, which mean the same.",
            examples=['"8e03978e-40d5-43dd-bc93-6894a57f9324"'],
            json_schema_extra={"pattern": PATTERN},
        ),
    ] = None,
) -> str | None:
    if header is None:
        return None
    if len(request.headers.getlist(NAME)) > 1:
        raise InvalidHeaderError(NAME, f"{NAME} is given more than once: send one")
    return parse_key(header)


IdempotencyKey = Annotated[str | None, Depends(_key)]


def fingerprint(command: AnyCommand, *, plan_only: bool = False) -> str:
    """SHA-256 of the command in canonical JSON: the same for the same command however its text was laid out.

    To plan a command and to carry it out are two requests.
    """
    document = command.model_dump(mode="json")
    if plan_only:
        document["plan"] = True
    # What is left out and what is said to be as if it were left out are the same command.
    if not document["labels"]:
        del document["labels"]
    if document["on_conflict"] == OnConflict.QUEUE:
        del document["on_conflict"]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def made_from(execution: Execution, asked: str) -> bool:
    """Whether a request of the fingerprint `asked` is the one that an execution was made from.

    Its own fingerprint may be of an earlier version, whose commands had fewer parameters: its command is read anew.
    """
    if execution.fingerprint == asked:
        return True
    if execution.retry_of is not None:
        return False
    try:
        command = COMMAND.validate_python(execution.command, strict=False)
    except ValidationError:
        return False
    return fingerprint(command, plan_only=execution.plan_only) == asked
