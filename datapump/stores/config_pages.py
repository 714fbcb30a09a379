"""All sync configs of a list, read page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datapump.stores import SyncConfigStore
    from datapump.sync_configs import SyncConfig, SyncConfigFilters


def every_config(store: SyncConfigStore, **filters: Unpack[SyncConfigFilters]) -> Iterator[SyncConfig]:
    """The configs that the filters let through, in the order of their ids; read as they are asked for."""
    after = None
    while True:
        page = store.list(after=after, **filters)
        yield from page.items
        after = page.next
        if after is None:
            return
