"""Notifications: words for people on a channel, and news of versions for other systems.

They tell of what happened; nothing depends on them. Each is sent at most once: whether one arrived that was on its way
when the process died cannot be learned, and a message twice is worse than one missed, which stands in the events.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from datapump.effects import Outcome, once
from datapump.errors import DatapumpError
from datapump.executions import NewEvent
from datapump.notifier import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from datapump.notifier import Level
    from datapump.ports import Ports

logger = logging.getLogger(__name__)
EVENT = "notification"


def post(event: str, execution_id: str, level: Level, text: str, ports: Ports) -> str:
    """Post a message of an execution, once for each `event` of it. Whatever becomes of it, nothing is raised for it.

    Returns:
        What became of it, in words; it is also an event of the execution.

    Raises:
        StorageError: The run store refused a write.
    """
    message = Message(level, text, link(execution_id, ports))
    key = f"{execution_id}/notify/{event}"
    return _send(key, execution_id, None, f"{level}: {text}", lambda: ports.notifier.post(message), ports)


def announce(receiver: str, dataset: str, version: str, ports: Ports, *, execution_id: str, job_id: str) -> str:
    """Tell a receiver of a new version, once for each job. Whatever becomes of it, nothing is raised for it.

    Returns:
        What became of it, in words; it is also an event of the execution.

    Raises:
        StorageError: The run store refused a write.
    """
    key = f"{job_id}/announce/{receiver}/{dataset}/{version}"
    text = f"{dataset} {version} is published"
    return _send(
        key,
        execution_id,
        job_id,
        f"to {receiver}: {text}",
        lambda: ports.notifier.announce(receiver, dataset, version),
        ports,
    )


def link(execution_id: str, ports: Ports) -> str:
    """The address of an execution, for people."""
    return f"{ports.settings.url.rstrip('/')}/executions/{execution_id}"


def _send(key: str, execution_id: str, job_id: str | None, text: str, deliver: Callable[[], bool], ports: Ports) -> str:
    effect = ports.runs.get_effect(key)
    if effect is not None and effect.done:
        return str((effect.outcome or {})["said"])

    def do() -> Outcome:
        try:
            return {"said": text if deliver() else f"{text} (recorded only: no receiver is configured)"}
        except DatapumpError as error:
            logger.warning("a notification of execution %s was not delivered: %s", execution_id, error.message)
            return {"said": f"{text} (not delivered: {error.message})"}

    unknown = {"said": f"{text} (not sent again after an interruption: it may have been delivered)"}
    said = str(once(key, ports, do=do, find=lambda: unknown)["said"])
    ports.runs.add_event(execution_id, NewEvent(kind=EVENT, message=said, job_id=job_id))
    return said
