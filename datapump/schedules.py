"""When feeds are synced, UTC: the nightly schedule, from the recipes of rasters and a table of what makes tables.

Rasters of the same hour share an execution: what comes after them starts once, when all of them are done.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from datapump.analyses import SyncType
from datapump.chaining import CALLER, store, sync_execution
from datapump.recipes import recipes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from datapump.ports import Ports

TABLES: Final = {
    SyncType.RW_AREAS: time(22),
    SyncType.GLAD: time(1),
    SyncType.VIIRS: time(2),
    SyncType.MODIS: time(2),
}


class Slot(NamedTuple):
    """What is synced together, and when.

    Attributes:
        at: The hour and minute, UTC.
    """

    at: time
    types: tuple[SyncType, ...]

    def before(self, now: datetime) -> datetime:
        """The last time it was due, at most a day ago."""
        today = datetime.combine(now.date(), self.at, tzinfo=now.tzinfo)
        return today if today <= now else today - timedelta(days=1)


def slots(ports: Ports) -> list[Slot]:
    """The slots of a day, earliest first."""
    return slots_of(ports.settings.recipes)


def slots_of(folder: Path | None) -> list[Slot]:
    """The slots of a day with the recipes of a folder beside our own, earliest first."""
    rasters: dict[time, list[SyncType]] = {}
    for recipe in recipes(folder).values():
        rasters.setdefault(recipe.schedule, []).append(SyncType(recipe.sync))
    found = [Slot(at, (sync_type,)) for sync_type, at in TABLES.items()]
    found += [Slot(at, tuple(types)) for at, types in rasters.items()]
    return sorted(found)


class Scheduler:
    """Submits the nightly syncs of one machine: each slot once, whenever the process was started or killed.

    Only what has an enabled sync config is synced: the first version of a raster is asked for by hand. A slot that was
    due while nothing ran is made up for once, at the next start, however many nights were missed.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._started = ports.clock.now()
        self._taken: dict[Slot, datetime] = {}

    def submit_due(self) -> None:
        """Submit what is due and has not been submitted.

        Raises:
            StorageError: The run store refused a write; it can be repeated.
        """
        now = self._ports.clock.now()
        for slot in slots(self._ports):
            due = slot.before(now)
            if self._taken.get(slot) != due:
                self._submit(slot, due)
                self._taken[slot] = due

    def _submit(self, slot: Slot, due: datetime) -> None:
        runs = self._ports.runs
        key = f"nightly {due:%Y-%m-%dT%H:%MZ} {' '.join(slot.types)}"
        types = _followed(slot.types, self._ports)
        if not types or runs.find_by_key(CALLER, key) is not None:
            return
        if due < self._started and not self._was_missed(types, due):
            return
        store(sync_execution(types, key, self._ports), self._ports)

    def _was_missed(self, types: Iterable[SyncType], due: datetime) -> bool:
        """Whether a time before the start was missed: the deployment was in use then, and nobody has synced since."""
        runs = self._ports.runs
        if not runs.list_executions(until=due, limit=1).items:
            return False
        return not all(
            runs.list_executions(command="sync", sync_type=one.value, since=due, limit=1).items for one in types
        )


def _followed(types: Iterable[SyncType], ports: Ports) -> list[SyncType]:
    """Those that an enabled config follows."""
    return [one for one in types if ports.sync_configs.list(sync_type=one.value, sync=True, limit=1).items]
