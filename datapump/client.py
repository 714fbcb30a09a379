"""A small client of datapump's own HTTP API: what the command line uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx

from datapump.errors import (
    ConflictError,
    DatapumpError,
    Fault,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    RemoteInvalidError,
    RemoteUnavailableError,
    UnauthorizedError,
    UnsupportedError,
    UserError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

JSON = dict[str, Any]
ERRORS: dict[int, type[UserError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    412: ConflictError,
    501: UnsupportedError,
}


class Client:
    """datapump at one address, for one caller."""

    def __init__(self, url: str, key: SecretStr, timeout_s: float = 30.0) -> None:
        headers = {"Authorization": f"Bearer {key.get_secret_value()}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def submit(self, command: str | bytes, idempotency_key: str | None = None, *, plan: bool = False) -> JSON:
        """Start an execution of a command given as JSON text; with `plan` one that only tells what it would do."""
        headers = {"Content-Type": "application/json"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = f'"{idempotency_key}"'
        params = {"plan": "true"} if plan else {}
        return self._ask("POST", "/commands", content=command, headers=headers, params=params)

    def plan(self, execution_id: str) -> JSON:
        """What an execution that was asked to plan has found out.

        Raises:
            NotFoundError: It has not, or could not.
        """
        return self._ask("GET", f"/executions/{execution_id}/plan")

    def execution(self, execution_id: str) -> JSON:
        """One execution with its jobs."""
        return self._ask("GET", f"/executions/{execution_id}")

    def executions(self, **filters: str | int | None) -> JSON:
        """A page of executions, newest first."""
        return self._ask("GET", "/executions", params=_given(filters))

    def events(self, execution_id: str, *, after: int = 0, wait: int = 0, limit: int = 500) -> JSON:
        """A page of what happened in an execution; waits up to `wait` seconds for an event if there is none yet."""
        parameters = {"after": after, "wait": wait, "limit": limit}
        return self._ask("GET", f"/executions/{execution_id}/events", params=parameters)

    def sync_configs(self, **filters: str | int | bool | None) -> JSON:
        """A page of sync configs."""
        return self._ask("GET", "/sync-configs", params=_given(filters))

    def sync_config(self, config_id: str) -> JSON:
        """One sync config."""
        return self._ask("GET", f"/sync-configs/{config_id}")

    def switch(self, config_id: str, *, sync: bool, revision: int | None = None, reason: str | None = None) -> JSON:
        """Switch a sync config on or off, if it is still of that revision where one is given.

        Raises:
            ConflictError: It has changed since.
        """
        headers = {"If-Match": "*" if revision is None else f'"{revision}"'}
        patch = {"sync": sync} if reason is None else {"sync": sync, "reason": reason}
        return self._ask("PATCH", f"/sync-configs/{config_id}", json=patch, headers=headers)

    def switch_type(self, sync_type: str, *, sync: bool, reason: str) -> JSON:
        """Pause or resume every sync config of a feed."""
        body = {"sync_type": sync_type, "reason": reason}
        return self._ask("POST", f"/sync-configs/{'resume' if sync else 'pause'}", json=body)

    def config_history(self, config_id: str, **page: str | int | None) -> JSON:
        """A page of what callers changed in a sync config, newest first."""
        return self._ask("GET", f"/sync-configs/{config_id}/history", params=_given(page))

    def run_config(self, config_id: str, idempotency_key: str | None = None) -> JSON:
        """Start a sync of one config now."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": f'"{idempotency_key}"'}
        return self._ask("POST", f"/sync-configs/{config_id}/run", headers=headers)

    def catalog(self) -> JSON:
        """What this deployment can do."""
        return self._ask("GET", "/catalog")

    def freshness(self, **filters: str | int | None) -> JSON:
        """A page of how fresh the tables of the enabled sync configs are."""
        return self._ask("GET", "/freshness", params=_given(filters))

    def stop(self, execution_id: str, reason: str) -> JSON:
        """Stop an execution."""
        return self._ask("POST", f"/executions/{execution_id}/stop", json={"reason": reason})

    def retry(self, execution_id: str, idempotency_key: str | None = None) -> JSON:
        """Start an execution of only the failed jobs of one that has ended."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": f'"{idempotency_key}"'}
        return self._ask("POST", f"/executions/{execution_id}/retry", headers=headers)

    def _ask(self, method: str, path: str, **arguments: Any) -> JSON:  # noqa: ANN401 - httpx's own arguments
        try:
            response = self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            address = str(self._http.base_url)
            raise RemoteUnavailableError(
                f"there is no answer from {address} ({type(error).__name__}): is the server running (datapump serve)?"
            ) from error
        try:
            document = response.json()
        except ValueError as error:
            raise RemoteInvalidError(f"{response.url} did not answer with JSON: is this datapump?") from error
        if response.is_success and isinstance(document, dict):
            return document
        raise _error(response.status_code, document if isinstance(document, dict) else {})


def _given(filters: Mapping[str, str | int | bool | None]) -> dict[str, str | int | bool]:
    return {name: value for name, value in filters.items() if value is not None}


def _error(status: int, problem: JSON) -> DatapumpError:
    detail = str(problem.get("detail") or problem.get("title") or f"status {status}")
    faults = [
        Fault(str(one.get("pointer") or one.get("parameter") or ""), str(one.get("detail", "")))
        for one in problem.get("errors", [])
    ]
    if faults:
        return InvalidInputError(detail, faults=faults)
    if status in ERRORS:
        return ERRORS[status](detail)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return RemoteUnavailableError(detail, status=status)
    return InvalidInputError(detail)
