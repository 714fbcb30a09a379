"""Outlines of the areas that result tables are about: written small by the engine, read back to draw a map.

They lie beside the tables, `{output}/areas/{level}.geojson`; the format is RFC 7946 (GeoJSON).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from datapump.errors import NotFoundError
from datapump.published import known_version
from datapump.run_files import Strict, read_file, runs

if TYPE_CHECKING:
    from datapump.clients.data_api import DataApi
    from datapump.run_files import Reader

MOST_AREAS = 2_000
MOST_BYTES = 2_000_000

Id = str | int | None
Ring = list[tuple[float, float]]


class MultiPolygon(Strict):
    """Polygons: degrees east, then north (WGS 84), the first ring of each its outline, the others its holes."""

    type: Literal["MultiPolygon"] = "MultiPolygon"
    coordinates: list[list[Ring]]


class Area(Strict):
    """One area: its id columns as the tables have them, and its simplified outline."""

    type: Literal["Feature"] = "Feature"
    properties: dict[str, Id]
    geometry: MultiPolygon


class Areas(Strict):
    """Some areas."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[Area]


def outline_uri(output: str, level: str) -> str:
    """The name of the outlines of one level of a run's results."""
    return f"{output.rstrip('/')}/areas/{level}.geojson"


def read_areas(data_api: DataApi, objects: Reader, dataset: str, version: str) -> Areas:
    """The areas of a published table, each once, as the newest run that knows it drew them; at most 2,000.

    Raises:
        NotFoundError: There is no such version, or no outlines are kept of its areas.
        DataError: A file of outlines is not as the engine writes it.
    """
    known_version(data_api, dataset, version)
    found: dict[tuple[tuple[str, Id], ...], Area] = {}
    for uri in (outline_uri(*run) for run in runs(data_api.sources(dataset, version) or [])):
        try:
            areas = read_file(objects, uri, Areas, most_bytes=MOST_BYTES, holds="outlines")
        except NotFoundError:
            continue
        for area in areas.features:
            found.setdefault(tuple(sorted(area.properties.items())), area)
    if not found:
        raise NotFoundError(
            f"no outlines are kept of the areas of {dataset} {version}: only the embedded engine writes them, "
            f"of at most {MOST_AREAS} areas"
        )
    return Areas(features=list(found.values())[:MOST_AREAS])
