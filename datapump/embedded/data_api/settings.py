"""What an embedded Data API can be told. It reads no environment: whoever makes it decides."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["ADMIN", "MANAGER", "USER"]


class Caller(BaseModel):
    """Who a bearer token stands for.

    Writes need `ADMIN`, or `MANAGER` on a dataset that this user made; `USER` may only read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    user_id: str
    role: Role
    email: str | None = None


class DataApiSettings(BaseModel):
    """All that one embedded Data API can be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Field(description="Where everything lives: metadata, tables, the lock. One process at a time.")
    public_url: str = Field(
        "http://127.0.0.1:8001", description="Base URL that asset URIs and page links begin with, without a slash."
    )
    tokens: dict[str, Caller] = Field(repr=False, description="Bearer token -> who it stands for.")
    query_keys: frozenset[str] = Field(
        frozenset(), repr=False, description="API keys (x-api-key) that may query; empty: whoever asks may."
    )
    data_lake_bucket: str = Field("gfw-data-lake", description="Bucket that files made from a version go to.")
    tile_cache_bucket: str = Field("gfw-tiles", description="Bucket that drawn map tiles go to.")
    tile_cache_url: str | None = Field(None, description="Base URL of tile cache URIs; unset: /tiles of this API.")

    max_body_bytes: int = Field(4 * 2**20, gt=0, description="Largest request body.")
    query_timeout_s: float = Field(58.0, gt=0, description="A query that takes longer is answered with 524.")
    query_max_rows: int = Field(1_000_000, gt=0, description="A query that gives more rows is refused.")
    queries_at_once: int = Field(4, gt=0, description="Queries that run at once; others wait for their turn.")
    query_memory_mb: int = Field(1024, gt=0, description="Memory that one query may use.")
    load_memory_mb: int = Field(2048, gt=0, description="Memory that a load may use before it spills to disk.")
