"""What the embedded engine takes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.analyses import Analysis
from datapump.engines.local.catalog import load_catalog
from datapump.errors import InvalidInputError, UnsupportedError

if TYPE_CHECKING:
    from pathlib import Path

    from datapump.engines import AnalysisRequest
    from datapump.engines.local.catalog import Catalog

AVAILABLE = frozenset({Analysis.VIIRS, Analysis.MODIS})


def check(request: AnalysisRequest, layers: Path | None) -> Catalog:
    """Refuse what this engine cannot run, before anything runs; returns the layer catalog.

    Args:
        request: What is asked for.
        layers: Catalog file of configured layers; None: no layer is configured.

    Raises:
        UnsupportedError: An analysis that is not available here, or a configured layer.
        InvalidInputError: There is no fire source.
        NotFoundError: There is no such catalog file.
        DataError: The catalog file cannot be used.
    """
    check_analysis(request.analysis)
    if not request.fire_sources:
        raise InvalidInputError(f"the analysis {request.analysis} needs a fire source", pointer="/fire_sources")
    catalog = load_catalog(layers)
    if catalog.configured:
        # Nothing samples rasters yet, and null would be a lie.
        names = ", ".join(layer.name for layer in catalog.configured)
        raise UnsupportedError(
            f"{catalog.source}: sampling of raster layers is not available in this version; "
            f"remove {names} from the catalog file, or run without one"
        )
    return catalog


def check_analysis(analysis: Analysis) -> None:
    """Refuse an analysis that the engine cannot run.

    Raises:
        UnsupportedError: It is not available here.
    """
    if analysis not in AVAILABLE:
        raise UnsupportedError(
            f"the analysis {analysis} is not available on the embedded engine yet; "
            f"available are {' and '.join(sorted(AVAILABLE))}"
        )
