"""Where the fires of result tables were seen: a bounded sample, written by the engine, read back to draw a map.

It lies beside a run's tables, `{output}/places.geojson`; the format is RFC 7946 (GeoJSON). A table with a row for each
fire (`all`, as clusters wrote it) is asked itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from datapump.errors import NotFoundError
from datapump.published import columns, known_version, row_count
from datapump.run_files import Strict, read_file, runs

if TYPE_CHECKING:
    from datapump.clients.data_api import DataApi
    from datapump.run_files import Reader

MOST_PLACES = 2_000
MOST_BYTES = 1_000_000
FILE = "places.geojson"
POSITION = ("longitude", "latitude")


class MultiPoint(Strict):
    """Places: degrees east, then north (WGS 84)."""

    type: Literal["MultiPoint"] = "MultiPoint"
    coordinates: list[tuple[float, float]]


class Day(Strict):
    """The day on which fires were seen, UTC."""

    date: str = Field(pattern=r"^\d{4}-\d\d-\d\d$", examples=["2026-01-16"])


class DayOfFires(Strict):
    """Some fires of one day."""

    type: Literal["Feature"] = "Feature"
    properties: Day
    geometry: MultiPoint


class Places(Strict):
    """Some of the fires that a run, or some runs, found in their areas."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[DayOfFires] = Field(description="Of each day those that were picked, the newest day first.")
    total: int = Field(ge=0, description="How many fires these runs found in their areas: what the sample is of.")
    runs: int | None = Field(
        default=1, ge=0, description="Of how many runs, the newest ones of the table; null: of the whole table."
    )


def places_uri(output: str) -> str:
    """The name of the sample of a run's fires."""
    return f"{output.rstrip('/')}/{FILE}"


def read_places(data_api: DataApi, objects: Reader, dataset: str, version: str) -> Places:
    """Some of the fires in a table's areas: of its newest runs, the newest run first; at most 2,000.

    Of a table with a row for each fire: its newest rows.

    Raises:
        NotFoundError: There is no such version, or no places are kept of its fires.
        DataError: A file of places is not as the engine writes it.
    """
    known_version(data_api, dataset, version)
    found = []
    for output in dict.fromkeys(output for output, _ in runs(data_api.sources(dataset, version) or [])):
        uri = places_uri(output)
        try:
            found.append(read_file(objects, uri, Places, most_bytes=MOST_BYTES, holds="places"))
        except NotFoundError:
            continue
    if found:
        return _together(found)
    newest = _rows(data_api, dataset, version)
    if newest is None:
        raise NotFoundError(
            f"no places are kept of what {dataset} {version} counts: "
            "only the embedded engine writes them, and only of fires"
        )
    return newest


def _rows(data_api: DataApi, dataset: str, version: str) -> Places | None:
    """The newest rows of a table whose rows are fires; None of any other."""
    names = [column.name for column in columns(data_api, dataset, version)]
    day = next((name for name in names if re.fullmatch(r"[a-z_]+__date", name)), None)
    if day is None or not set(POSITION) <= set(names):
        return None
    sql = f"SELECT longitude, latitude, {day} FROM data ORDER BY {day} DESC LIMIT {MOST_PLACES}"  # noqa: S608 - a name of the table's own, matched above
    days: dict[str, list[tuple[float, float]]] = {}
    for row in data_api.query(dataset, version, sql):
        days.setdefault(str(row[day])[:10], []).append((float(row["longitude"]), float(row["latitude"])))
    return Places(features=_features(days), total=row_count(data_api, dataset, version), runs=None)


def _together(found: list[Places]) -> Places:
    days: dict[str, list[tuple[float, float]]] = {}
    left = MOST_PLACES
    for one in found:
        for day in one.features:
            kept = day.geometry.coordinates[:left]
            left -= len(kept)
            if kept:
                days.setdefault(day.properties.date, []).extend(kept)
    return Places(features=_features(days), total=sum(one.total for one in found), runs=len(found))


def _features(days: dict[str, list[tuple[float, float]]]) -> list[DayOfFires]:
    return [
        DayOfFires(properties=Day(date=day), geometry=MultiPoint(coordinates=days[day]))
        for day in sorted(days, reverse=True)
    ]
