"""Areas cut by the cells of the extent, as the feature file that analyses read: one row an area and cell.

Areas are taken in one after the other and cut some at a time, so that memory is bounded by the largest of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely
from shapely.errors import GEOSException

from datapump.areas.geometry import RejectedError, drawn, first_line, repaired
from datapump.slicing import cut_valid, valid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datapump.land import Cells
    from datapump.slicing import Slices

HEADER = ("geostore_id", "geom", "tcl", "glad")
AREAS_AT_ONCE = 500
POINTS_AT_ONCE = 200_000
_GEOSTORE_ID = re.compile(r"[0-9a-fA-F]{32}")


class Rejection(NamedTuple):
    """An area that cannot be analysed, and why."""

    id: str
    reason: str


@dataclass
class Slicer:
    """Cuts areas and writes their slices.

    Attributes:
        cells: What the areas are cut by.
        out: The file to write, tab-separated; its header is written at once.
        sliced: Ids of the areas that have slices.
        outside: Ids of the areas of which nothing lies within the cells.
        rejected: The areas that cannot be analysed.
        shrunk: Ids of the areas of which making them valid took more than a hundredth: their outline crosses itself.
        rows: How many slices were written.
    """

    cells: Cells
    out: IO[str]
    sliced: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    shrunk: list[str] = field(default_factory=list)
    rows: int = 0
    _ids: list[str] = field(default_factory=list)
    _shapes: list[shapely.Geometry] = field(default_factory=list)
    _points: int = 0

    def __post_init__(self) -> None:
        self.out.write("\t".join(HEADER) + "\n")

    def add(self, identity: str, attributes: dict[str, Any]) -> None:
        """Take in an area; what is wrong with it costs only itself.

        Args:
            identity: Id of its geometry.
            attributes: As the Areas API answers them.
        """
        try:
            shape = drawn(attributes)
        except RejectedError as error:
            self.rejected.append(Rejection(identity, error.reason))
            return
        self._ids.append(identity)
        self._shapes.append(shape)
        self._points += int(shapely.get_num_coordinates(shape))
        if len(self._ids) >= AREAS_AT_ONCE or self._points >= POINTS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Cut and write what was taken in."""
        ids = np.array(self._ids, dtype=np.object_)
        shapes = np.array(self._shapes, dtype=np.object_)
        self._ids, self._shapes, self._points = [], [], 0
        if not len(ids):
            return
        areas, problems = repaired(shapes)
        self._note_shrunk(ids, shapes, areas)
        pieces = _cut(areas, self.cells, problems)
        for at, identity in enumerate(ids):
            if at not in problems:
                self._write(str(identity), pieces.get(at))
        self.rejected += [Rejection(str(ids[at]), reason) for at, reason in sorted(problems.items())]

    def _write(self, identity: str, pieces: _Pieces | None) -> None:
        if pieces is None:
            self.outside.append(identity)
            return
        self.sliced.append(identity)
        self.rows += len(pieces.cell)
        # Bytes made hexadecimal here: the geometry library takes ten times as long for it.
        for geometry, cell in zip(shapely.to_wkb(pieces.geometry), pieces.cell, strict=True):
            self.out.write(f"{identity}\t{geometry.hex()}\t{self.cells.tcl[cell]}\t{self.cells.glad[cell]}\n")

    def _note_shrunk(self, ids: NDArray[np.object_], before: NDArray[np.object_], after: NDArray[np.object_]) -> None:
        """Making an outline that crosses itself valid may drop a part that its owner meant: that must not go unsaid."""
        crossed = np.flatnonzero(~shapely.is_valid(before) & ~shapely.is_missing(after))
        if len(crossed):
            meant = shapely.area(valid(before[crossed]))
            self.shrunk += [str(one) for one in ids[crossed[shapely.area(after[crossed]) < 0.99 * meant]]]


def check_geostore_id(identity: str) -> str | None:
    """Why this cannot be the id of a geometry; None if it can."""
    return None if _GEOSTORE_ID.fullmatch(identity) else "its id is not 32 hexadecimal digits"


class _Pieces(NamedTuple):
    geometry: NDArray[np.object_]
    cell: NDArray[np.intp]


def _cut(areas: NDArray[np.object_], cells: Cells, problems: dict[int, str]) -> dict[int, _Pieces]:
    """The pieces of each area by its position; one that breaks the cutting costs only itself."""
    usable = np.flatnonzero(~shapely.is_missing(areas))
    try:
        return _pieces(cut_valid(areas[usable], cells), usable)
    except GEOSException:
        pieces: dict[int, _Pieces] = {}
    for at in usable:
        try:
            pieces |= _pieces(cut_valid(areas[[at]], cells), usable[usable == at])
        except GEOSException as error:
            problems[int(at)] = f"it cannot be cut: {first_line(error)}"
    return pieces


def _pieces(slices: Slices, positions: NDArray[np.intp]) -> dict[int, _Pieces]:
    starts = np.flatnonzero(np.diff(slices.feature, prepend=-1))
    ends = [*starts[1:], len(slices.feature)][: len(starts)]
    return {
        int(positions[slices.feature[start]]): _Pieces(slices.geometry[start:end], slices.cell[start:end])
        for start, end in zip(starts, ends, strict=True)
    }
