"""The fire files in the data lake that analyses read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.analyses import Analysis
from datapump.errors import NotFoundError, UnsupportedError
from datapump.sources.fire_files import (
    FireType,
    near_real_time_folder,
    parse_near_real_time_name,
    scientific_folder,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from datapump.jobs.documents import Table
    from datapump.ports import Ports
    from datapump.sources.fire_time import FireTime

FIRE_TYPES = {Analysis.VIIRS: FireType.VIIRS, Analysis.MODIS: FireType.MODIS}
NEAR_REAL_TIME = "/near_real_time/"


def near_real_time(fire_type: FireType, ports: Ports) -> list[str]:
    """The files that syncs have saved, oldest first.

    Raises:
        DataError: A file there has a name that tells no time.
    """
    folder = near_real_time_folder(fire_type, ports.settings.data_lake_bucket)
    return sorted((info.uri for info in ports.objects.glob(folder + "*.tsv")), key=last_alert)


def alert_files(table: Table, ports: Ports) -> list[str]:
    """Every alert file that an analysis from scratch reads; none for an analysis that is not of fires.

    Raises:
        NotFoundError: There is none where there should be: the tables would come out empty.
        UnsupportedError: The analysis is of burned areas, and the settings do not say where their files are.
    """
    if table.analysis is Analysis.BURNED_AREAS:
        return _burned_areas(table, ports)
    fire_type = FIRE_TYPES.get(table.analysis)
    if fire_type is None:
        return []
    bucket = ports.settings.data_lake_bucket
    scientific = [info.uri for info in ports.objects.glob(scientific_folder(fire_type, bucket) + "*.tsv")]
    files = scientific + near_real_time(fire_type, ports)
    if not files:
        places = f"{scientific_folder(fire_type, bucket)} or {near_real_time_folder(fire_type, bucket)}"
        raise NotFoundError(f"the table {table} has no fire files to analyse: there is no .tsv in {places}")
    return files


def _burned_areas(table: Table, ports: Ports) -> list[str]:
    pattern = ports.settings.burned_areas
    if pattern is None:
        raise UnsupportedError(
            f"the table {table} cannot be analysed here: this deployment knows no place of burned-area files. Name it "
            "with DATAPUMP_BURNED_AREAS, or run datapump tool zonal on them"
        )
    files = [info.uri for info in ports.objects.glob(pattern)]
    if not files:
        raise NotFoundError(f"the table {table} has no burned-area files to analyse: there is nothing at {pattern}")
    return files


def last_alert(uri: str) -> FireTime:
    """The newest alert in a near-real-time file, as its name tells."""
    return parse_near_real_time_name(uri)[1]


def first_alert(uri: str) -> FireTime:
    """The oldest alert in a near-real-time file, as its name tells."""
    return parse_near_real_time_name(uri)[0]


def last_time(uris: Iterable[str]) -> str | None:
    """`YYYY-MM-DD HHMM` of the newest alert of all near-real-time files among these, None if there is no such file."""
    times = [last_alert(uri) for uri in uris if NEAR_REAL_TIME in uri]
    return str(max(times)) if times else None


def later(uris: Sequence[str], after: FireTime) -> list[str]:
    """The files that hold alerts later than `after`."""
    return [uri for uri in uris if last_alert(uri) > after]
