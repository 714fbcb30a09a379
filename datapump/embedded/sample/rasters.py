"""Invented rasters of the sample region: forest, its loss, and alerts, on the grids of every analysis.

Forest is thick in the south and in the parks, and is lost along the edges of farms and towns. Everything is drawn in
cells of some hundred metres, so that tiles are small, and nothing is stored of what lies outside the country.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window

from datapump.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from datapump.embedded.sample.region import Region

# West, south, east, north of all that is drawn, degrees.
BOUNDS = (17.0, 4.0, 22.0, 9.0)
CELL = 0.01

_SEED = 20260117
_SIDE = round((BOUNDS[2] - BOUNDS[0]) / CELL)
_BLOCK = 512
_FIRST_DAY = date(2014, 12, 31)
_HIGH, _LOW = 30_000, 20_000
_VERSION = 1
_HEAD = "# Written by the sample world; yours as soon as you change this line. Alerts of"

Cells = NDArray[Any]


@dataclass(frozen=True)
class _Grid:
    name: str
    degrees: int
    pixels: int

    @property
    def size(self) -> float:
        return self.degrees / self.pixels


_THIRTY, _TEN = _Grid("10/40000", 10, 40000), _Grid("10/100000", 10, 100_000)
_COARSE = (_Grid("90/27008", 90, 27008), _Grid("90/9984", 90, 9984))
_TILES = {10: ((10, "10N_010E"), (20, "10N_020E")), 90: ((0, "90N_000E"),)}
_NORTH = {10: 10, 90: 90}


def write_rasters(region: Region, folder: Path, catalog: Path, year: int) -> None:
    """Write the tiles that are not there yet, and the catalog of layers that names them.

    A catalog that somebody else wrote stays, and then there are no tiles either.

    Args:
        region: What is on the map.
        folder: Where to.
        catalog: The catalog file to write.
        year: That of the alerts, whose analysis looks two years back.

    Raises:
        StorageError: The disk refused a write.
    """
    root = folder.resolve() / f"{year}"
    head = f"{_HEAD} {year}, version {_VERSION}\n\n"
    try:
        found = catalog.read_text(encoding="utf-8") if catalog.exists() else _HEAD
        if found.startswith(head) or not found.startswith(_HEAD):
            return
        layers = draw(region, year)
        for (name, grid), cells in layers.items():
            for west, tile in _TILES[grid.degrees]:
                _write_tile(root / name / grid.name / f"{tile}.tif", grid, west, cells)
        names = sorted({name for name, _ in layers})
        text = head + "".join(f'[layers.{name}]\nuri = "{root}/{name}/{{grid}}/{{tile_id}}.tif"\n\n' for name in names)
        # Written last: it says that all tiles are there.
        part = catalog.with_name(f".layers.{os.getpid()}")
        part.write_text(text, encoding="utf-8")
        part.replace(catalog)
    except (OSError, rasterio.errors.RasterioError) as error:
        raise StorageError(f"the sample world's rasters could not be written into {root}: {error}") from error


def draw(region: Region, year: int) -> dict[tuple[str, _Grid], Cells]:
    """The cells of every layer by name and grid, north first; 0 is nothing."""
    rng = np.random.default_rng(_SEED)
    inside = _inside(shapely.union_all([area.polygon for area in region.divisions.adm2]))
    parks = _inside(shapely.union_all([park.polygon for park in region.parks]))
    farms = _inside(shapely.union_all([farm.polygon.buffer(0.08) for farm in region.farms]))
    south = np.linspace(0.15, 0.95, _SIDE)[:, None]
    waves = 0.5 * (_smooth(rng, 25) + _smooth(rng, 150) - 1)
    canopy = np.clip(100 * (south + waves) + 25 * parks, 0, 100)
    density = np.where(inside, canopy, 0).astype(np.uint8)
    later = np.where(farms, density * 0.6, density * 0.97).astype(np.uint8)
    forest = density > 30  # noqa: PLR2004 - the usual threshold
    chance = np.where(farms, 0.12, 0.012) * (0.2 + 1.6 * _smooth(rng, 60))
    lost = forest & (rng.random(density.shape) < chance)
    loss = np.where(lost, 1 + np.minimum(24, (25 * rng.beta(2.2, 1.3, density.shape)).astype(np.uint8)), 0)
    primary = (density > 70) & (parks | (_smooth(rng, 40) > 0.55))  # noqa: PLR2004 - dense forest
    biomass = np.where(density > 0, density.astype(np.uint16) * 2 + (40 * _smooth(rng, 100)).astype(np.uint16), 0)
    bits: dict[str, Cells] = {"umd_regional_primary_forest_2001": primary.astype(np.uint8)}
    found: dict[tuple[str, _Grid], Cells] = {
        ("umd_tree_cover_loss", _THIRTY): loss.astype(np.uint8),
        ("umd_tree_cover_density_2010", _THIRTY): later,
        ("whrc_aboveground_biomass_density_2000", _THIRTY): biomass.astype(np.uint16),
    }
    for grid in (_THIRTY, *_COARSE):
        found["umd_tree_cover_density_2000", grid] = density
        found.update({(name, grid): cells for name, cells in bits.items()})
    alerts = _alerts(rng, forest & farms & (rng.random(density.shape) < chance), year)
    found["umd_glad_landsat_alerts", _THIRTY] = alerts["umd_glad_landsat_alerts"]
    found.update({(name, _TEN): cells for name, cells in alerts.items()})
    near = np.logical_or.reduce([cells > 0 for cells in alerts.values()])
    found["tree_cover_2022", _TEN] = (near & (later > 45)).astype(np.uint8)  # noqa: PLR2004 - what is left of it
    found["whrc_aboveground_biomass_density_2000", _TEN] = np.where(near, biomass, 0).astype(np.uint16)
    found["umd_regional_primary_forest_2001", _TEN] = (near & primary).astype(np.uint8)
    return found


def _alerts(rng: np.random.Generator, where: Cells, year: int) -> dict[str, Cells]:
    """Alerts of the year's first nine months; each system sees some of them, a few days apart."""
    first = (date(year, 1, 1) - _FIRST_DAY).days
    day = first + (270 * rng.beta(1.6, 1.8, where.shape)).astype(np.int64)
    found = {}
    for name, seen in (
        ("umd_glad_landsat_alerts", 0.5),
        ("umd_glad_sentinel2_alerts", 0.6),
        ("wur_radd_alerts", 0.7),
        ("umd_glad_dist_alerts", 0.3),
    ):
        confidence = np.where(rng.random(where.shape) < 0.6, _HIGH, _LOW)  # noqa: PLR2004 - most are confirmed
        value = confidence + day + rng.integers(0, 20, where.shape)
        found[name] = np.where(where & (rng.random(where.shape) < seen), value, 0).astype(np.uint16)
    return found


