"""One run of the embedded engine over rasters: amounts summed in features, written as tables."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import dataclass, field
from importlib import metadata
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import shapely

from datapump.analyses import Analysis
from datapump.engines.local import alert_tables, tcl_tables
from datapump.engines.local.burned import BurnedAreas, BurnedReader
from datapump.engines.local.columns import tables
from datapump.engines.local.features import read_features
from datapump.engines.local.files import expand
from datapump.engines.local.glad import LandsatAlerts
from datapump.engines.local.grids import GRIDS
from datapump.engines.local.identities import Identities
from datapump.engines.local.integrated import IntegratedAlerts
from datapump.engines.local.journal import Journal
from datapump.engines.local.manifest import RastersEntry, describe, table_entry
from datapump.engines.local.outlines import write_outlines
from datapump.engines.local.processes import Processes
from datapump.engines.local.progress import meter
from datapump.engines.local.raster_files import content_mark
from datapump.engines.local.raster_tables import RasterSources, build
from datapump.engines.local.row_filters import RowFilter
from datapump.engines.local.sums import Total
from datapump.engines.local.tcl import TreeCoverLoss
from datapump.engines.local.windows import WindowWork, plan, tasks
from datapump.engines.local.writer import TableWriter
from datapump.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from datapump.engines import AnalysisRequest
    from datapump.engines.local.catalog import Catalog
    from datapump.engines.local.features import Features
    from datapump.engines.local.files import InputFile
    from datapump.engines.local.manifest import Manifest, TableEntry
    from datapump.engines.local.raster_tables import Rows
    from datapump.engines.local.tables import Table
    from datapump.engines.local.windows import Plan, Result
    from datapump.objects import Objects

    Marks = dict[str, list[int | str]]
    RasterAnalyser = TreeCoverLoss | LandsatAlerts | IntegratedAlerts | BurnedAreas

# Shares of a run's progress.
_READ, _SUMMED = 0.05, 0.95

_TABLES: dict[Analysis, Callable[[RasterSources, Rows], Table]] = {
    Analysis.TCL: tcl_tables.loss,
    Analysis.GLAD: alert_tables.glad,
    Analysis.INTEGRATED_ALERTS: alert_tables.integrated,
    Analysis.BURNED_AREAS: alert_tables.burned,
}


@dataclass(frozen=True)
class Setup:
    """How a run is run.

    Attributes:
        processes: How many processes compute windows.
        journals: Folder where a run that is killed leaves what it has computed; None: nowhere.
        progress: Told which share of the work is done, 0 to 1, and what is being done.
    """

    processes: int
    journals: Path | None
    progress: Callable[[float, str], None]


@dataclass
class _Tally:
    """What came of the windows so far, and the tiles in which features have pixels."""

    total: Total
    layout: Plan
    windows: int = 0
    pixels: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    tile_ids: set[str] = field(default_factory=set)

    def add(self, result: Result) -> None:
        if result.pixels:
            self.tile_ids.add(self.layout.tile_id(self.windows))
        self.windows += 1
        if result.skipped:
            self.skipped[result.skipped] = self.skipped.get(result.skipped, 0) + 1
            return
        self.pixels += result.pixels
        if result.sums is not None:
            self.total.add(result.sums)


class _Given(NamedTuple):
    """What a run has read, and what it does with it."""

    features: Features
    fires: BurnedReader | None
    files: dict[str, list[InputFile]]
    analyser: RasterAnalyser


def compute(request: AnalysisRequest, objects: Objects, catalog: Catalog, setup: Setup) -> dict[str, object]:
    """Run an analysis of rasters from beginning to end.

    The same input gives the same bytes, whatever the number of processes, killed and resumed or not.

    Args:
        request: What to compute.
        objects: Where files are read from and tables are written to.
        catalog: The analysis's layers.
        setup: How to run it.

    Returns:
        The manifest that was written, and its name under `manifest`.

    Raises:
        NotFoundError: An input file is not there.
        DataError: An input file cannot be used.
        StorageError: The results could not be written, or a process died.
        InternalError: The tables contradict each other.
    """
    writer = TableWriter(objects, request.output, request.name)
    everything = tables(request.analysis, request.feature_type, change_only=False)
    # Before anything else, which may start threads: other processes start faster without.
    with Processes(setup.processes) as processes:
        writer.clear_unfinished(everything)
        given = _read(request, objects, catalog, setup)
        features, analyser = given.features, given.analyser
        layout = plan(GRIDS[catalog.grids[request.analysis]], catalog.configured, features, objects)
        marks = _marks(layout)
        journal = Journal(setup.journals, _key(request, features, (layout, marks), analyser))
        tally = _sum(request, features, layout, (analyser, journal, setup, processes))
        _check_unchanged(marks, layout, journal)
    manifest = _manifest(request, catalog, given, tally)
    sources = RasterSources(request.analysis, features.ids, tally.total.sums(), analyser.contexts, catalog)
    writer.clear(everything)
    write_outlines(features, [level for level, _ in everything], objects, request.output)
    manifest["tables"] += _write_tables(request, sources, writer, setup)
    written = writer.finish(manifest)
    journal.remove()
    setup.progress(1, "done")
    return {**manifest, "manifest": written}


def _read(request: AnalysisRequest, objects: Objects, catalog: Catalog, setup: Setup) -> _Given:
    files = expand(objects, request.features, "feature", each=True)
    told = meter(setup.progress, (0, _READ / 2), files, "reading features")
    features = read_features(files, request.feature_type, objects, told, RowFilter.of(request))
    fire_files = expand(objects, request.fire_sources, "fire", each=False) if request.fire_sources else []
    told = meter(setup.progress, (_READ / 2, _READ), fire_files, "reading fires")
    burned = BurnedReader(objects, told) if request.analysis is Analysis.BURNED_AREAS else None
    analyser = _analyser(request, catalog) if burned is None else BurnedAreas(catalog, *burned.read(fire_files))
    return _Given(features, burned, {"features": files, "fires": fire_files}, analyser)


def _analyser(request: AnalysisRequest, catalog: Catalog) -> RasterAnalyser:
    if request.analysis is Analysis.GLAD:
        return LandsatAlerts(catalog, change_only=request.change_only)
    if request.analysis is Analysis.INTEGRATED_ALERTS:
        if request.as_of is None:
            raise ValueError("integrated alerts without a day")
        return IntegratedAlerts(catalog, request.as_of)
    return TreeCoverLoss(catalog)


def _sum(
    request: AnalysisRequest, features: Features, layout: Plan, how: tuple[RasterAnalyser, Journal, Setup, Processes]
) -> _Tally:
    analyser, journal, setup, processes = how
    tally = _Tally(Total(analyser.keys, analyser.amounts), layout)
    required = tuple(layer.name for layer in layout.tiles.layers if request.analysis in layer.required)
    work = WindowWork(analyser, layout.tiles, required)
    count = len(layout.windows)
    for result in islice(journal.resume(), count):
        tally.add(result)
    try:
        with closing(processes.results(work, tasks(features, layout.windows[tally.windows :]))) as found:
            for result in found:
                journal.add(result)
                tally.add(result)
                share = tally.windows / count
                setup.progress(_READ * (1 - share) + _SUMMED * share, f"window {tally.windows} of {count}")
    except BaseException:  # whatever ends the run, what was summed so far is kept for the next try
        journal.close()
        raise
    return tally


def _marks(layout: Plan) -> Marks:
    return {f"{layer} {file}": content_mark(file) for (layer, _), file in layout.tiles.paths.items()}


def _check_unchanged(before: Marks, layout: Plan, journal: Journal) -> None:
    """Refuse sums of which some are of one raster, some of the one that took its place."""
    after = _marks(layout)
    changed = [name for name, mark in before.items() if after[name] != mark]
    if changed:
        # Of no raster that there is.
        journal.remove()
        layer, file = changed[0].split(" ", 1)
        raise DataError(f"{layer}: {file} was replaced while it was read: start the run again")


def _key(request: AnalysisRequest, features: Features, read: tuple[Plan, Marks], analyser: RasterAnalyser) -> str:
    """All that the sums depend on, and nothing that differs when the same run is started again."""
    layout, rasters = read
    asked = request.model_dump(mode="json", include={"analysis", "feature_type", "change_only", "as_of"})
    # Which there are, and what their values mean, decides what the numbers of contexts stand for.
    layers = [layer.model_dump(mode="json", exclude={"public"}) for layer in layout.tiles.layers]
    shapes = _digest(b"".join(shapely.to_wkb(features.geometries)), features.codes.tobytes())
    fires = _digest(*analyser.content) if isinstance(analyser, BurnedAreas) else None
    return json.dumps([metadata.version("datapump"), asked, layers, rasters, shapes, fires, len(layout.windows)])


def _digest(*content: bytes) -> str:
    digest = hashlib.sha256()
    for part in content:
        digest.update(part)
    return digest.hexdigest()


def _manifest(request: AnalysisRequest, catalog: Catalog, given: _Given, tally: _Tally) -> Manifest:
    """The manifest of a run that has no tables yet."""
    manifest = describe(request, given.features, given.fires, given.files)
    manifest["rasters"] = _entry(tally, given.features)
    if request.as_of is not None:
        manifest["as_of"] = request.as_of.isoformat()
    manifest["layers"] = {layer.name: layer.uri or "" for layer in catalog.configured}
    manifest["layers_not_configured"] = list(catalog.missing)
    return manifest


def _write_tables(
    request: AnalysisRequest, sources: RasterSources, writer: TableWriter, setup: Setup
) -> list[TableEntry]:
    wanted = tables(request.analysis, request.feature_type, change_only=request.change_only)
    identities = Identities()
    written = []
    for number, (level, name) in enumerate(wanted):
        setup.progress(_SUMMED + (1 - _SUMMED) * number / len(wanted), f"writing {level}/{name}")
        table = build(sources, level, name, _TABLES[request.analysis])
        identities.check(table)
        writer.write(table)
        written.append(table_entry(table))
    return written


def _entry(tally: _Tally, features: Features) -> RastersEntry:
    tiles = tally.layout.tiles
    missing = tiles.missing(tally.tile_ids)
    bounds = shapely.bounds(features.geometries)
    beyond = (bounds < [-180, -90, -180, -90]).any(axis=1) | (bounds > [180, 90, 180, 90]).any(axis=1)
    return {
        "grid": tiles.grid.name,
        "windows": tally.windows,
        "windows_skipped": tally.skipped,
        "pixels": tally.pixels,
        "tiles": len(tally.tile_ids),
        "tiles_missing": {name: len(absent) for name, absent in missing.items()},
        "rows_beyond_grid": int(beyond.sum()),
    }
