"""The port of what carries executions: Step Functions in production, a durable loop on one machine."""

from __future__ import annotations

from typing import Protocol


class Orchestrator(Protocol):
    """Carries stored executions from `accepted` to their end."""

    def start(self, execution_id: str) -> None:
        """See to it that the execution is carried. Starting one that is carried or has ended changes nothing."""
        ...

    def stop(self, execution_id: str, reason: str) -> None:
        """End an execution: its jobs cancel what they run, keep what they published, and fail with the reason.

        Raises:
            NotFoundError: There is none of that id.
            ConflictError: It has ended already.
        """
        ...
