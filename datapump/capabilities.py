"""What this version can carry out, of all that can be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.commands import SyncCommand
from datapump.errors import UnsupportedError
from datapump.settings import get_settings
from datapump.sources.registry import SOURCES

if TYPE_CHECKING:
    from datapump.commands import AnyCommand
    from datapump.recipes.model import Recipe


def available_sync_types() -> frozenset[str]:
    """The sync types that have a source."""
    return frozenset(SOURCES) | {recipe.sync for recipe in known_recipes()}


def known_recipes() -> list[Recipe]:
    """The recipes of raster datasets, by name."""
    from datapump.recipes import recipes  # noqa: PLC0415 - costs much to load, and most commands are not of recipes

    return list(recipes(get_settings().recipes).values())


def refuse_unavailable(command: AnyCommand) -> None:
    """Refuse a valid command that this version cannot carry out.

    Raises:
        UnsupportedError: It asks for feeds that have no source yet.
    """
    if isinstance(command, SyncCommand):
        known = available_sync_types()
        missing = [sync_type for sync_type in command.parameters.types if sync_type not in known]
        if missing:
            available = ", ".join(sorted(known))
            raise UnsupportedError(
                f"no source for {', '.join(missing)} in this version; available sync types are {available}"
            )
