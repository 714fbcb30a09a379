"""Outlines of the areas that result tables are about: written small by the engine, read back to draw a map.

They lie beside the tables, `{output}/areas/{level}.geojson`; the format is RFC 7946 (GeoJSON).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from datapump.errors import DataError, NotFoundError

if TYPE_CHECKING:
    from datapump.clients.data_api import DataApi

MOST_AREAS = 2_000
MOST_BYTES = 2_000_000
# Rows are appended night by night; each run knows all areas of its night.
_MOST_RUNS = 10

Id = str | int | None
Ring = list[tuple[float, float]]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class MultiPolygon(_Strict):
    """Polygons: degrees east, then north (WGS 84), the first ring of each its outline, the others its holes."""

    type: Literal["MultiPolygon"] = "MultiPolygon"
    coordinates: list[list[Ring]]


class Area(_Strict):
    """One area: its id columns as the tables have them, and its simplified outline."""

    type: Literal["Feature"] = "Feature"
    properties: dict[str, Id]
    geometry: MultiPolygon


class Areas(_Strict):
    """Some areas."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[Area]


class Reader(Protocol):
    """Where the files lie."""

    def head(self, uri: str, size: int) -> bytes:
        """The first bytes of an object.

        Raises:
            NotFoundError: There is none.
        """
        ...


def outline_uri(output: str, level: str) -> str:
    """The name of the outlines of one level of a run's results."""
    return f"{output.rstrip('/')}/areas/{level}.geojson"


def read_areas(data_api: DataApi, objects: Reader, dataset: str, version: str) -> Areas:
    """The areas of a published table, each once, as the newest run that knows it drew them; at most 2,000.

    Raises:
        NotFoundError: There is no such version, or no outlines are kept of its areas.
        DataError: A file of outlines is not as the engine writes it.
    """
    if data_api.version(dataset, version) is None:
        raise NotFoundError(f"the Data API has no {dataset} {version}")
    found: dict[tuple[tuple[str, Id], ...], Area] = {}
    for uri in (outline_uri(*run) for run in runs(data_api.sources(dataset, version) or [])):
        try:
            areas = _read(objects.head(uri, MOST_BYTES + 1), uri)
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


def runs(sources: list[str]) -> list[tuple[str, str]]:
    """The output folder and the level of each run that a table was made from, the newest first; at most 10."""
    # s3://bucket/.../output/level/table/file; what lies higher up is no engine's table.
    places = [re.fullmatch(r"(\w+://[^/]+/.+)/([^/]+)/[^/]+/[^/]+", source) for source in reversed(sources)]
    return list(dict.fromkeys((place[1], place[2]) for place in places if place is not None))[:_MOST_RUNS]


def _read(content: bytes, uri: str) -> Areas:
    if len(content) > MOST_BYTES:
        raise DataError(f"{uri} holds more than {MOST_BYTES} bytes of outlines")
    try:
        return Areas.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise DataError(f"{uri} is not as the engine writes outlines: {first['msg']}") from None
