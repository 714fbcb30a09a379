"""Waiting for what happens in an execution: long polling and server-sent events.

Nothing is kept between two looks but the number of the last event that was given out, so that nothing is missed or
given out twice, also across reconnects. A look takes a worker thread only as long as it reads the store.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, NamedTuple

from starlette.concurrency import run_in_threadpool

from datapump.errors import DatapumpError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from api.services import Services
    from datapump.executions import Event

STREAM = "text/event-stream"
BATCH = 200
HEARTBEAT_S = 15.0
LONGEST_STREAM_S = 600.0
RECONNECT_MS = 2000
logger = logging.getLogger(__name__)


class Look(NamedTuple):
    """What one look has seen.

    Attributes:
        ended: Whether the execution had ended before the events were read: then none is missing.
    """

    events: list[Event]
    ended: bool


def look(services: Services, execution_id: str, after: int, limit: int) -> Look:
    """The events after number `after`.

    Raises:
        NotFoundError: There is no such execution.
    """
    # In this order: what is added between the two reads is seen by the second.
    ended = services.runs.get_execution(execution_id).ended
    return Look(services.runs.list_events(execution_id, after=after, limit=limit), ended)


async def wait_for(services: Services, execution_id: str, after: int, limit: int, wait_s: float) -> Look:
    """The first look that sees an event or the end of the execution, or the last one of the time."""
    looks = math.ceil(wait_s / services.look_s)
    while True:
        seen = await run_in_threadpool(look, services, execution_id, after, limit)
        if seen.events or seen.ended or looks <= 0:
            return seen
        looks -= 1
        await asyncio.sleep(services.look_s)


async def stream(services: Services, execution_id: str, after: int) -> AsyncIterator[str]:
    """Server-sent events until the execution has ended; ends early after ten minutes, for the client to come back."""
    yield f"retry: {RECONNECT_MS}\n\n"
    quiet = 0
    for _ in range(math.ceil(LONGEST_STREAM_S / services.look_s)):
        try:
            seen = await run_in_threadpool(look, services, execution_id, after, BATCH)
        except DatapumpError as error:
            # The answer has begun; a client that loses it comes back and asks from where it stands.
            logger.warning("the stream of execution %s was cut: %s", execution_id, error.message)
            return
        for event in seen.events:
            after = event.seq
            yield f"id: {event.seq}\ndata: {event.model_dump_json()}\n\n"
        if len(seen.events) == BATCH:
            continue
        if seen.ended:
            return
        quiet = 0 if seen.events else quiet + 1
        if quiet * services.look_s >= HEARTBEAT_S:
            quiet = 0
            yield ": nothing new\n\n"
        await asyncio.sleep(services.look_s)
