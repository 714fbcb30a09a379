"""One run of the embedded engine: fires counted in features, written as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.engines.local.columns import tables
from datapump.engines.local.features import read_features
from datapump.engines.local.files import expand
from datapump.engines.local.fires import FireReader
from datapump.engines.local.manifest import describe, table_entry
from datapump.engines.local.requests import check
from datapump.engines.local.sampling import Contexts
from datapump.engines.local.tables import Sources, build
from datapump.engines.local.tally import Tally
from datapump.engines.local.writer import TableWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from datapump.engines import AnalysisRequest
    from datapump.engines.local.catalog import Catalog
    from datapump.engines.local.files import InputFile
    from datapump.engines.local.manifest import Manifest
    from datapump.engines.local.sampling import LayerSampler
    from datapump.objects import Objects

# Shares of a run's progress.
_READ, _COUNTED = 0.3, 0.85


def run(
    request: AnalysisRequest, objects: Objects, *, layers: Path | None, progress: Callable[[float, str], None]
) -> dict[str, object]:
    """Run an analysis from beginning to end.

    Features are held in memory, fires are not. The same input gives the same bytes.

    Args:
        request: What to compute; names of files are whatever `objects` takes.
        objects: Where files are read from and tables are written to.
        layers: Catalog file of configured layers; None: no layer is configured.
        progress: Told from time to time which share of the work is done, 0 to 1, and what is being done.

    Returns:
        The manifest that was written, and its name under `manifest`.

    Raises:
        UnsupportedError: The engine cannot run this analysis, or sample a layer that is configured.
        InvalidInputError: There is no fire source.
        NotFoundError: An input file is not there.
        DataError: An input file cannot be used.
        StorageError: The results could not be written.
    """
    return compute(request, objects, check(request, layers), None, progress)


def compute(
    request: AnalysisRequest,
    objects: Objects,
    catalog: Catalog,
    sampler: LayerSampler | None,
    progress: Callable[[float, str], None],
) -> dict[str, object]:
    """`run` with the layers of a catalog and what samples the configured ones of them."""
    writer = TableWriter(objects, request.output, request.name)
    writer.clear_unfinished(request.feature_type)
    feature_files = expand(objects, request.features, "feature", each=True)
    fire_files = expand(objects, request.fire_sources, "fire", each=False)
    told = _meter(progress, 0, _READ, feature_files, "reading features")
    features = read_features(feature_files, request.feature_type, objects, told)
    told = _meter(progress, _READ, _COUNTED, fire_files, "counting fires in features")
    reader = FireReader(request.analysis, objects, told)
    contexts = Contexts(catalog.configured, sampler)
    tally = Tally(features)
    for fires in reader.chunks(fire_files):
        tally.add(fires, contexts.at(fires.longitude, fires.latitude))
    manifest = describe(request, features, reader, {"features": feature_files, "fires": fire_files})
    manifest["fires"]["matched"] = tally.matched
    manifest["layers_not_configured"] = list(catalog.missing)
    sources = Sources(features.ids, tally.counts(), list(reader.confidences), contexts.texts(), catalog)
    name = _write(request, sources, writer, manifest, progress)
    return {**manifest, "manifest": name}


def _write(
    request: AnalysisRequest,
    sources: Sources,
    writer: TableWriter,
    manifest: Manifest,
    progress: Callable[[float, str], None],
) -> str:
    wanted = tables(request.feature_type, change_only=request.change_only)
    writer.clear(request.feature_type)
    for number, table in enumerate(build(sources, wanted)):
        progress(_COUNTED + (1 - _COUNTED) * number / len(wanted), f"writing {table.level}/{table.name}")
        writer.write(table)
        manifest["tables"].append(table_entry(table))
    name = writer.finish(manifest)
    progress(1, "done")
    return name


def _meter(
    progress: Callable[[float, str], None], start: float, stop: float, files: Sequence[InputFile], message: str
) -> Callable[[int], None]:
    """Turns bytes that were read into progress from `start` to `stop`."""
    total = max(1, sum(file.size for file in files))
    done = 0

    def told(size: int) -> None:
        nonlocal done
        done += size
        share = min(1, done / total)
        progress(start * (1 - share) + stop * share, message)

    progress(start, message)
    return told
