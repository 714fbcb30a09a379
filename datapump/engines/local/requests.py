"""What the embedded engine takes on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from datapump.analyses import FIRE_ANALYSES, Analysis, FeatureType
from datapump.engines.local.catalog import load_catalog
from datapump.engines.local.row_filters import ISO_COLUMNS
from datapump.errors import InvalidInputError, UnsupportedError

if TYPE_CHECKING:
    from pathlib import Path

    from datapump.engines import AnalysisRequest
    from datapump.engines.local.catalog import Catalog

AVAILABLE = frozenset(
    {Analysis.VIIRS, Analysis.MODIS, Analysis.TCL, Analysis.GLAD, Analysis.INTEGRATED_ALERTS, Analysis.BURNED_AREAS}
)

# The layers without which an analysis has nothing to say; of several in a row, one is enough.
_NEEDED = {
    Analysis.TCL: (("umd_tree_cover_loss",), ("umd_tree_cover_density_2000",)),
    Analysis.GLAD: (("umd_glad_landsat_alerts",),),
    Analysis.INTEGRATED_ALERTS: (
        ("umd_glad_landsat_alerts", "umd_glad_sentinel2_alerts", "wur_radd_alerts", "umd_glad_dist_alerts"),
    ),
}
_ISO = re.compile(r"[A-Z][A-Z0-9]{0,2}")
_NO_FEATURE = {Analysis.TCL, Analysis.BURNED_AREAS}


def check(request: AnalysisRequest, layers: Path | None) -> Catalog:
    """Refuse what this engine cannot run, before anything runs; returns the analysis's layers, unresolved.

    Args:
        request: What is asked for.
        layers: Catalog file of configured layers; None: no layer is configured.

    Raises:
        UnsupportedError: An analysis that is not available here, or not of such features, or whose layers are not
            configured.
        InvalidInputError: There is no fire source, or no day; or no country between the limits.
        NotFoundError: There is no such catalog file.
        DataError: The catalog file cannot be used.
    """
    analysis = request.analysis
    check_analysis(analysis)
    if request.feature_type is FeatureType.FEATURE and analysis in _NO_FEATURE:
        raise UnsupportedError(
            f"the analysis {analysis} has no tables for plain features: GeoTrellis has never made any"
        )
    if (request.iso_start or request.iso_end) and request.feature_type not in ISO_COLUMNS:
        raise UnsupportedError(
            f"{request.feature_type} features have no country: iso_start and iso_end are for gadm and wdpa"
        )
    for name, code in (("iso_start", request.iso_start), ("iso_end", request.iso_end)):
        if code and not _ISO.fullmatch(code):
            raise InvalidInputError(f"{name} {code!r} is no country code: capitals, as BRA", pointer=f"/{name}")
    if request.iso_end and request.iso_end <= request.iso_start:
        raise InvalidInputError(
            f"there is no country from {request.iso_start} on before {request.iso_end}: iso_end comes after iso_start",
            pointer="/iso_end",
        )
    if analysis in FIRE_ANALYSES and not request.fire_sources:
        raise InvalidInputError(f"the analysis {analysis} needs a fire source", pointer="/fire_sources")
    if analysis is Analysis.INTEGRATED_ALERTS and request.as_of is None:
        raise InvalidInputError(f"the analysis {analysis} needs the day that it is as of", pointer="/as_of")
    catalog = load_catalog(layers).of(analysis)
    for names in _NEEDED.get(analysis, ()):
        if all(catalog.layer(name).uri is None for name in names):
            raise UnsupportedError(
                f"the analysis {analysis} needs the layer {' or '.join(names)}, which is not configured: "
                f'write [layers.{names[0]}] with uri = ".../{{tile_id}}.tif" into the catalog file, '
                "or public = true for all layers of the public data lake"
            )
    return catalog


def available(layers: Path | None) -> frozenset[Analysis]:
    """The analyses whose needed layers are configured.

    Args:
        layers: Catalog file of configured layers; None: no layer is configured.

    Raises:
        NotFoundError: There is no such catalog file.
        DataError: The catalog file cannot be used.
    """
    missing = load_catalog(layers).missing
    return frozenset(
        analysis
        for analysis in AVAILABLE
        if all(any(name not in missing for name in names) for names in _NEEDED.get(analysis, ()))
    )


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
