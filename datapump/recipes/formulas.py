"""Formulas over several years of data."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from datapump.rasters.expressions import band_name

if TYPE_CHECKING:
    from collections.abc import Sequence

_FIRST = date(2015, 1, 1)


def formula_by_year(template: str, years: Sequence[int]) -> str:
    """The formula over the bands of some years, each a confidence and a date: the earliest year is asked first.

    Args:
        template: The formula of one year, with the places `{confidence}`, `{date}`, `{days}` (from 2015-01-01 to the
            year's first day) and `{later}` (the formula of the later years, 0 after the last).
        years: In the order of their bands.
    """
    formula = "0"
    for index, year in reversed(list(enumerate(years))):
        formula = template.format(
            confidence=band_name(2 * index),
            date=band_name(2 * index + 1),
            days=(date(year, 1, 1) - _FIRST).days,
            later=formula,
        )
    return formula
