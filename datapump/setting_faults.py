"""What is wrong with settings as they are given: names that no setting has, values that break a rule.

A message names the setting, and never shows its value, which may be a secret.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from datapump.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError
    from pydantic_settings import BaseSettings, SettingsError

PREFIX = "DATAPUMP_"
# What the package of the production deployment is made with, and what tests are told.
NOT_SETTINGS = frozenset({"DATAPUMP_MAKES_CONFIG_TABLE", "DATAPUMP_DISPATCHER_IMAGE"})
OF_TESTS = "DATAPUMP_TEST_"
LIKENESS = 0.8


def unknown_names(kinds: Iterable[type[BaseSettings]], base: type[BaseSettings]) -> list[Fault]:
    """The names in the environment and the `.env` file that none of these kinds of settings has."""
    known = NOT_SETTINGS | {PREFIX + name.upper() for kind in kinds for name in kind.model_fields}
    given = {name.upper() for source in (EnvSettingsSource, DotEnvSettingsSource) for name in source(base).env_vars}
    names = sorted(name for name in given - known if name.startswith(PREFIX) and not name.startswith(OF_TESTS))
    return [Fault(name, _unknown(name, known)) for name in names]


def bad_values(error: ValidationError) -> list[Fault]:
    """What breaks a rule."""
    return [Fault(_name(one["loc"]), str(one["msg"])) for one in error.errors(include_url=False, include_input=False)]


def unreadable(error: SettingsError) -> Fault:
    """What cannot be read at all."""
    field = re.search(r'field "(\w+)"', str(error))
    return Fault("" if field is None else PREFIX + field[1].upper(), "it must be JSON, and is not")


def _name(loc: tuple[str | int, ...]) -> str:
    """The environment's name of a setting, and where in it."""
    return "" if not loc else ".".join([PREFIX + str(loc[0]).upper(), *map(str, loc[1:])])


def _unknown(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=LIKENESS)
    return "there is no such setting" + (f": is {close[0]} meant?" if close else "")
