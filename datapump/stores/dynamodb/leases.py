"""Leases on DynamoDB.

A lease is in force as long as its holder's execution is open (or, where it was taken to dispatch, as long as that has
not been dispatched). So ending an execution gives all of its leases back in the one write that ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Attr

from datapump.errors import StorageError
from datapump.executions import ExecutionStatus
from datapump.stores.dynamodb.layout import key
from datapump.stores.dynamodb.writes import put

if TYPE_CHECKING:
    from datapump.stores.dynamodb.executions import ExecutionItems
    from datapump.stores.dynamodb.jobs import JobItems
    from datapump.stores.dynamodb.tables import Tables

ATTEMPTS = 20


class DynamoLeases:
    """The part of the run store that lets one job at a time write a target."""

    _tables: Tables
    _executions: ExecutionItems
    _jobs: JobItems

    def acquire(self, target: str, execution_id: str, job_id: str) -> tuple[str, str] | None:
        """Take a target's lease, or tell who holds it."""
        ours = (execution_id, job_id)
        for _ in range(ATTEMPTS):
            item = self._tables.get(self._tables.runs, key(f"LEASE#{target}", "LEASE"))
            holder = None if item is None else (str(item["execution_id"]), str(item["job_id"]))
            if holder == ours:
                return None
            if holder is not None and self._in_force(target, holder, execution_id):
                return holder
            if self._take(target, ours, holder):
                return None
        raise StorageError(f"the lease on {target} changes hands all the time: try again later")

    def _in_force(self, target: str, holder: tuple[str, str], asking: str) -> bool:
        execution_id, job_id = holder
        if execution_id == asking:
            job = self._jobs.find(execution_id, job_id) if job_id else None
            return job is not None and not job.job.ended
        held = self._executions.find(execution_id)
        if held is None or held.execution.ended:
            return False
        dispatching = held.execution.status is ExecutionStatus.ACCEPTED
        return bool(job_id) or dispatching or not target.startswith("feed ")

    def _take(self, target: str, ours: tuple[str, str], holder: tuple[str, str] | None) -> bool:
        item = {**key(f"LEASE#{target}", "LEASE"), "execution_id": ours[0], "job_id": ours[1]}
        condition = (
            Attr("pk").not_exists()
            if holder is None
            else Attr("execution_id").eq(holder[0]) & Attr("job_id").eq(holder[1])
        )
        return self._tables.write(put(self._tables.runs, item, condition))
