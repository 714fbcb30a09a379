"""Amounts by class as bars in a terminal: hectares by year, alerts by kind of forest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

_WIDEST = 40
_COLOUR = "#009e73"


def bars_view(title: str, rows: Sequence[tuple[str, float]], unit: str) -> RenderableType:
    """One line per class: its name, its amount, and a bar as long as its share of the greatest.

    Args:
        title: What is shown.
        rows: Classes and amounts, in the order in which they are shown.
        unit: What amounts are counted in.
    """
    heading = Padding(Text(title, style="bold"), (0, 0, 0, 2))
    largest = max((amount for _, amount in rows), default=0)
    if largest <= 0:
        return Group(heading, Text(f"  no {unit}"))
    table = Table(box=SIMPLE_HEAD, show_header=True)
    table.add_column("")
    table.add_column(unit, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, overflow="crop")
    for name, amount in rows:
        bar = "█" * max(round(_WIDEST * amount / largest), 1 if amount > 0 else 0)
        table.add_row(Text(name), f"{amount:,.0f}", Text(bar, style=_COLOUR))
    return Group(heading, table)
