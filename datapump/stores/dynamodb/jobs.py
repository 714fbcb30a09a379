"""The jobs of executions.

A thousand jobs are too many for one transaction. So an attempt to dispatch stores its jobs under a name of its own,
where nobody looks, and then enters that name into the execution: that one write makes them the execution's jobs, all at
once. What an attempt has left behind that came to nothing, expires.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, Key

from datapump.clock import isoformat
from datapump.errors import NotFoundError
from datapump.executions import StoredJob
from datapump.jobs.documents import JOB, JobStatus
from datapump.stores.dynamodb import lists
from datapump.stores.dynamodb.layout import execution_pk, job_key, key, run_key
from datapump.stores.dynamodb.values import pack_one, unpack
from datapump.stores.dynamodb.writes import update
from datapump.stores.run_rules import forward

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from datapump.clock import Clock
    from datapump.executions import Execution, NewEvent
    from datapump.jobs.documents import AnyJob
    from datapump.stores.dynamodb.events import EventItems
    from datapump.stores.dynamodb.executions import ExecutionItems
    from datapump.stores.dynamodb.layout import Item
    from datapump.stores.dynamodb.tables import Tables

MOST_CACHED = 10_000
# How many executions that took up a job are looked at at once: there are seldom more than two.
PAGE = 5


class JobItems:
    """The jobs of a run table."""

    def __init__(self, tables: Tables, clock: Clock, executions: ExecutionItems, events: EventItems) -> None:
        self._tables = tables
        self._clock = clock
        self._executions = executions
        self._events = events
        # Which attempt to dispatch counted, of executions that are past dispatching: it never changes.
        self._dispatches: dict[str, str] = {}
        self._lock = threading.Lock()

    def stage(self, execution: Execution, dispatch: str, jobs: Sequence[AnyJob]) -> None:
        """Store what the jobs of an attempt to dispatch are found by, and them."""
        now = self._clock.now()
        created, position = isoformat(execution.created), lists.position(execution.id, execution.created)
        items: list[dict[str, Any]] = []
        for name in lists.names_of_jobs(jobs):
            sk = f"LIST#{name}#{dispatch}"
            items.append(
                {**key(execution_pk(execution.id), sk), "list": name, "listed": position, "dispatch": dispatch}
            )
        for number, job in enumerate(jobs):
            items.append(
                {
                    **job_key(execution.id, dispatch, job.id),
                    "position": number,
                    "revision": 1,
                    "due": isoformat(now),
                    **_state(job),
                }
            )
            items.append(key(f"JOB#{job.id}", execution.id))
            if sync_config_of(job) is not None:
                run = run_key(str(sync_config_of(job)), execution.id, job.id)
                items.append({**run, "status": job.status.value, "created": created})
        expires = self._tables.expires(now)
        self._tables.put_all(self._tables.runs, [{**item, "expires": expires} for item in items])

    def get(self, execution_id: str, job_id: str) -> StoredJob:
        """One job.

        Raises:
            NotFoundError: There is none of that id.
        """
        dispatch = self._dispatch_of(execution_id)
        item = None
        if dispatch is not None:
            item = self._tables.get(self._tables.runs, job_key(execution_id, dispatch, job_id))
        if item is None:
            raise NotFoundError(f"there is no job {job_id!r} in execution {execution_id!r}")
        return _stored(execution_id, item)

    def find(self, execution_id: str, job_id: str) -> StoredJob | None:
        """One job, None if there is none of that id."""
        try:
            return self.get(execution_id, job_id)
        except NotFoundError:
            return None

    def list(self, execution_id: str) -> list[StoredJob]:
        """An execution's jobs, in the order of their making."""
        dispatch = self._dispatch_of(execution_id)
        if dispatch is None:
            return []
        key_of_all = job_key(execution_id, dispatch, "")
        condition = Key("pk").eq(key_of_all["pk"]) & Key("sk").begins_with(key_of_all["sk"])
        items = sorted(self._tables.query(self._tables.runs, condition), key=lambda item: int(item["position"]))
        return [_stored(execution_id, item) for item in items]

    def save(self, execution_id: str, job: AnyJob, revision: int, events: Sequence[NewEvent]) -> bool:
        """Replace the document of that revision, with the events of the change, all or nothing."""
        dispatch = self._dispatch_of(execution_id)
        if dispatch is None:
            return False
        due = self._clock.now() + timedelta(seconds=job.next_poll_s)
        earlier = [old.value for old in JobStatus if forward(old, job.status)]
        condition = Attr("revision").eq(revision) & Attr("status").is_in(earlier)
        changes = {**_state(job), "revision": revision + 1, "due": isoformat(due)}
        write = update(self._tables.runs, job_key(execution_id, dispatch, job.id), changes, condition)
        writes = [write]
        config_id = sync_config_of(job)
        if config_id is not None and job.ended:
            run = {"status": job.status.value}
            key_of_run = run_key(config_id, execution_id, job.id)
            writes.append(update(self._tables.runs, key_of_run, run, Attr("pk").exists()))
        if len(writes) == 1 and not events:
            return self._tables.write(write)
        return self._events.commit(writes, self._events.numbered(execution_id, events))

    def executions_of(self, job_id: str) -> Iterator[StoredJob]:
        """The jobs of that id, of the newest execution first."""
        condition = Key("pk").eq(f"JOB#{job_id}")
        for item in self._tables.query(self._tables.runs, condition, page=PAGE, forward=False):
            stored = self.find(str(item["sk"]), job_id)
            if stored is not None:
                yield stored

    def _dispatch_of(self, execution_id: str) -> str | None:
        with self._lock:
            known = self._dispatches.get(execution_id)
        if known is not None:
            return known
        held = self._executions.dispatches([execution_id]).get(execution_id)
        if held is not None:
            with self._lock:
                if len(self._dispatches) >= MOST_CACHED:
                    self._dispatches.clear()
                self._dispatches[execution_id] = held
        return held


def sync_config_of(job: AnyJob) -> str | None:
    """The sync config that called for a job."""
    found: str | None = getattr(job, "sync_config", None)
    return found


def _state(job: AnyJob) -> dict[str, Any]:
    return {"status": job.status.value, "document": pack_one(job.model_dump_json(), f"the document of job {job.id}")}


def _stored(execution_id: str, item: Item) -> StoredJob:
    job = JOB.validate_json(unpack(item["document"]))
    return StoredJob(execution_id=execution_id, job=job, revision=item["revision"], due=item["due"])
