"""One run of the embedded engine: features read, something counted in them, tables written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.analyses import Analysis
from datapump.engines.local.columns import tables
from datapump.engines.local.features import read_features
from datapump.engines.local.files import expand
from datapump.engines.local.fires import FireReader
from datapump.engines.local.identities import Identities
from datapump.engines.local.manifest import describe, table_entry
from datapump.engines.local.outlines import write_outlines
from datapump.engines.local.progress import meter
from datapump.engines.local.requests import check
from datapump.engines.local.resolving import fixed, resolved
from datapump.engines.local.row_filters import RowFilter
from datapump.engines.local.sampling import Contexts
from datapump.engines.local.tables import Sources, build
from datapump.engines.local.tally import Tally
from datapump.engines.local.writer import TableWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from datapump.engines import AnalysisRequest
    from datapump.engines.local.catalog import Catalog
    from datapump.engines.local.manifest import Manifest
    from datapump.engines.local.resolving import Versions
    from datapump.engines.local.sampling import LayerSampler
    from datapump.objects import Objects

POINTS = {Analysis.VIIRS, Analysis.MODIS}

# Shares of a run's progress.
_READ, _COUNTED = 0.3, 0.85


def run(  # noqa: PLR0913 - what is computed, and how
    request: AnalysisRequest,
    objects: Objects,
    *,
    layers: Path | None,
    progress: Callable[[float, str], None],
    processes: int = 1,
    journals: Path | None = None,
    uris: Mapping[str, str] | None = None,
    versions: Versions | None = None,
) -> dict[str, object]:
    """Run an analysis from beginning to end.

    Features are held in memory, fires are not. The same input gives the same bytes.

    Args:
        request: What to compute; names of files are whatever `objects` takes.
        objects: Where files are read from and tables are written to.
        layers: Catalog file of configured layers; None: no layer is configured.
        progress: Told from time to time which share of the work is done, 0 to 1, and what is being done.
        processes: How many processes compute windows of rasters.
        journals: Folder where a run over rasters that is killed leaves what it has computed, to go on when it is
            started again; None: nowhere.
        uris: Where the tiles of each configured layer are, as found before; None: they are found now.
        versions: The Data API, which is asked where they are; None: there is none.

    Returns:
        The manifest that was written, and its name under `manifest`.

    Raises:
        UnsupportedError: The engine cannot run this analysis, or its layers are not configured.
        InvalidInputError: There is no fire source, or no day.
        RemoteError: The Data API did not answer as it should.
        NotFoundError: An input file is not there.
        DataError: An input file cannot be used.
        StorageError: The results could not be written.
    """
    catalog = check(request, layers)
    grid = catalog.grids[request.analysis]
    catalog = resolved(catalog, grid, versions) if uris is None else fixed(catalog, uris)
    if request.analysis in POINTS:
        return compute(request, objects, catalog, _sampler(request, catalog, objects), progress)
    from datapump.engines.local import raster_run  # noqa: PLC0415 - fires without layers do without GDAL

    return raster_run.compute(request, objects, catalog, raster_run.Setup(processes, journals, progress))


def _sampler(request: AnalysisRequest, catalog: Catalog, objects: Objects) -> LayerSampler | None:
    if not catalog.configured:
        return None
    from datapump.engines.local.raster_sampler import RasterSampler  # noqa: PLC0415 - as above

    return RasterSampler(request.analysis, catalog, objects)


def compute(
    request: AnalysisRequest,
    objects: Objects,
    catalog: Catalog,
    sampler: LayerSampler | None,
    progress: Callable[[float, str], None],
) -> dict[str, object]:
    """`run` of fires, with the layers of a catalog and what samples the configured ones of them."""
    writer = TableWriter(objects, request.output, request.name)
    writer.clear_unfinished(tables(request.analysis, request.feature_type, change_only=False))
    feature_files = expand(objects, request.features, "feature", each=True)
    fire_files = expand(objects, request.fire_sources, "fire", each=False)
    told = meter(progress, (0, _READ), feature_files, "reading features")
    features = read_features(feature_files, request.feature_type, objects, told, RowFilter.of(request))
    told = meter(progress, (_READ, _COUNTED), fire_files, "counting fires in features")
    reader = FireReader(request.analysis, objects, told)
    contexts = Contexts(catalog.configured, sampler)
    tally = Tally(features)
    for fires in reader.chunks(fire_files):
        tally.add(fires, contexts.at(fires.longitude, fires.latitude))
    manifest = describe(request, features, reader, {"features": feature_files, "fires": fire_files})
    manifest["fires"]["matched"] = tally.matched
    manifest["layers"] = {layer.name: layer.uri or "" for layer in catalog.configured}
    manifest["layers_not_configured"] = list(catalog.missing)
    if sampler is not None:
        manifest["tiles_missing"] = sampler.missing
    sources = Sources(features.ids, tally.counts(), list(reader.confidences), contexts.texts(), catalog)
    everything = tables(request.analysis, request.feature_type, change_only=False)
    writer.clear(everything)
    write_outlines(features, [level for level, _ in everything], objects, request.output)
    tally.sample.write(objects, request.output)
    name = _write(request, sources, writer, manifest, progress)
    return {**manifest, "manifest": name}


def _write(
    request: AnalysisRequest,
    sources: Sources,
    writer: TableWriter,
    manifest: Manifest,
    progress: Callable[[float, str], None],
) -> str:
    wanted = tables(request.analysis, request.feature_type, change_only=request.change_only)
    identities = Identities()
    for number, table in enumerate(build(sources, wanted)):
        identities.check(table)
        progress(_COUNTED + (1 - _COUNTED) * number / len(wanted), f"writing {table.level}/{table.name}")
        writer.write(table)
        manifest["tables"].append(table_entry(table))
    name = writer.finish(manifest)
    progress(1, "done")
    return name
