"""How many workers a run gets.

Source: the rule of the production pipeline, found by experience with its clusters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from datapump.analyses import Analysis, FeatureType, SyncType

if TYPE_CHECKING:
    from datapump.engines import AnalysisRequest

USER_AREAS: Final = 30
OUTSIDE_PRODUCTION: Final = 50
PER_GB: Final = 50
GB: Final = 10**9
FEWEST: Final = 10


def limiting_sources(request: AnalysisRequest) -> tuple[str, ...]:
    """The files whose size decides: the alerts of a sync where they are one file, else the features."""
    if request.sync_type is not None and len(request.fire_sources) == 1:
        return request.fire_sources
    return request.features


def worker_count(request: AnalysisRequest, size_bytes: int, *, production: bool) -> int:
    """The number of workers, core and task nodes together.

    Args:
        request: The run.
        size_bytes: Size of its limiting sources together; where one of them is a pattern, it does not matter.
        production: Whether this is the production deployment; others get fewer for whole folders.
    """
    analysis = request.analysis
    if request.sync_type is SyncType.RW_AREAS:
        return USER_AREAS
    if any("*" in name for name in limiting_sources(request)):
        return _for_folder(request) if production else OUTSIDE_PRODUCTION
    if analysis is Analysis.GLAD and request.change_only:
        return 10
    if analysis is Analysis.INTEGRATED_ALERTS:
        return 60
    weight = 1 + 0.25 * request.retries
    if analysis in {Analysis.TCL, Analysis.BURNED_AREAS}:
        weight *= 2
    if request.change_only:
        weight *= 0.75
    if request.feature_type is FeatureType.WDPA:
        weight *= 0.25
    return max(round(size_bytes / GB * PER_GB * weight), FEWEST)


def _for_folder(request: AnalysisRequest) -> int:
    if request.analysis in {Analysis.TCL, Analysis.VIIRS}:
        return 200
    return 30 if request.analysis is Analysis.GLAD and request.change_only else 100
