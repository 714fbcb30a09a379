"""The land that is analysed: listed tiles of 10x10 degrees, each cut into a hundred cells of 1x1 degree.

The list and its two flags are constants of the Data API's 1x1 export: `tcl` marks the tiles that tree cover
loss is computed on, `glad` those that GLAD alerts are computed on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

TILE_DEGREES = 10
_LIST = Path(__file__).with_name("tiles_10x10.tsv")


class Tile(NamedTuple):
    """One 10x10 degree tile, named by its top-left corner: `00N_050E` covers 10°S to 0° and 50°E to 60°E."""

    tile_id: str
    west: int
    north: int
    tcl: bool
    glad: bool


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells that features are cut by; all arrays have one entry for each cell.

    Attributes:
        boxes: Polygons in longitude and latitude, WGS 84.
        tile_id: Name of the 10x10 tile that holds the cell.
        tcl: Whether tree cover loss is computed there.
        glad: Whether GLAD alerts are computed there.
    """

    boxes: NDArray[np.object_]
    tile_id: NDArray[np.str_]
    tcl: NDArray[np.bool_]
    glad: NDArray[np.bool_]


@cache
def tiles() -> tuple[Tile, ...]:
    """The 281 listed tiles, sorted by name."""
    rows = [line.split("\t") for line in _LIST.read_text(encoding="utf-8").splitlines()[1:]]
    return tuple(_tile(name, tcl == "true", glad == "true") for name, tcl, glad in sorted(rows))


@cache
def land_cells() -> Cells:
    """The 28,100 cells of 1x1 degree within the listed tiles: tile by tile, west to east, south to north."""
    listed = tiles()
    step = np.arange(TILE_DEGREES)
    east, up = (grid.ravel() for grid in np.meshgrid(step, step, indexing="ij"))
    west = (np.array([tile.west for tile in listed])[:, None] + east).ravel()
    south = (np.array([tile.north - TILE_DEGREES for tile in listed])[:, None] + up).ravel()
    each = np.repeat(np.arange(len(listed)), TILE_DEGREES * TILE_DEGREES)
    return Cells(
        boxes=np.asarray(shapely.box(west, south, west + 1, south + 1), dtype=np.object_),
        tile_id=np.array([tile.tile_id for tile in listed])[each],
        tcl=np.array([tile.tcl for tile in listed])[each],
        glad=np.array([tile.glad for tile in listed])[each],
    )


def _tile(name: str, tcl: bool, glad: bool) -> Tile:  # noqa: FBT001 - private, called with both once
    latitude, longitude = name.split("_")
    north = int(latitude[:2]) * (1 if latitude[2] == "N" else -1)
    west = int(longitude[:3]) * (1 if longitude[3] == "E" else -1)
    return Tile(name, west, north, tcl, glad)
