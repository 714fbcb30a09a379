"""What an embedded Areas API can be told. It reads no environment: whoever makes it decides."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class AreasCaller(BaseModel):
    """Who a bearer token stands for: an admin, or a user who sees only the areas of their own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user_id: str
    role: Literal["ADMIN", "MANAGER", "USER"]


class AreasApiSettings(BaseModel):
    """All that one embedded Areas API can be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    store: Path = Field(description="The SQLite file that it keeps areas, geometries and e-mails in.")
    folder: Path = Field(description="Folder whose GeoJSON files hold the areas; one that is not there holds none.")
    public_url: str = Field("http://127.0.0.1:8002", description="Base URL that page links begin with.")
    tokens: dict[str, AreasCaller] = Field(repr=False, description="Bearer token -> who it stands for.")
    api_key: str | None = Field(None, repr=False, description="Asked for as x-api-key; unset: none is needed.")
    page_size: int = Field(300, gt=0, description="Areas on a page, unless the caller says otherwise.")
    max_body_bytes: int = Field(4 * 2**20, gt=0, description="Largest request body.")
