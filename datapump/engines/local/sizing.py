"""How much work an analysis is for this machine, told from some of its rows before anything is computed.

Its figures are measured on synthetic worlds: `tests/benchmarks/test_sizing.py` holds the estimate against real runs.
"""

from __future__ import annotations

import math
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from datapump.analyses import FIRE_ANALYSES, Analysis
from datapump.engines.choice import Effort
from datapump.engines.local.catalog import load_catalog
from datapump.engines.local.row_filters import RowFilter
from datapump.errors import NotFoundError

if TYPE_CHECKING:
    from datapump.analyses import FeatureType
    from datapump.engines import AnalysisRequest
    from datapump.engines.local.catalog import Catalog
    from datapump.engines.local.geometries import Geometries
    from datapump.engines.local.grids import Grid
    from datapump.engines.local.grouping import FloatArray, IntArray
    from datapump.objects import ObjectInfo, Objects

# Side of the squares of pixels that the engine reads and sums up together.
_CELL: Final = 400
# A row that touches more of them is taken as so many squares of its own, without looking at which.
_MANY: Final = 20_000
# More squares than there are around the earth.
_ROUND: Final = 1_000_000
_FIRE_CELL: Final = 512
_CHUNK: Final = 500_000

# Seconds of one core, measured: to begin and to end; per byte of features and of fires.
_START_S: Final = 1.2
_FEATURE_BYTE_S: Final = 1.2e-8
_FIRE_BYTE_S: Final = 3e-8
_BURNED_BYTE_S: Final = 2.5e-7
# Per pixel that is read, by kind of layer, and whatever layers there are; per piece of a feature in a square.
_LAYER_S: Final = {"number": 5.5e-9, "bins": 2.5e-9, "year": 2.5e-9, "alerts": 2.1e-8}
_OTHER_LAYER_S: Final = 0.8e-9
_PIXEL_S: Final = 6e-9
# What a block of one value costs of that, of layers that usually have many; and in how many places it is looked for.
_EMPTY: Final = 0.1
_PLACES: Final = 24
_PIECE_S: Final = {Analysis.TCL: 4e-4}
_OTHER_PIECE_S: Final = 5e-5
# Per square and layer that fires are looked up in.
_LOOKUP_S: Final = 1.2e-3
# Reading goes on beside summing up: one process keeps more than one core busy, many get in each other's way.
_AT_ONCE: Final = 1.6
_TOGETHER: Final = 0.85


class _Area(NamedTuple):
    """What features cover.

    Attributes:
        pixels: Of the squares that they touch, each square once.
        pieces: Features and squares that touch.
        places: The middle of some of the squares, degrees east and north.
    """

    pixels: float
    pieces: float
    places: tuple[tuple[float, float], ...]


class _Spread(NamedTuple):
    """How many fires there are, and how many squares of pixels a chunk of them lies in."""

    fires: float
    squares: float


