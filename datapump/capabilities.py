"""What this version can carry out, of all that can be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.commands import AnalysisCommand, SyncCommand
from datapump.errors import UnsupportedError
from datapump.settings import get_settings
from datapump.sources.registry import SOURCES

if TYPE_CHECKING:
    from collections.abc import Collection

    from datapump.commands import AnyCommand
    from datapump.engines import EngineName
    from datapump.recipes.model import Recipe


def available_sync_types() -> frozenset[str]:
    """The sync types that have a source."""
    return frozenset(SOURCES) | {recipe.sync for recipe in known_recipes()}


def known_recipes() -> list[Recipe]:
    """The recipes of raster datasets, by name."""
    from datapump.recipes import recipes  # noqa: PLC0415 - costs much to load, and most commands are not of recipes

    return list(recipes(get_settings().recipes).values())


def refuse_unavailable(command: AnyCommand, engines: Collection[EngineName] = ()) -> None:
    """Refuse a valid command that this version, or this deployment, cannot carry out.

    Args:
        command: What is asked for.
        engines: The engines of the deployment; none: they are not looked at.

    Raises:
        UnsupportedError: It asks for feeds that have no source yet, or for an engine that is not there.
    """
    asked = command.parameters.engine if isinstance(command, AnalysisCommand | SyncCommand) else None
    if engines and asked is not None and asked not in engines:
        raise UnsupportedError(f"this deployment has no engine {asked}; it has {' and '.join(engines)}")
    if isinstance(command, SyncCommand):
        known = available_sync_types()
        missing = [sync_type for sync_type in command.parameters.types if sync_type not in known]
        if missing:
            available = ", ".join(sorted(known))
            raise UnsupportedError(
                f"no source for {', '.join(missing)} in this version; available sync types are {available}"
            )
