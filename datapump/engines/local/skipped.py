"""Rows that could not be used: how many for which reason, with examples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from datapump.engines.local.grouping import BoolArray, IntArray

_EXAMPLES = 3


class Example(TypedDict):
    """One such row: its file, its number (the header is row 1) and what it calls itself."""

    file: str
    row: int
    id: str


class Reason(TypedDict):
    """A reason, how many rows it holds for, and the first few of them."""

    reason: str
    rows: int
    examples: list[Example]


@dataclass
class Skipped:
    """The rows that were skipped, by reason in the order of first occurrence."""

    _reasons: dict[str, Reason] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many rows were skipped for any reason."""
        return sum(reason["rows"] for reason in self._reasons.values())

    def add(self, reason: str, file: str, row: int, name: str) -> None:
        """Count one row."""
        entry = self._reasons.setdefault(reason, {"reason": reason, "rows": 0, "examples": []})
        entry["rows"] += 1
        if len(entry["examples"]) < _EXAMPLES:
            entry["examples"].append({"file": file, "row": row, "id": name})

    def add_all(self, reason: str, file: str, rows: IntArray, bad: BoolArray, name: Callable[[int], str]) -> None:
        """Count the rows of a batch that are bad.

        Args:
            reason: Why.
            file: Name of the file that holds them.
            rows: The row number of every row of the batch, shape (n,).
            bad: Which of them are bad, shape (n,).
            name: What the i-th row of the batch calls itself.
        """
        where = np.flatnonzero(bad)
        if not len(where):
            return
        for index in where[:_EXAMPLES]:
            self.add(reason, file, int(rows[index]), name(int(index)))
        self._reasons[reason]["rows"] += max(0, len(where) - _EXAMPLES)

    def report(self) -> list[Reason]:
        """Every reason with its rows and examples."""
        return list(self._reasons.values())