class Sizer:
    """Estimates analyses; what was told of files is remembered as long as they stay as they are.

    Args:
        objects: Where features and fires lie.
        layers: Catalog file of configured layers; None: no layer is configured.
        processes: Processes of one run.
        cores: Processors of this machine.
    """

    def __init__(self, objects: Objects, layers: Path | None, processes: int, cores: int) -> None:
        self._objects = objects
        self._layers = layers
        self._speed = max(1.0, _TOGETHER * min(cores, _AT_ONCE * processes))
        self._area = lru_cache(maxsize=64)(self._measured)
        self._spread = lru_cache(maxsize=16)(self._counted)

    def __call__(self, request: AnalysisRequest) -> Effort:
        """Roughly what a request takes this machine.

        Raises:
            NotFoundError: A feature or fire file is not there.
            DataError: They, or the catalog, cannot be used.
            RemoteError: A bucket did not answer.
        """
        features = self._infos(request.features, "feature")
        fires = self._infos(request.fire_sources, "fire") if request.fire_sources else ()
        read = [sum(info.size for info in infos) for infos in (features, fires)]
        catalog = load_catalog(self._layers).of(request.analysis)
        alone = _START_S + _FEATURE_BYTE_S * read[0]
        if request.analysis in FIRE_ANALYSES and request.analysis is not Analysis.BURNED_AREAS:
            spread = self._spread(request.analysis, fires)
            looked = math.ceil(spread.fires / _CHUNK) * spread.squares * len(catalog.configured) * _LOOKUP_S
            seconds = alone + _FIRE_BYTE_S * read[1] + looked
            return Effort(seconds / 3600, 0, sum(read) / 1e6, spread.fires, len(catalog.configured))
        area = self._area(catalog.grids[request.analysis], request.feature_type, RowFilter.of(request), features)
        alone += _BURNED_BYTE_S * read[1]
        seconds = alone + self._summed_s(request.analysis, area, catalog) / self._speed
        return Effort(seconds / 3600, area.pixels, sum(read) / 1e6, 0, len(catalog.configured))

    def _infos(self, names: tuple[str, ...], what: str) -> tuple[ObjectInfo, ...]:
        found = tuple(info for name in names for info in self._objects.glob(name))
        if not any(info.size for info in found):
            raise NotFoundError(f"no {what} file is named {' or '.join(names)}")
        return found

    def _summed_s(self, analysis: Analysis, area: _Area, catalog: Catalog) -> float:
        """Seconds of one core to read and sum up what features cover."""
        from datapump.engines.local.grids import GRIDS  # noqa: PLC0415 - as in `_measured`
        from datapump.engines.local.held import held  # noqa: PLC0415 - as in `_measured`

        layers = [layer for layer in catalog.configured if layer.kind in _LAYER_S]
        full = held(layers, GRIDS[catalog.grids[analysis]], area.places, self._objects)
        told = sum(_LAYER_S[layer.kind] * (_EMPTY + (1 - _EMPTY) * full[layer.name]) for layer in layers)
        rest = _PIXEL_S + _OTHER_LAYER_S * (len(catalog.configured) - len(layers))
        if analysis is Analysis.INTEGRATED_ALERTS:
            # Where there is no alert, nothing else is looked at.
            rest *= max((full[layer.name] for layer in layers if layer.kind == "alerts"), default=0)
        return area.pixels * (told + rest) + area.pieces * _PIECE_S.get(analysis, _OTHER_PIECE_S)

    def _measured(self, grid: str, feature_type: FeatureType, rows: RowFilter, infos: tuple[ObjectInfo, ...]) -> _Area:
        # Slow to load, and wanted where there is a choice alone.
        from datapump.engines.local.features import read_features  # noqa: PLC0415 - as above
        from datapump.engines.local.grids import GRIDS  # noqa: PLC0415 - as above
        from datapump.engines.local.sampled_rows import sample  # noqa: PLC0415 - as above

        with tempfile.TemporaryDirectory(prefix="datapump-size-") as folder:
            files, copies, share = sample(self._objects, infos, Path(folder))
            features = read_features(files, feature_type, copies, lambda _: None, rows)
        return _covered(GRIDS[grid], features.geometries, share)

    def _counted(self, analysis: Analysis, infos: tuple[ObjectInfo, ...]) -> _Spread:
        from datapump.engines.local.fires import FireReader  # noqa: PLC0415 - as in `_measured`
        from datapump.engines.local.grids import GRIDS  # noqa: PLC0415 - as in `_measured`
        from datapump.engines.local.sampled_rows import sample  # noqa: PLC0415 - as in `_measured`

        grid = GRIDS[load_catalog(None).grids[analysis]]
        with tempfile.TemporaryDirectory(prefix="datapump-size-") as folder:
            files, copies, share = sample(self._objects, infos, Path(folder))
            reader = FireReader(analysis, copies, lambda _: None)
            places = [_squares(grid, fires.longitude, fires.latitude) for fires in reader.chunks(files)]
        there = [one for chunk in places for one in chunk.tolist()]
        count = len(there) / share
        return _Spread(count, _distinct(len(there), len(set(there)), min(count, _CHUNK)))


def _covered(grid: Grid, shapes: Geometries, share: float) -> _Area:
    """What all features cover, told from a share of them.

    Args:
        grid: Whose pixels.
        shapes: Polygons, degrees east and north, shape (n,).
        share: Which share of all they are, 0 to 1.
    """
    import numpy as np  # noqa: PLC0415 - as in `_measured`
    import shapely  # noqa: PLC0415 - as in `_measured`

    side = grid.size * _CELL
    # As windows are laid: of what is larger than a tile, over its parts.
    west, south, east, north = shapely.bounds(shapes).T
    far = np.maximum(east - west, north - south) > grid.degrees
    shapes = np.concatenate([shapes[~far], shapely.get_parts(shapes[far])])
    west, south, east, north = np.floor(shapely.bounds(shapes).T / side).astype(np.int64)
    width, height = east - west + 1, north - south + 1
    touched = width * height
    large = touched > _MANY
    whole = shapely.area(shapes) / side**2
    small = ~large
    number = np.repeat(np.flatnonzero(small), touched[small])
    place = np.arange(len(number)) - np.repeat(np.cumsum(touched[small]) - touched[small], touched[small])
    down, across = south[number] + place // width[number], west[number] + place % width[number]
    cells = (down + _ROUND // 2) * _ROUND + across + _ROUND // 2
    pieces, squares = float(touched[small].sum()), float(len(np.unique(cells)))
    if share < 1:
        # Features that lie side by side cover at least so much, however few squares the sample shares.
        squares = max(_distinct(pieces, squares, pieces / share), float(whole[small].sum()) / share)
    alone = float(whole[large].sum()) / share
    some = np.unique(cells)
    some = some[np.linspace(0, len(some) - 1, min(_PLACES, len(some))).astype(np.int64)]
    middle = zip(some % _ROUND - _ROUND // 2, some // _ROUND - _ROUND // 2, strict=True)
    places = tuple(((float(x) + 0.5) * side, (float(y) + 0.5) * side) for x, y in middle)
    return _Area((squares + alone) * _CELL**2, pieces / share + alone, places)


def _squares(grid: Grid, longitude: FloatArray, latitude: FloatArray) -> IntArray:
    """The number of the square of pixels that each fire lies in, shape (n,)."""
    size = grid.size * _FIRE_CELL
    found: IntArray = (latitude // size).astype("int64") * 100_000 + (longitude // size).astype("int64")
    return found


def _distinct(seen: float, different: float, wanted: float) -> float:
    """How many different squares are touched in `wanted` touches, if `different` were in `seen`.

    As if each of an unknown number of squares were touched as often as any other.
    """
    if not seen or different >= seen * 0.999:
        return wanted
    low, high = different, different**2 / (seen - different) * 50 + different
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * -math.expm1(-seen / middle) < different else (low, middle)
    return low * -math.expm1(-wanted / low)
