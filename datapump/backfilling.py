"""What carries backfills on: one sync after the other, so many at once."""

from __future__ import annotations

import hashlib
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datapump.backfills import Backfill, BackfillPart, BackfillStatus, OnFailure
from datapump.errors import ConflictError, DatapumpError, NotFoundError
from datapump.executions import Execution, ExecutionStatus
from datapump.targets import create_noting

if TYPE_CHECKING:
    from collections.abc import Callable

    from datapump.clock import Clock
    from datapump.stores import RunStore, SyncConfigStore
    from datapump.stores.backfills import BackfillStore
    from datapump.stores.targets import TargetStore

logger = logging.getLogger(__name__)
BAD = frozenset({ExecutionStatus.FAILED, ExecutionStatus.STOPPED})


@dataclass(frozen=True)
class Backfills:
    """The backfills of a deployment, and what starts their next syncs.

    Starting again, also after a kill at any instant, starts nothing twice.

    Attributes:
        start: Sees to it that a stored execution is carried.
        stop: Stops an execution, for a reason.
    """

    store: BackfillStore
    runs: RunStore
    sync_configs: SyncConfigStore
    targets: TargetStore | None
    clock: Clock
    start: Callable[[str], None]
    stop: Callable[[str, str], None]

    def carry(self) -> int:
        """Take every running backfill as far as it goes now; one that fails is taken again the next time.

        Returns:
            How many have failed; the log says why.

        Raises:
            StorageError: The running ones cannot be told.
        """
        failed = 0
        for backfill in self.store.running():
            try:
                self._move(backfill)
            except DatapumpError as error:
                failed += 1
                logger.warning("backfill %s is carried on later: %s", backfill.id, error.message)
        return failed

    def _move(self, backfill: Backfill) -> None:
        moved = self.looked_at(backfill)
        if not _paused(moved, backfill):
            self._start_next(moved)
            # What was started before a kill, or beside a change, may have ended badly before it was known here.
            _paused(moved, backfill)
        if moved.status is BackfillStatus.RUNNING and not any(part.status is None or part.open for part in moved.parts):
            moved.status = BackfillStatus.FAILED if _bad(moved) else BackfillStatus.SUCCEEDED
            moved.finished = self.clock.now()
        if moved != backfill and not self.store.save(moved):
            # Somebody was faster: the next time finds what this one has started, unless there is no next time.
            now = self.store.get(backfill.id)
            if now.status is BackfillStatus.STOPPED:
                self.stop_open(now)

    def looked_at(self, backfill: Backfill) -> Backfill:
        """The backfill with what its executions are now; of one that was retried, what the retry is."""
        moved = backfill.model_copy(deep=True)
        for part in moved.parts:
            if part.execution_id is not None and not moved.over and part.status is not ExecutionStatus.SUCCEEDED:
                part.status = self._status(part.execution_id)
        return moved

    def stop_open(self, backfill: Backfill) -> None:
        """Stop the executions of a backfill that are open, also those that it does not know of yet."""
        for part in backfill.parts:
            execution = self.runs.find_by_key(backfill.caller, backfill.key(part))
            if execution is not None and not execution.ended:
                # It may have ended meanwhile.
                with suppress(ConflictError):
                    self.stop(execution.id, str(backfill.reason))

    def _start_next(self, backfill: Backfill) -> None:
        free = backfill.at_once - sum(part.open for part in backfill.parts)
        for part in [part for part in backfill.parts if part.status is None][: max(free, 0)]:
            execution = self._execution(backfill, part)
            part.execution_id = execution.id
            part.status = execution.status
            if part.status in BAD and backfill.on_failure is OnFailure.PAUSE:
                return

    def _execution(self, backfill: Backfill, part: BackfillPart) -> Execution:
        """The part's execution, made if it is not there: its idempotency key is the part's own."""
        command = backfill.command(part)
        document = command.model_dump(mode="json")
        wanted = Execution(
            id=self.clock.new_id(),
            command=document,
            fingerprint=hashlib.sha256(command.model_dump_json().encode()).hexdigest(),
            caller=backfill.caller,
            idempotency_key=backfill.key(part),
            created=self.clock.now(),
            notes=[f"{part.sync_version} of backfill {backfill.id}"],
        )
        execution, _ = create_noting(wanted, command, self.runs, self.sync_configs, self.targets)
        if not execution.ended:
            self.start(execution.id)
        return execution

    def _status(self, execution_id: str) -> ExecutionStatus:
        try:
            execution = self.runs.get_execution(execution_id)
            while execution.retried_by is not None:
                execution = self.runs.get_execution(execution.retried_by)
            return execution.status  # noqa: TRY300 - what is read last is what counts
        except NotFoundError:
            # Stores let go of old executions; what cannot be told any more did not end well for sure.
            return ExecutionStatus.FAILED


def _bad(backfill: Backfill) -> list[BackfillPart]:
    return [part for part in backfill.parts if part.status in BAD]


def _paused(moved: Backfill, before: Backfill) -> bool:
    """Whether the backfill pauses, since a sync of it has ended badly that had not before, and others are to follow."""
    known = {part.sync_version for part in _bad(before)}
    news = [part for part in _bad(moved) if part.sync_version not in known]
    if not news or moved.on_failure is not OnFailure.PAUSE or all(part.status is not None for part in moved.parts):
        return False
    moved.status = BackfillStatus.PAUSED
    moved.reason = f"execution {news[0].execution_id} of {news[0].sync_version} has {news[0].status}"
    return True
