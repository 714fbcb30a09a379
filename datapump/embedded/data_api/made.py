"""What background work is given, and what it made, which counts once the store says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from datapump.embedded.data_api.assets import Asset
    from datapump.embedded.data_api.context import Context
    from datapump.embedded.data_api.query import Table
    from datapump.embedded.data_api.tables import Loaded
    from datapump.embedded.data_api.tasks import Task


@dataclass(frozen=True)
class Making:
    """All that a maker may know.

    Attributes:
        asset: The asset to be made, None if it was deleted meanwhile.
        table: The version's table, None before its first load.
        row_count: How many rows it has.
        began: To be told a connection that does long work.
        alive: Called by long work between its steps; raises when the service stops.
    """

    context: Context
    task: Task
    asset: Asset | None
    table: Table | None
    row_count: int
    began: Callable[[duckdb.DuckDBPyConnection], None]
    alive: Callable[[], None]


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
