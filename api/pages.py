"""Pages of lists: signed cursors that hold to their list and filters, and the link to the next page."""

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.errors import InvalidCursorError

MAX_CURSOR = 2048
SIGNATURE = 16


class CursorQuery(BaseModel):
    """Query parameters of a list; a subclass adds the list's filters. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    cursor: str | None = Field(
        default=None,
        max_length=MAX_CURSOR,
        json_schema_extra={"pattern": "^[A-Za-z0-9_-]+$"},
        description="Where the page starts: `next` of the page before, with the same filters.",
    )
    limit: int = Field(default=50, ge=1, le=200, description="The most items on the page.")

    @property
    def filters(self) -> dict[str, Any]:
        """The filters that are given."""
        return self.model_dump(mode="json", exclude={"cursor", "limit", "total"}, exclude_none=True)

    def after(self, list_name: str, key: bytes) -> str | None:
        """Where in the store the page starts.

        Raises:
            InvalidCursorError: The cursor is not one of that list and these filters.
        """
        return None if self.cursor is None else decode(self.cursor, list_name, self.filters, key)


def encode(after: str, list_name: str, filters: Mapping[str, Any], key: bytes) -> str:
    """The cursor of the page that starts after an item: a signature of list, filters and item, then the item."""
    signed = json.dumps([list_name, filters, after], sort_keys=True, separators=(",", ":")).encode()
    signature = hmac.digest(key, signed, "sha256")[:SIGNATURE]
    return base64.urlsafe_b64encode(signature + after.encode()).decode().rstrip("=")


def decode(cursor: str, list_name: str, filters: Mapping[str, Any], key: bytes) -> str:
    """What a cursor says.

    Raises:
        InvalidCursorError: This list did not give it out for these filters.
    """
    try:
        payload = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True)
        after = payload[SIGNATURE:].decode()
        known = encode(after, list_name, filters, key).encode()
    except ValueError:
        known = None
    if known is None or not hmac.compare_digest(known, cursor.encode()):
        raise InvalidCursorError(
            "cursor",
            "the cursor does not belong to this list with these filters: repeat the filters it was given out for, "
            "or start without it",
        )
    return after


def give_next(
    after: str | None, list_name: str, query: CursorQuery, key: bytes, request: Request, response: Response
) -> str | None:
    """The cursor of the next page, also linked to in the answer; None on the last page."""
    if after is None:
        return None
    cursor = encode(after, list_name, query.filters, key)
    link_next(request, response, cursor=cursor)
    return cursor


def link_next(request: Request, response: Response, **changes: str) -> None:
    """Add the link to the next page: this request's address with some query parameters changed."""
    query = urlencode({**request.query_params, **changes})
    response.headers["Link"] = f'<{quote(request.scope["path"])}?{query}>; rel="next"'
