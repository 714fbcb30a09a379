"""Audit: who asked for which change, with what key, and how it was answered."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from datapump.keys import Scope


class AuditRecord(BaseModel):
    """One request that could change something, by a caller who is known.

    Attributes:
        request_id: As `X-Request-Id` of its answer.
        key_id: Which of the caller's keys.
        scope: What the key allows.
        path: Without its query.
        status: The answer's HTTP status.
    """

    at: datetime
    request_id: str
    caller: str
    key_id: str
    scope: Scope
    method: str
    path: str
    status: int
