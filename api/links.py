"""Links of the contract: which operations can be asked next, with what an answer holds."""

from __future__ import annotations

import re
from typing import Any

PARAMETER = re.compile(r"\{(\w+)\}")
EXECUTION = {"execution_id": "$response.body#/id"}
# By operation: the parameters that its answer holds values of, and where.
HOLDS: dict[str, dict[str, str]] = {
    "submit_command": EXECUTION,
    "run_sync_config": EXECUTION,
    "retry_execution": EXECUTION,
    "list_executions": {"execution_id": "$response.body#/items/0/id"},
    "get_execution": {**EXECUTION, "job_id": "$response.body#/jobs/0/id"},
    "list_sync_configs": {"config_id": "$response.body#/items/0/id"},
    "get_sync_config": {"config_id": "$response.body#/id", "header.If-Match": "$response.header.ETag"},
    "make_backfill": {"backfill_id": "$response.body#/id"},
    "list_backfills": {"backfill_id": "$response.body#/items/0/id"},
    "list_results": {"dataset": "$response.body#/items/0/dataset", "version": "$response.body#/items/0/versions/0"},
}
GUARDED = {"patch_sync_config": {"header.If-Match"}}


def add_links(paths: dict[str, Any]) -> None:
    """Link each answer that holds what others ask for to all operations that ask for nothing more in their paths."""
    operations = {
        operation["operationId"]: (frozenset(PARAMETER.findall(path)), operation)
        for path, methods in paths.items()
        for operation in methods.values()
    }
    for source, held in HOLDS.items():
        in_paths = {name for name in held if "." not in name}
        links = {}
        for target, (needed, _) in operations.items():
            if target != source and needed and needed <= in_paths:
                given = needed | (GUARDED.get(target, set()) & held.keys())
                links[target] = {"operationId": target, "parameters": {name: held[name] for name in sorted(given)}}
        _answer(operations[source][1])["links"] = links


def _answer(operation: dict[str, Any]) -> dict[str, Any]:
    """The response that is no error."""
    found: dict[str, Any] = next(one for status, one in operation["responses"].items() if status.startswith("2"))
    return found
