"""The run store on DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Attr

from datapump.errors import StorageError
from datapump.executions import ExecutionStatus
from datapump.stores.dynamodb.effects import DynamoEffects
from datapump.stores.dynamodb.events import EventItems
from datapump.stores.dynamodb.executions import ExecutionItems
from datapump.stores.dynamodb.jobs import JobItems
from datapump.stores.dynamodb.leases import DynamoLeases
from datapump.stores.dynamodb.run_queries import DynamoRunQueries, idempotency
from datapump.stores.dynamodb.writes import put
from datapump.stores.run_rules import accepted, begun, finished, retried, stop_requested, triggered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from datapump.clock import Clock
    from datapump.executions import Event, Execution, JobFaults, NewEvent, StoredJob
    from datapump.jobs.documents import AnyJob
    from datapump.stores.dynamodb.layout import Item, Key
    from datapump.stores.dynamodb.tables import Tables
    from datapump.stores.dynamodb.writes import Write

ATTEMPTS = 20


class DynamoRunStore(DynamoRunQueries, DynamoEffects, DynamoLeases):
    """Executions, jobs, events, effects and leases in the run table.

    What the port says is done whole, is done in one transaction; a change that met another one is made again on what
    that one has left.
    """

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock
        self._executions = ExecutionItems(tables, clock)
        self._events = EventItems(tables, clock)
        self._jobs = JobItems(tables, clock, self._executions, self._events)

    def create_execution(self, execution: Execution) -> tuple[Execution, bool]:
        """Store a new execution, or find the one that this caller's idempotency key made."""
        for _ in range(ATTEMPTS):
            writes = self._executions.created(execution)
            writes += self._events.first(execution.id, accepted(execution))
            if execution.idempotency_key is not None:
                place = idempotency(execution.caller, execution.idempotency_key)
                used = self._tables.get(self._tables.runs, place)
                earlier = None if used is None else self._executions.find(str(used["execution_id"]))
                if earlier is not None and earlier.execution.key_stands(execution.created):
                    return earlier.execution, False
                writes.append(self._use_key(execution, place, used))
            numbered: list[Write] = []
            if execution.retry_of is not None:
                linked, event = self._link_retry(execution, execution.retry_of)
                writes += linked
                numbered = self._events.numbered(execution.retry_of, [event])
            if execution.triggered_by is not None:
                numbered += self._events.numbered(execution.triggered_by, [triggered(execution)])
            if self._events.commit(writes, numbered):
                return execution, True
        raise StorageError(f"execution {execution.id} could not be stored: others were faster all the time")

    def get_execution(self, execution_id: str) -> Execution:
        """One execution."""
        return self._executions.get(execution_id).execution

    def begin(self, execution_id: str, jobs: Sequence[AnyJob], notes: Sequence[str], errors: Sequence[str]) -> bool:
        """Store the jobs, then move `accepted` to `running`, which makes them the execution's jobs."""
        execution = self.get_execution(execution_id)
        if execution.status is not ExecutionStatus.ACCEPTED:
            return False
        dispatch = self._clock.new_id()
        self._jobs.stage(execution, dispatch, jobs)
        now = self._clock.now()
        return self._change(execution_id, lambda found: begun(found, now, jobs, notes, errors), dispatch) is not None

    def finish(
        self,
        execution_id: str,
        status: ExecutionStatus,
        errors: Sequence[str] = (),
        faults: JobFaults | None = None,
    ) -> bool:
        """Store the end of an execution."""
        now = self._clock.now()
        return self._change(execution_id, lambda found: finished(found, now, status, errors, faults)) is not None

    def request_stop(self, execution_id: str, reason: str) -> Execution:
        """Store the wish to stop; the flow looks at open jobs when they fall due."""
        stopped = self._change(execution_id, lambda found: stop_requested(found, reason))
        return stopped or self.get_execution(execution_id)

    def get_job(self, execution_id: str, job_id: str) -> StoredJob:
        """One job."""
        return self._jobs.get(execution_id, job_id)

    def list_jobs(self, execution_id: str) -> list[StoredJob]:
        """An execution's jobs."""
        return self._jobs.list(execution_id)

    def save_job(self, execution_id: str, job: AnyJob, revision: int, events: Sequence[NewEvent] = ()) -> bool:
        """Replace the document of that revision, with the events of the change, in one transaction."""
        return self._jobs.save(execution_id, job, revision, events)

    def add_event(self, execution_id: str, event: NewEvent) -> None:
        """Append an event."""
        self._events.add(execution_id, [event])

    def list_events(self, execution_id: str, *, after: int = 0, limit: int = 100) -> list[Event]:
        """Events after number `after`; numbers may be left out, events are not."""
        return self._events.list(execution_id, after, limit)

    def _change(
        self, execution_id: str, alter: Callable[[Execution], list[NewEvent] | None], dispatch: str | None = None
    ) -> Execution | None:
        """Alter an execution as it is now, and tell of it. None: there was nothing to alter."""
        for _ in range(ATTEMPTS):
            held = self._executions.get(execution_id)
            events = alter(held.execution)
            if events is None:
                return None
            numbered = self._events.numbered(execution_id, events)
            if self._events.commit(self._executions.replaced(held, dispatch), numbered):
                return held.execution
        raise StorageError(f"execution {execution_id} could not be changed: others change it all the time")

    def _link_retry(self, retry: Execution, retry_of: str) -> tuple[list[Write], NewEvent]:
        """The writes that enter a retry into the execution that it retries, and the event that tells of it there."""
        original = self._executions.find(retry_of)
        newest = None if original is None else original.execution.retried_by
        earlier = None if newest is None else self._executions.find(newest)
        event = retried(
            None if original is None else original.execution, None if earlier is None else earlier.execution, retry
        )
        return [] if original is None else self._executions.replaced(original), event

    def _use_key(self, execution: Execution, place: Key, used: Item | None) -> Write:
        # A key that has expired, as one whose execution has, stands for nothing any more.
        unused = Attr("pk").not_exists() if used is None else Attr("execution_id").eq(used["execution_id"])
        expires = self._tables.expires(self._clock.now())
        return put(self._tables.runs, {**place, "execution_id": execution.id, "expires": expires}, unused)
