"""The port of backfills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.backfills import Backfill, BackfillStatus
    from datapump.stores import Page


class BackfillStore(Protocol):
    """The backfills, each one document with a revision."""

    def create(self, backfill: Backfill) -> tuple[Backfill, bool]:
        """Store a new backfill; where its caller's idempotency key stands for an earlier one, that one instead.

        Returns:
            The stored backfill, and whether it is new.
        """
        ...

    def get(self, backfill_id: str) -> Backfill:
        """One backfill.

        Raises:
            NotFoundError: There is none of that id.
        """
        ...

    def save(self, backfill: Backfill) -> bool:
        """Replace the document if it is still of that revision, which then counts one more.

        Returns:
            False, changing nothing, if somebody else has saved it since.
        """
        ...

    def list(
        self, *, status: BackfillStatus | None = None, after: str | None = None, limit: int = 50
    ) -> Page[Backfill]:
        """Backfills, newest first."""
        ...

    def running(self) -> Sequence[Backfill]:
        """Those that are running, oldest first."""
        ...
