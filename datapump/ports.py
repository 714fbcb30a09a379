"""All that the pipeline needs from outside, in one place, chosen once where a deployment is put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datapump.clients.areas_api import AreasApi
    from datapump.clients.data_api import DataApi
    from datapump.clock import Clock
    from datapump.engines import Engine
    from datapump.notifier import Notifier
    from datapump.objects import Objects
    from datapump.settings import Settings
    from datapump.stores import RunStore, SyncConfigStore
    from datapump.stores.targets import TargetStore


@dataclass(frozen=True)
class Ports:
    """The outside world of a deployment.

    Attributes:
        areas_api: None where user areas are not synced.
        targets: What open executions are going to write; None where no command can be refused for that.
    """

    settings: Settings
    clock: Clock
    runs: RunStore
    sync_configs: SyncConfigStore
    objects: Objects
    data_api: DataApi
    engine: Engine
    notifier: Notifier
    areas_api: AreasApi | None = None
    targets: TargetStore | None = None
