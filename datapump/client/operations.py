"""What can be asked of the API, once for the client that waits and the one that is awaited."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from datapump.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = dict[str, Any]
Value = str | int | bool
Answer = TypeVar("Answer")
JSON_BODY = {"Content-Type": "application/json"}


class Request(NamedTuple):
    """A request to be sent.

    Attributes:
        repeatable: Whether it can be sent again without being done twice.
        wait_s: How long the answer may be held back on purpose.
    """

    method: str
    path: str
    params: Mapping[str, Value] = {}
    body: str | bytes | None = None
    headers: Mapping[str, str] = {}
    repeatable: bool = True
    wait_s: float = 0.0


class Operations(ABC, Generic[Answer]):
    """The operations; `Answer` is a document, or what is awaited for one."""

    @abstractmethod
    def _ask(self, request: Request) -> Answer:
        """Send a request, again where its client's patience says so, for the document that is answered."""

    def submit(self, command: str | bytes, idempotency_key: str | None = None, *, plan: bool = False) -> Answer:
        """Start an execution of a command given as JSON text; with `plan` one that only tells what it would do."""
        headers = {**JSON_BODY, **_key(idempotency_key)}
        params = {"plan": "true"} if plan else {}
        return self._ask(Request("POST", "/commands", params, command, headers))

    def plan(self, execution_id: str) -> Answer:
        """What an execution that was asked to plan has found out.

        Raises:
            NotFoundError: It has not, or could not.
        """
        return self._ask(Request("GET", f"/executions/{execution_id}/plan"))

    def execution(self, execution_id: str) -> Answer:
        """One execution with its jobs."""
        return self._ask(Request("GET", f"/executions/{execution_id}"))

    def executions(self, **filters: Value | None) -> Answer:
        """A page of executions, newest first."""
        return self._ask(Request("GET", "/executions", _given(filters)))

    def job(self, execution_id: str, job_id: str) -> Answer:
        """A job's whole document, as `continue_jobs` takes it."""
        return self._ask(Request("GET", f"/executions/{execution_id}/jobs/{job_id}"))

    def events(self, execution_id: str, *, after: int = 0, wait: int = 0, limit: int = 500) -> Answer:
        """A page of what happened in an execution; waits up to `wait` seconds for an event if there is none yet."""
        params = {"after": after, "wait": wait, "limit": limit}
        return self._ask(Request("GET", f"/executions/{execution_id}/events", params, wait_s=wait))

    def stop(self, execution_id: str, reason: str) -> Answer:
        """Stop an execution."""
        return self._ask(_post(f"/executions/{execution_id}/stop", {"reason": reason}, repeatable=False))

    def retry(self, execution_id: str, idempotency_key: str | None = None) -> Answer:
        """Start an execution of only the failed jobs of one that has ended."""
        return self._ask(Request("POST", f"/executions/{execution_id}/retry", headers=_key(idempotency_key)))

    def sync_configs(self, **filters: Value | None) -> Answer:
        """A page of sync configs."""
        return self._ask(Request("GET", "/sync-configs", _given(filters)))

    def sync_config(self, config_id: str) -> Answer:
        """One sync config."""
        return self._ask(Request("GET", f"/sync-configs/{config_id}"))

    def switch(self, config_id: str, *, sync: bool, revision: int | None = None, reason: str | None = None) -> Answer:
        """Switch a sync config on or off, if it is still of that revision where one is given.

        Raises:
            ConflictError: It has changed since.
        """
        headers = {**JSON_BODY, "If-Match": "*" if revision is None else f'"{revision}"'}
        patch = {"sync": sync} if reason is None else {"sync": sync, "reason": reason}
        body = json.dumps(patch)
        return self._ask(Request("PATCH", f"/sync-configs/{config_id}", {}, body, headers, repeatable=False))

    def switch_type(self, sync_type: str, *, sync: bool, reason: str) -> Answer:
        """Pause or resume every sync config of a feed."""
        body = {"sync_type": sync_type, "reason": reason}
        return self._ask(_post(f"/sync-configs/{'resume' if sync else 'pause'}", body, repeatable=False))

    def config_history(self, config_id: str, **page: Value | None) -> Answer:
        """A page of what callers changed in a sync config, newest first."""
        return self._ask(Request("GET", f"/sync-configs/{config_id}/history", _given(page)))

    def run_config(self, config_id: str, idempotency_key: str | None = None) -> Answer:
        """Start a sync of one config now."""
        return self._ask(Request("POST", f"/sync-configs/{config_id}/run", headers=_key(idempotency_key)))

    def make_backfill(self, backfill: Mapping[str, Any], idempotency_key: str | None = None) -> Answer:
        """Plan a sync for each of many sync versions, and start it if it says `start`."""
        headers = {**JSON_BODY, **_key(idempotency_key)}
        return self._ask(Request("POST", "/backfills", {}, json.dumps(backfill), headers))

    def backfills(self, **filters: Value | None) -> Answer:
        """A page of backfills, newest first."""
        return self._ask(Request("GET", "/backfills", _given(filters)))

    def backfill(self, backfill_id: str) -> Answer:
        """One backfill."""
        return self._ask(Request("GET", f"/backfills/{backfill_id}"))

    def change_backfill(self, backfill_id: str, action: str, reason: str) -> Answer:
        """Pause, resume or stop a backfill, as `action` says; doing it twice changes nothing."""
        return self._ask(_post(f"/backfills/{backfill_id}/{action}", {"reason": reason}))

    def catalog(self) -> Answer:
        """What this deployment can do."""
        return self._ask(Request("GET", "/catalog"))

    def results(self, **filters: Value | None) -> Answer:
        """A page of the result datasets."""
        return self._ask(Request("GET", "/results", _given(filters)))

    def result(self, dataset: str, version: str) -> Answer:
        """A published table: its columns and how many rows it has."""
        return self._ask(Request("GET", f"/results/{dataset}/{version}"))

    def result_areas(self, dataset: str, version: str) -> Answer:
        """The outlines of the areas that a published table is about (GeoJSON)."""
        return self._ask(Request("GET", f"/results/{dataset}/{version}/areas"))

    def result_places(self, dataset: str, version: str) -> Answer:
        """Where fires of a published table were seen (GeoJSON): a sample, and how many there are."""
        return self._ask(Request("GET", f"/results/{dataset}/{version}/places"))

    def result_rows(self, dataset: str, version: str, **choice: Value | None) -> Answer:
        """Rows of a published table, or with `group_by` the totals of its groups."""
        return self._ask(Request("GET", f"/results/{dataset}/{version}/rows", _given(choice)))

    def freshness(self, **filters: Value | None) -> Answer:
        """A page of how fresh the tables of the enabled sync configs are."""
        return self._ask(Request("GET", "/freshness", _given(filters)))

    def audit(self, **filters: Value | None) -> Answer:
        """A page of the requests that could change something, newest first."""
        return self._ask(Request("GET", "/audit", _given(filters)))


def _post(path: str, body: Mapping[str, Any], *, repeatable: bool = True) -> Request:
    return Request("POST", path, {}, json.dumps(body), JSON_BODY, repeatable)


def _key(given: str | None) -> dict[str, str]:
    """The header of a key, made for this request alone if none is given."""
    key = (given or SystemClock().new_id()).replace("\\", "\\\\").replace('"', '\\"')
    return {"Idempotency-Key": f'"{key}"'}


def _given(filters: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in filters.items() if value is not None}
