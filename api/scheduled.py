"""What the schedules of the production deployment ask for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastapi import Response

from api.idempotency import fingerprint
from api.submission import Submission
from datapump.capabilities import refuse_unavailable
from datapump.commands import parse_command
from datapump.errors import InvalidInputError, RemoteUnavailableError

if TYPE_CHECKING:
    from api.services import Services

SCHEDULER = "schedule"
BACKFILLS = "backfills"


def scheduled(event: dict[str, Any], services: Services) -> dict[str, Any]:
    """Start the execution of a schedule's command, exactly once; returns its id.

    Raises:
        InvalidInputError: The event lacks its name, its time or its command, or the command is wrong.
        UnsupportedError: This version cannot carry out the command.
        RemoteUnavailableError: It is stored, and must be started by delivering the event again.
    """
    missing = [name for name in ("name", "time", "command") if not event.get(name)]
    if missing:
        raise InvalidInputError(f"the event of a schedule lacks {', '.join(missing)}")
    command = parse_command(json.dumps(event["command"]))
    refuse_unavailable(command)
    submission = Submission(SCHEDULER, f"{event['name']} {event['time']}", services, Response())
    return {"execution_id": submission.start(command, fingerprint(command)).id}


def carry(event: dict[str, Any], services: Services) -> dict[str, Any]:
    """Take every running backfill as far as it goes now.

    Raises:
        InvalidInputError: The event asks for something else to be carried.
        RemoteUnavailableError: Some could not be taken on; the others were.
    """
    if event["carry"] != BACKFILLS or services.backfills is None:
        raise InvalidInputError(f"the event of a schedule asks to carry {event['carry']!r}: there are only {BACKFILLS}")
    failed = services.backfills.carry()
    if failed:
        raise RemoteUnavailableError(f"{failed} backfills could not be carried on: the log says why")
    return {"carried": BACKFILLS}
