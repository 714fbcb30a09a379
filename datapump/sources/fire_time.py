"""When a fire was seen: a day and a minute of it, UTC, as FIRMS writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

MINUTES_A_DAY = 1440
_EPOCH = date(1970, 1, 1).toordinal()
_DAY = re.compile(r"(\d{4})([-/]?)(\d{2})\2(\d{2})", re.ASCII)
_DIGITS = re.compile(r"(\d{1,4})(?:\.0*)?", re.ASCII)
_COLONS = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2}(?:\.\d+)?)?", re.ASCII)
_BOTH = re.compile(r"(\d{4}-\d{2}-\d{2})[ -](\S+)", re.ASCII)


def day_number(text: str) -> int:
    """Days since 1970-01-01 of `2022-02-26`, `2022/02/26` or `20220226`.

    Raises:
        ValueError: No such day.
    """
    match = _DAY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a date: expected YYYY-MM-DD")
    try:
        return date(int(match[1]), int(match[3]), int(match[4])).toordinal() - _EPOCH
    except ValueError:
        raise ValueError(f"{text!r} is not a date: there is no such day") from None


def minute_of_day(text: str) -> int:
    """Minutes since midnight of `0020`, `20`, `20.0`, `00:20` or `00:20:00` (seconds are dropped).

    Raises:
        ValueError: No such time.
    """
    stripped = text.strip()
    if match := _DIGITS.fullmatch(stripped):
        hour, minute = divmod(int(match[1]), 100)
    elif match := _COLONS.fullmatch(stripped):
        hour, minute = int(match[1]), int(match[2])
    else:
        raise ValueError(f"{text!r} is not a time: expected HHMM")
    if hour > 23 or minute > 59:  # noqa: PLR2004 - the hours of a day, the minutes of an hour
        raise ValueError(f"{text!r} is not a time: hours run from 00 to 23, minutes from 00 to 59")
    return hour * 60 + minute


@dataclass(frozen=True, order=True, slots=True)
class FireTime:
    """A minute in UTC. Orders by time; in text it is `2022-02-26 0020`.

    Attributes:
        minute: Minutes since 1970-01-01 00:00 UTC.
    """

    minute: int

    @classmethod
    def parse(cls, text: str) -> FireTime:
        """The time that `2022-02-26 0020` or `2022-02-26-0020` names; an unpadded time (`20`) is read as padded.

        Raises:
            ValueError: No such day or time; the message says which and what is expected.
        """
        match = _BOTH.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not the time of a fire: expected YYYY-MM-DD HHMM, as in 2022-02-26 0020")
        return cls(day_number(match[1]) * MINUTES_A_DAY + minute_of_day(match[2]))

    @property
    def day(self) -> date:
        """The day, UTC."""
        return date.fromordinal(_EPOCH + self.minute // MINUTES_A_DAY)

    @property
    def hhmm(self) -> str:
        """The time of day, always four digits."""
        hour, minute = divmod(self.minute % MINUTES_A_DAY, 60)
        return f"{hour:02d}{minute:02d}"

    def __str__(self) -> str:
        return f"{self.day.isoformat()} {self.hhmm}"

    def hours_until(self, later: FireTime) -> float:
        """Hours from this time to the later one."""
        return (later.minute - self.minute) / 60

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """In models: read from its text or taken as it is, written as its text."""
        text = core_schema.no_info_after_validator_function(cls.parse, core_schema.str_schema(strict=True))
        return core_schema.json_or_python_schema(
            json_schema=text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), text]),
            serialization=core_schema.plain_serializer_function_ser_schema(str, return_schema=core_schema.str_schema()),
        )
