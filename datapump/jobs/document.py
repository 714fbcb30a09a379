"""What every stored document and every command is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """A strict model: no unknown keys, no coercion beyond what JSON needs."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)
