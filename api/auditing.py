"""Audit of every request that could change something: in the log, and where the caller is known in the audit store."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool

from datapump.audit import AuditRecord
from datapump.errors import DatapumpError

if TYPE_CHECKING:
    from starlette.types import Scope

    from api.services import Services
    from datapump.keys import ApiKey

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
TOO_MANY_REQUESTS = 429
logger = logging.getLogger("datapump.audit")


async def record(scope: Scope, state: dict[str, Any], status: int) -> None:
    """Record a request that could change something, before it is answered.

    One without a known caller, or beyond the caller's rate limit, is only logged: nobody can fill the store with it.
    """
    if scope["method"] in SAFE:
        return
    key: ApiKey | None = state.get("key")
    request_id, method, path = state["request_id"], scope["method"], quote(scope["path"], errors="replace")[:500]
    who, may = ("nobody", "nothing") if key is None else (key.caller, key.scope)
    logger.info("request %s: %s, who may %s, asked for %s %s: %d", request_id, who, may, method, path, status)
    services: Services = scope["app"].state.services
    if key is None or services.audit is None or status == TOO_MANY_REQUESTS:
        return
    entry = AuditRecord(
        at=services.clock.now(),
        request_id=request_id,
        caller=key.caller,
        key_id=key.id,
        scope=key.scope,
        method=method,
        path=path,
        status=status,
    )
    try:
        await run_in_threadpool(services.audit.add, entry)
    except DatapumpError as error:
        # What was asked for has happened: the answer must say so, whatever becomes of its record.
        logger.error("request %s could not be stored in the audit: %s", request_id, error.message)  # noqa: TRY400 - its message says why
