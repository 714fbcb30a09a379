"""Files that the embedded engine leaves beside the tables of a run, read back to draw maps of them."""

from __future__ import annotations

import re
from typing import Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from datapump.errors import DataError

# Rows are appended night by night; each run knows all of its own night.
_MOST_RUNS = 10


class Strict(BaseModel):
    """A part of such a file: nothing but what the engine writes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Reader(Protocol):
    """Where the files lie."""

    def head(self, uri: str, size: int) -> bytes:
        """The first bytes of an object.

        Raises:
            NotFoundError: There is none.
        """
        ...


_Kept = TypeVar("_Kept", bound=Strict)


def runs(sources: list[str]) -> list[tuple[str, str]]:
    """The output folder and the level of each run that a table was made from, the newest first; at most 10."""
    # s3://bucket/.../output/level/table/file; what lies higher up is no engine's table.
    places = [re.fullmatch(r"(\w+://[^/]+/.+)/([^/]+)/[^/]+/[^/]+", source) for source in reversed(sources)]
    return list(dict.fromkeys((place[1], place[2]) for place in places if place is not None))[:_MOST_RUNS]


def read_file(objects: Reader, uri: str, kept: type[_Kept], *, most_bytes: int, holds: str) -> _Kept:
    """What a file holds.

    Args:
        objects: Where it lies.
        uri: Its name.
        kept: What it is to be.
        most_bytes: How large the engine writes it at the most.
        holds: What it holds, in the words of an error.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is not as the engine writes it.
    """
    content = objects.head(uri, most_bytes + 1)
    if len(content) > most_bytes:
        raise DataError(f"{uri} holds more than {most_bytes} bytes of {holds}")
    try:
        return kept.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise DataError(f"{uri} is not as the engine writes {holds}: {first['msg']}") from None
