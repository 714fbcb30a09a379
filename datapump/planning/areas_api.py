"""The Areas API of a plan: areas are read, and nothing is said about them to their owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.clients.areas_api import AreasApi, Geostore, PendingArea, Synced

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from datapump.planning.plans import Recorder


class PlannedAreasApi(AreasApi):
    """Reads what is there; records what would be set.

    Args:
        real: The deployment's client, which is only asked to read.
        recorder: Is told of every write.
    """

    def __init__(self, real: AreasApi, recorder: Recorder) -> None:
        self.url = real.url
        self._real = real
        self._recorder = recorder

    def close(self) -> None:
        """The connections are the deployment's."""

    def sync_subscriptions(self, start: date, *, dry_run: bool = False) -> Synced:
        """Ask what the sync would find; the areas that it would make are not there for the plan to see."""
        found = self._real.sync_subscriptions(start, dry_run=True)
        if not dry_run:
            self._recorder.note(
                "areas_api",
                "update",
                "subscriptions",
                since=start.isoformat(),
                areas=found.created + found.updated,
                note="what becomes of these areas is not in this plan",
            )
        return found

    def pending_areas(self) -> Iterator[PendingArea]:
        """Every area that is pending now."""
        return self._real.pending_areas()

    def geostores(self, ids: Sequence[str]) -> dict[str, Geostore]:
        """The geometries of at most 100 ids."""
        return self._real.geostores(ids)

    def update_statuses(self, geostores: Sequence[str], status: str) -> int:
        """Record the update."""
        target = f"{len(geostores)} geostores: {status}"
        self._recorder.note("areas_api", "update", target, geostores=[*geostores], status=status)
        return len(geostores)
