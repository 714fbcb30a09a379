"""Entity tags of what can be changed, and the `If-Match` that guards a change (RFC 9110, 8.8.3 and 13.1.1)."""

import re
from typing import Annotated

from fastapi import Depends, Header, Request

from api.errors import InvalidHeaderError, PreconditionRequiredError

TAG = r'"[\x21\x23-\x7e]*"'
TAGS = re.compile(rf"{TAG}(?:[ \t]*,[ \t]*{TAG})*")
MAX_LENGTH = 1000
# The same, as the contract says it.
PATTERN = r'^(?:\*|"[!#-~]*"(?:[ \t]*,[ \t]*"[!#-~]*")*)$'


def etag(revision: int) -> str:
    """The strong entity tag of a revision."""
    return f'"{revision}"'


def parse_if_match(header: str) -> frozenset[str] | None:
    """The tags of an `If-Match`, None for `*`, which any present state matches.

    Raises:
        InvalidHeaderError: It is not a list of strong entity tags.
    """
    text = header.strip()
    if text == "*":
        return None
    if len(text) > MAX_LENGTH or not TAGS.fullmatch(text):
        raise InvalidHeaderError(
            "If-Match", "If-Match must be * or strong entity tags, each as an ETag header gave it, in double quotes"
        )
    return frozenset(re.findall(TAG, text))


async def _tags(
    request: Request,
    header: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="Required. Change it only if its `ETag` is still this one (or one of these); otherwise 412. "
            "`*` changes whatever is there.",
            examples=['"3"'],
            json_schema_extra={"pattern": PATTERN, "maxLength": MAX_LENGTH},
        ),
    ] = None,
) -> frozenset[str] | None:
    if header is None:
        raise PreconditionRequiredError("If-Match is missing: send the ETag of what was read, or * for any state")
    return parse_if_match(", ".join(request.headers.getlist("if-match")))


IfMatch = Annotated[frozenset[str] | None, Depends(_tags)]