def _inside(area: Any) -> Cells:  # noqa: ANN401 - shapely has no types
    """Which cells' centres lie in an area, shape (rows, columns), north first."""
    step = (np.arange(_SIDE) + 0.5) * CELL
    x, y = np.meshgrid(BOUNDS[0] + step, BOUNDS[3] - step)
    shapely.prepare(area)
    return np.asarray(shapely.contains_xy(area, x, y), dtype=bool)


def _smooth(rng: np.random.Generator, across: int) -> NDArray[np.float64]:
    """Noise between 0 and 1 with so many waves across, by interpolation between random points."""
    points = rng.random((across + 2, across + 2))
    place = np.linspace(0, across, _SIDE)
    low = place.astype(int)
    share = place - low
    share = share * share * (3 - 2 * share)
    rows = points[low] * (1 - share)[:, None] + points[low + 1] * share[:, None]
    return np.asarray(rows[:, low] * (1 - share) + rows[:, low + 1] * share, dtype=np.float64)


def _write_tile(path: Path, grid: _Grid, west: int, cells: Cells) -> None:
    """One tile; blocks in which all is 0 are not stored."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    transform = Affine(grid.size, 0, west, 0, -grid.size, _NORTH[grid.degrees])
    with rasterio.open(
        part, "w", driver="GTiff", width=grid.pixels, height=grid.pixels, count=1, dtype=cells.dtype, nodata=0,
        crs="EPSG:4326", transform=transform, tiled=True, blockxsize=_BLOCK, blockysize=_BLOCK, compress="zstd",
        zstd_level=1, sparse_ok=True,
    ) as file:  # fmt: skip
        across = _cells_of(np.arange(grid.pixels) * grid.size + west - BOUNDS[0], grid)
        down = _cells_of(BOUNDS[3] - _NORTH[grid.degrees] + np.arange(grid.pixels) * grid.size, grid)
        # Behind the last cell stands one of nothing, which is what lies outside.
        padded = np.pad(cells, ((0, 1), (0, 1)))
        blocks = [(start, across[start : start + _BLOCK]) for start in range(0, grid.pixels, _BLOCK)]
        blocks = [(column, places) for column, places in blocks if places.min() < _SIDE]
        for row in range(0, grid.pixels, _BLOCK):
            lines = down[row : row + _BLOCK]
            filled: Cells = padded[np.unique(lines)].max(axis=0) > 0
            for column, places in blocks:
                if filled[places].any():
                    window = Window(column, row, len(places), len(lines))
                    file.write(padded.take(lines, axis=0).take(places, axis=1), 1, window=window)
    part.replace(path)


def _cells_of(degrees: Cells, grid: _Grid) -> NDArray[np.int64]:
    """The cells that pixels lie in, counted from the corner of what is drawn; one behind the last: outside."""
    cell = np.floor((degrees + grid.size / 2) / CELL).astype(np.int64)
    cell[(cell < 0) | (cell >= _SIDE)] = _SIDE
    return cell
