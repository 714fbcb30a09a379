"""Query parameters: what is common to those of every route."""

import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from pydantic import AfterValidator, BeforeValidator, Field

from api.errors import UnexpectedParameterError

NUMBER = re.compile(r"[-+]?[\d.]+")
FIRST_YEAR = 1970


async def refuse_repeated(request: Request) -> None:
    """Dependency of the whole app: no query parameter counts only in its last value.

    Raises:
        UnexpectedParameterError: One is given twice.
    """
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name in seen:
            raise UnexpectedParameterError(name, f"the query parameter {name!r} is given twice: give it once")
        seen.add(name)


async def refuse_all(request: Request) -> None:
    """Dependency of the routes that take no query parameters.

    Raises:
        UnexpectedParameterError: There is one.
    """
    for name in request.query_params:
        raise UnexpectedParameterError(name, f"the query parameter {name!r} is not known here: leave it out")


NO_QUERY = Depends(refuse_all)


def _no_number(value: object) -> object:
    if isinstance(value, str) and NUMBER.fullmatch(value):
        raise ValueError("must be a date or a time as in ISO 8601, not a number")
    return value


def _utc(value: datetime) -> datetime:
    try:
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        moment = None
    if moment is None or moment.year < FIRST_YEAR:
        raise ValueError(f"must be in the years {FIRST_YEAR} to 9999")
    return moment


Moment = Annotated[
    datetime,
    BeforeValidator(_no_number),
    AfterValidator(_utc),
    Field(examples=["2026-11-22T06:56:44Z", "2026-11-22"]),
]
