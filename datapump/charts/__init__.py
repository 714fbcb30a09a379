"""Charts: Vega-Lite specifications that take their rows from whoever draws them, and how they become pictures.

The console draws the same specifications in the browser.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datapump.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

SPECS = Path(__file__).parent / "specs"
SCALE = 2.0
COLOURS = ["#166534", "#b3261e", "#1d4ed8", "#8a5300", "#d5dbd5"]
CONFIG = {
    "background": "white",
    "view": {"stroke": None},
    "mark": {"color": "#14532d"},
    "style": {"step": {"color": "#ffffff", "fontSize": 9}},
    "geoshape": {"stroke": "#4c594f", "fill": "#4c594f"},
    "range": {"category": COLOURS, "heatmap": ["#fde68a", "#7f1d1d"]},
    "axis": {"gridColor": "#cfd6cf", "labelColor": "#4c594f", "titleColor": "#4c594f"},
}


def specification(name: str) -> dict[str, Any]:
    """One specification, without rows.

    Raises:
        NotFoundError: There is none of that name.
    """
    path = SPECS / f"{name}.json"
    if name not in names():
        raise NotFoundError(f"there is no chart {name!r}; there are {', '.join(names())}")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def names() -> list[str]:
    """The names of all specifications."""
    return sorted(path.stem for path in SPECS.glob("*.json"))


def png(name: str, rows: Sequence[dict[str, Any]], title: str, points: Sequence[dict[str, Any]] | None = None) -> bytes:
    """A picture of rows (PNG).

    Args:
        name: Which specification.
        rows: As it names their fields.
        title: Stands above it.
        points: What a map has besides its areas; None: nothing.
    """
    import vl_convert  # noqa: PLC0415 - slow to load, and wanted by few commands

    datasets = {"rows": list(rows)} | ({"points": list(points)} if points is not None else {})
    found = specification(name)
    filled = {**found, "datasets": found.get("datasets", {}) | datasets, "title": title, "config": CONFIG}
    return bytes(vl_convert.vegalite_to_png(filled, scale=SCALE))
