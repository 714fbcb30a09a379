"""The audit, as the API shows it."""

from __future__ import annotations

from pydantic import BaseModel, Field

from datapump.audit import AuditRecord


class AuditPage(BaseModel):
    """Some audit records, newest first."""

    items: list[AuditRecord]
    next: str | None = Field(description="`cursor` of the next page; null on the last.")
