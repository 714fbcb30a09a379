"""The port of what open executions are going to write, for those that must not wait for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


class TargetStore(Protocol):
    """Which targets each execution is going to write.

    A note counts as long as its execution is open. One whose execution was never stored, because its process died in
    between, counts for a minute.

    Of two that note the same at once, both may be refused, never are both let in.
    """

    def note(self, execution_id: str, targets: AbstractSet[str], *, alone: bool) -> str | None:
        """Note what an execution is going to write, before it is stored.

        Args:
            execution_id: Whose targets.
            targets: What it may write.
            alone: Whether to note nothing if another open execution has noted one of them.

        Returns:
            The id of such an execution, the oldest; None if the targets are noted.
        """
        ...

    def forget(self, execution_id: str) -> None:
        """Let go of what was noted for an execution that is not going to be stored."""
        ...
