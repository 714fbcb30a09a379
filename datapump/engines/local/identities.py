"""What must hold between the numbers of a run, asserted while its tables are written.

None of it can be broken by input: a broken identity is a defect of the engine, and better no table than a wrong one.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from datapump.engines.local.columns import DAILY
from datapump.errors import InternalError

if TYPE_CHECKING:
    from datapump.engines.local.grouping import FloatArray
    from datapump.engines.local.tables import Table

_RELATIVE = 1e-9
# What rounding to four decimals may do to a row.
_ROUNDED = {"alert_area__ha": 5.1e-5, "whrc_aboveground_co2_emissions__Mg": 5.1e-5}
_CO2 = 0.47 * 44 / 12
# The first of each pair is never more than the second.
_AT_MOST = (
    ("umd_tree_cover_extent_2000__ha", "area__ha"),
    ("umd_tree_cover_extent_2010__ha", "area__ha"),
    ("umd_tree_cover_gain__ha", "area__ha"),
    ("umd_tree_cover_loss__ha", "umd_tree_cover_extent_2000__ha"),
    ("umd_tree_cover_loss_from_fires__ha", "umd_tree_cover_loss__ha"),
)
# The first is the second times the factor.
_TIMES = (
    ("whrc_aboveground_co2_stock_2000__Mg", "whrc_aboveground_biomass_stock_2000__Mg", _CO2),
    ("whrc_aboveground_co2_emissions__Mg", "whrc_aboveground_biomass_loss__Mg", _CO2),
)

Weeks = dict[tuple[int, int], float]


class Identities:
    """Looks at the tables of one run, one after the other."""

    def __init__(self) -> None:
        self._totals: dict[tuple[str, str], tuple[str, float, float]] = {}
        self._weeks: Weeks | None = None
        self._most = 1

    def check(self, table: Table) -> None:
        """Look at one more table, before it is written.

        Raises:
            InternalError: A number contradicts another.
        """
        amounts = table.amounts
        for column, values in amounts.items():
            _require(bool(np.isfinite(values).all()), table, f"{column} is not finite everywhere")
        for less, more in _AT_MOST:
            if less in amounts and more in amounts:
                fits = amounts[less] <= amounts[more] * (1 + _RELATIVE)
                _require(bool(fits.all()), table, f"{less} exceeds {more}")
        for product, source, factor in _TIMES:
            if product in amounts and source in amounts:
                same = np.isclose(amounts[product], amounts[source] * factor, rtol=_RELATIVE, atol=0)
                _require(bool(same.all()), table, f"{product} is not {factor:.5f} x {source}")
        for column, values in amounts.items():
            self._compare(table, column, values)
        if table.when is not None and amounts:
            self._regrouped(table, next(iter(amounts.values())))

    def _compare(self, table: Table, column: str, values: FloatArray) -> None:
        """The same table adds up to the same at every level."""
        total = float(values.sum())
        first = (table.level, total, float(np.abs(values).sum()))
        # Of the finest level: where gains and losses cancel out above it, what was rounded there is still in the sum.
        level, before, summed = self._totals.setdefault((table.name, column), first)
        self._most = max(self._most, table.rows)
        slack = _RELATIVE * summed + _ROUNDED.get(column, 0) * 2 * self._most
        fits = abs(total - before) <= slack
        _require(fits, table, f"{column} adds up to {total}, but to {before} at level {level}")

    def _regrouped(self, table: Table, values: FloatArray) -> None:
        """Days add up to weeks."""
        weeks = _by_week(table, values)
        self._weeks = before = weeks if self._weeks is None else self._weeks
        same = weeks.keys() == before.keys() and np.allclose(
            [weeks[week] for week in before], list(before.values()), rtol=_RELATIVE, atol=0
        )
        _require(same, table, "its days do not add up to the weeks of the other tables")


def _by_week(table: Table, values: FloatArray) -> Weeks:
    part = table.when
    if part is None:
        return {}
    sums = np.bincount(part.index, values, len(part.texts))
    found: Weeks = {}
    for text, amount in zip(part.texts.to_pylist(), sums.tolist(), strict=True):
        if table.name == DAILY:
            week = date.fromisoformat(text).isocalendar()[:2]
        else:
            year, number = text.split("\t")
            week = int(year), int(number)
        found[week] = found.get(week, 0.0) + amount
    return found


def _require(holds: bool, table: Table, what: str) -> None:  # noqa: FBT001 - an assertion
    if not holds:
        raise InternalError(
            f"the table {table.level}/{table.name} contradicts itself: {what}; nothing more was written. This is a "
            "defect of the engine: keep the input and report it"
        )
