"""Chaining by completion: when a sync publishes a new version of a raster, the syncs that come after it start, once.

The clock's schedules stay as a fallback: a sync that finds nothing new does nothing.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from datapump.analyses import SyncType
from datapump.commands import COMMAND, SyncCommand
from datapump.executions import Execution
from datapump.jobs.documents import JobStatus, RasterJob
from datapump.recipes import recipes
from datapump.targets import create_noting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from datapump.jobs.documents import JobBase
    from datapump.ports import Ports

CALLER: Final = "datapump"
# What no recipe says: the syncs that make tables only.
TABLES_AFTER: Final = {SyncType.GLAD: frozenset({"umd_glad_landsat_alerts"})}


def start_followers(execution: Execution, jobs: Iterable[JobBase], ports: Ports) -> tuple[str, ...]:
    """Store the executions that an ended one's new versions call for; doing it again finds the same ones.

    Returns:
        Their ids: whoever carries executions must start them.

    Raises:
        StorageError: The run store refused a write; it can be repeated.
    """
    if not ports.settings.chaining or execution.stop_reason is not None:
        return ()
    published = {
        job.dataset
        for job in jobs
        if isinstance(job, RasterJob) and job.sync_type is not None and job.status is JobStatus.COMPLETE
    }
    stored = []
    for sync_type in followers(published, ports):
        wanted = _execution(execution, sync_type, ports)
        known = ports.runs.find_by_key(CALLER, str(wanted.idempotency_key))
        if known is None and not execution.ended and is_followed(sync_type, ports):
            known = store(wanted, ports)
        if known is not None:
            stored.append(known.id)
    return tuple(stored)


def store(wanted: Execution, ports: Ports) -> Execution:
    """Store an execution that datapump itself asks for, so that commands that are not to wait are refused for it."""
    command = COMMAND.validate_python(wanted.command, strict=False)
    return create_noting(wanted, command, ports.runs, ports.sync_configs, ports.targets)[0]


def followers(published: set[str], ports: Ports) -> list[SyncType]:
    """The syncs that come after new versions of these datasets, each once."""
    found = [sync_type for sync_type, datasets in TABLES_AFTER.items() if datasets & published]
    known = recipes(ports.settings.recipes).values()
    found += [SyncType(recipe.sync) for recipe in known if published & set(recipe.after)]
    return sorted(set(found))


def is_followed(sync_type: SyncType, ports: Ports) -> bool:
    """Whether somebody wants a sync to be done: a config of it is on, or it makes a raster and has none yet."""
    if ports.sync_configs.list(sync_type=sync_type.value, sync=True, limit=1).items:
        return True
    makes_raster = any(recipe.sync == sync_type for recipe in recipes(ports.settings.recipes).values())
    return makes_raster and not ports.sync_configs.list(sync_type=sync_type.value, limit=1).items


def sync_execution(types: Sequence[SyncType], key: str, ports: Ports, **more: Any) -> Execution:  # noqa: ANN401 - fields of an execution
    """An execution of a sync that datapump itself asks for; the key makes it one, however often it is asked for."""
    labels = more.pop("labels", {})
    command = SyncCommand.model_validate(
        {"command": "sync", "labels": labels, "parameters": {"types": list(types)}}, strict=False
    ).model_dump(mode="json")
    return Execution(
        id=ports.clock.new_id(),
        command=command,
        fingerprint=hashlib.sha256(json.dumps(command, sort_keys=True).encode()).hexdigest(),
        caller=CALLER,
        idempotency_key=key,
        created=ports.clock.now(),
        **more,
    )


def _execution(trigger: Execution, sync_type: SyncType, ports: Ports) -> Execution:
    return sync_execution(
        [sync_type],
        f"after {trigger.id} {sync_type}",
        ports,
        labels=trigger.command.get("labels", {}),
        triggered_by=trigger.id,
    )
