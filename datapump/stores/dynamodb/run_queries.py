"""Questions about runs on DynamoDB: lists, counts, and how executions belong together."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Unpack

from boto3.dynamodb.conditions import Key

from datapump.executions import ConfigRun, ConfigRuns
from datapump.jobs.documents import JobStatus
from datapump.stores import Page
from datapump.stores.dynamodb import lists
from datapump.stores.dynamodb.layout import config_pk, key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from datapump.clock import Clock
    from datapump.executions import Execution, ExecutionFilters
    from datapump.stores.dynamodb.executions import ExecutionItems
    from datapump.stores.dynamodb.jobs import JobItems
    from datapump.stores.dynamodb.layout import Item
    from datapump.stores.dynamodb.tables import Tables

COUNT_AT_ONCE = 1000
# How many nights of a config are read at once: mostly one of the last few has succeeded.
PAGE = 20


class DynamoRunQueries:
    """The part of the run store that looks across executions."""

    _clock: Clock
    _tables: Tables
    _executions: ExecutionItems
    _jobs: JobItems

    def list_executions(
        self, *, after: str | None = None, limit: int = 50, **filters: Unpack[ExecutionFilters]
    ) -> Page[Execution]:
        """Executions, newest first; `after` is the place that the page before ended with."""
        found: list[tuple[str, Execution]] = []
        entries = lists.walk(self._tables, filters, after, limit + 1)
        while len(found) <= limit and (chunk := list(islice(entries, limit + 1 - len(found)))):
            held = self._executions.find_all(one.execution_id for one in chunk)
            for one in chunk:
                # Lists are a moment behind: what an execution is by now, it says itself.
                known = held.get(one.execution_id)
                if known is None or filters.get("status") not in {None, known.execution.status}:
                    continue
                if one.holds(known.dispatch):
                    found.append((one.position, known.execution))
        items = [execution for _, execution in found[:limit]]
        return Page(items, found[limit - 1][0] if len(found) > limit else None)

    def count_executions(self, **filters: Unpack[ExecutionFilters]) -> int:
        """How many executions there are."""
        entries = lists.walk(self._tables, filters, None, COUNT_AT_ONCE)
        count = 0
        while chunk := list(islice(entries, COUNT_AT_ONCE)):
            doubtful = [one for one in chunk if not one.certain]
            dispatches = self._executions.dispatches(one.execution_id for one in doubtful)
            count += len(chunk) - len(doubtful)
            count += sum(one.holds(dispatches.get(one.execution_id)) for one in doubtful)
        return count

    def find_by_key(self, caller: str, idempotency_key: str) -> Execution | None:
        """The execution that a caller's idempotency key made, None if there is none."""
        item = self._tables.get(self._tables.runs, idempotency(caller, idempotency_key))
        held = None if item is None else self._executions.find(str(item["execution_id"]))
        return held.execution if held is not None and held.execution.key_stands(self._clock.now()) else None

    def open_job(self, job_id: str) -> str | None:
        """The execution in which a job of that id is open, None if there is none."""
        found = (stored.execution_id for stored in self._jobs.executions_of(job_id) if not stored.job.ended)
        return next(found, None)

    def newest_execution_of(self, job_id: str) -> str | None:
        """The newest execution that holds a job of that id, None if there is none."""
        return next((stored.execution_id for stored in self._jobs.executions_of(job_id)), None)

    def config_runs(self, config_id: str) -> ConfigRuns:
        """The newest job of a config, its newest success, and the first that did not complete since."""
        condition = Key("pk").eq(config_pk(config_id)) & Key("sk").begins_with("RUN#")
        since: list[Item] = []
        success: Item | None = None
        for item in self._tables.query(self._tables.runs, condition, page=PAGE, forward=False):
            if item["status"] == JobStatus.COMPLETE:
                success = item
                break
            since.append(item)
        newest = since if success is None else [*since, success]
        later = [item for item in since if success is None or _place(item)[0] > _place(success)[0]]
        return ConfigRuns(
            last=self._first_run(newest),
            success=None if success is None else self._first_run([success]),
            behind=self._first_run(reversed(later)),
        )

    def _first_run(self, items: Iterable[Item]) -> ConfigRun | None:
        """The first that is there: an attempt to dispatch may have left some behind that came to nothing."""
        for item in items:
            execution_id, job_id = _place(item)
            stored = self._jobs.find(execution_id, job_id)
            if stored is not None:
                return ConfigRun(
                    execution_id=execution_id,
                    job_id=job_id,
                    status=stored.status,
                    created=item["created"],
                    ended=stored.job.end_time,
                    message=stored.job.message,
                )
        return None


def idempotency(caller: str, idempotency_key: str) -> dict[str, str]:
    """Where it is kept which execution a caller's idempotency key made."""
    return key(f"IDEMPOTENCY#{caller}#{idempotency_key}", "IDEMPOTENCY")


def _place(item: Item) -> tuple[str, str]:
    _, execution_id, job_id = str(item["sk"]).split("#", 2)
    return execution_id, job_id
