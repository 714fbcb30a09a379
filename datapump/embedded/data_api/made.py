"""What background work made; it counts once the store says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from datapump.embedded.data_api.tables import Loaded


@dataclass(frozen=True)
class TileSetMade:
    """A tile set that was made on the way to another asset, and becomes an asset of its own."""

    options: dict[str, Any]
    uri: str


@dataclass(frozen=True)
class Made:
    """What a maker made.

    Attributes:
        message: For the change log.
        undo: Removes it again, should its version be gone by then.
        loaded: New rows of the version's table, if that is what was made.
        path: The part that holds them, relative to the Data API's folder.
        metadata: What is told of the asset from now on; None: what was told before.
        extras: Further assets that came of it.
    """

    message: str
    undo: Callable[[], None]
    loaded: Loaded | None = None
    path: str = ""
    metadata: dict[str, Any] | None = None
    extras: tuple[TileSetMade, ...] = ()
