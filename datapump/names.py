"""The Data API's own rules for names, checked before anything is asked of it. Source: its path patterns."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

DATASET_PATTERN = r"^[a-z][a-z0-9_-]{2,}$"
VERSION_PATTERN = r"^v\d{1,8}(\.\d{1,3}){0,2}$"
COLUMN_PATTERN = r"^[a-z][a-zA-Z0-9_-]{2,}$"


def check_dataset(name: str) -> str:
    """The name, if the Data API can create and read such a dataset.

    Hyphens, `pg_` and a `latest` in the name pass its pattern and break it later, so they are refused here.

    Raises:
        ValueError: The name breaks a rule; the message says which.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{2,}", name):
        raise ValueError(
            f"{name!r} is not a dataset name: lower-case letters, digits and underscores, "
            "a letter first, at least 3 characters"
        )
    if name.startswith("pg_"):
        raise ValueError(f"{name!r} is not a dataset name: names beginning with pg_ are reserved")
    if "latest" in name:
        raise ValueError(f"{name!r} is not a dataset name: the Data API cannot read a name holding 'latest'")
    return name


def check_version(name: str) -> str:
    """The name, if it is a version's own: `v20261122`, `v4.1`; not `latest`, which only points to one.

    Raises:
        ValueError: The name breaks the rule.
    """
    if not re.fullmatch(VERSION_PATTERN[1:-1], name, re.ASCII):
        raise ValueError(
            f"{name!r} is not a version: v and up to 8 digits, then up to two parts of 1 to 3 digits "
            "each behind a dot, as in v20261122, v4.1, v1.2.3"
        )
    return name


# The patterns say the same rules to readers of a JSON schema.
def numbers(version: str) -> tuple[int, ...]:
    """A version's numbers, to be compared: `v20261122` as (20261122,), `v4.1` as (4, 1)."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def day_of(version: str) -> date | None:
    """The day that a version is named after, `v20261122`; None if its name is another."""
    if not re.fullmatch(r"v\d{8}", version, re.ASCII):
        return None
    try:
        return date.fromisoformat(version[1:])
    except ValueError:
        return None


DatasetName = Annotated[
    str,
    AfterValidator(check_dataset),
    WithJsonSchema({"type": "string", "pattern": "^(?!pg_)(?!.*latest)[a-z][a-z0-9_]{2,}$"}),
]
VersionName = Annotated[
    str,
    AfterValidator(check_version),
    WithJsonSchema({"type": "string", "pattern": r"^v[0-9]{1,8}(\.[0-9]{1,3}){0,2}$"}),
]
