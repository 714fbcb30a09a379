"""Pages of lists: opaque cursors that hold to their list and filters, and the link to the next page."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.bodies import check_json
from api.errors import InvalidCursorError, MalformedJsonError

MAX_CURSOR = 2048


class CursorQuery(BaseModel):
    """Query parameters of a list; a subclass adds the list's filters. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    cursor: str | None = Field(
        default=None,
        max_length=MAX_CURSOR,
        description="Where the page starts: `next` of the page before, with the same filters.",
    )
    limit: int = Field(default=50, ge=1, le=200, description="The most items on the page.")

    @property
    def filters(self) -> dict[str, Any]:
        """The filters that are given."""
        return self.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_none=True)

    def after(self, list_name: str) -> str | None:
        """Where in the store the page starts.

        Raises:
            InvalidCursorError: The cursor is not one of that list and these filters.
        """
        return None if self.cursor is None else decode(self.cursor, list_name, self.filters)


def encode(after: str, list_name: str, filters: Mapping[str, Any]) -> str:
    """The cursor of the page that starts after an item."""
    text = json.dumps({"after": after, "filters": filters, "list": list_name}, sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, list_name: str, filters: Mapping[str, Any]) -> str:
    """What a cursor says.

    Raises:
        InvalidCursorError: This list did not give it out for these filters.
    """
    try:
        payload = check_json(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True))
    except (binascii.Error, ValueError, MalformedJsonError):
        payload = None
    after = payload.get("after") if isinstance(payload, dict) else None
    # A text that encodes to another cursor was tampered with, or is of other filters or another list.
    if not isinstance(after, str) or not after.isprintable() or encode(after, list_name, filters) != cursor:
        raise InvalidCursorError(
            "cursor",
            "the cursor does not belong to this list with these filters: repeat the filters it was given out for, "
            "or start without it",
        )
    return after


def link_next(request: Request, response: Response, **changes: str) -> None:
    """Add the link to the next page: this request's address with some query parameters changed."""
    query = urlencode({**request.query_params, **changes})
    response.headers["Link"] = f'<{quote(request.scope["path"])}?{query}>; rel="next"'
