"""The sync configs that a feed's news are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.stores.config_pages import every_config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.analyses import SyncType
    from datapump.jobs.documents import Table
    from datapump.ports import Ports
    from datapump.sync_configs import SyncConfig


def enabled(sync_type: SyncType, tables: Sequence[Table] | None, ports: Ports) -> list[SyncConfig]:
    """The configs of a type that are switched on, of the given tables where some are given."""
    found = list(every_config(ports.sync_configs, sync_type=sync_type.value, sync=True))
    if tables is None:
        return found
    wanted = {(table.dataset, table.version, table.analysis.value) for table in tables}
    return [config for config in found if (config.dataset, config.dataset_version, config.analysis) in wanted]


def none_enabled(tables: Sequence[Table] | None) -> str:
    """Why there is nothing to do where no config is enabled."""
    return "nothing to do: no enabled sync config of this type" + (" and tables" if tables else "")
