"""Published result tables, as the API shows them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class ResultDataset(BaseModel):
    """A result dataset and its versions."""

    dataset: str
    versions: list[str]


class ResultDatasetPage(BaseModel):
    """Some result datasets, in the order of their names."""

    items: list[ResultDataset]
    next: str | None = Field(description="`cursor` of the next page; null on the last.")


class ResultColumn(BaseModel):
    """A column of a table."""

    name: str
    type: str = Field(description="In the words of the Data API: `text`, `date`, `integer`, `numeric`, `boolean`.")


class ResultTableDocument(BaseModel):
    """A published table."""

    dataset: str
    version: str
    latest: bool = Field(description="Whether it is the dataset's latest version.")
    status: str = Field(description="`saved`, or `pending` while rows are loaded, or `failed`.")
    rows: int = Field(description="How many rows it has.")
    columns: list[ResultColumn]


class ResultRows(BaseModel):
    """Rows of a table in the order of its index, or the totals of its groups."""

    items: list[dict[str, Any]]
    next: str | None = Field(
        description="`cursor` of the next page; null on the last, and where `limited` says that there is more than can "
        "be read page by page."
    )
    limited: bool = Field(description="Whether there are more rows than these.")
