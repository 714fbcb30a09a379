"""The alert files of the data lake that analyses of fires read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.analyses import Analysis
from datapump.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.ports import Ports

FOLDERS = {
    Analysis.VIIRS: "nasa_viirs_fire_alerts/v1/vector/epsg-4326/tsv",
    Analysis.MODIS: "nasa_modis_fire_alerts/v6/vector/epsg-4326/tsv",
}
NEAR_REAL_TIME = "/near_real_time/"


def folder(analysis: Analysis, bucket: str, part: str) -> str:
    """`s3://{bucket}/.../tsv/{part}/`, part being `scientific` or `near_real_time`."""
    return f"s3://{bucket}/{FOLDERS[analysis]}/{part}/"


def near_real_time(analysis: Analysis, ports: Ports) -> list[str]:
    """The near-real-time files, oldest first: their names are padded, so text order is time order."""
    found = ports.objects.glob(folder(analysis, ports.settings.data_lake_bucket, "near_real_time") + "*.tsv")
    return sorted((info.uri for info in found), key=last_alert)


def alert_files(analysis: Analysis, ports: Ports) -> list[str]:
    """Every alert file that an analysis from scratch reads; none for an analysis that is not of fires.

    Raises:
        NotFoundError: There is none where there should be: the tables would come out empty.
    """
    if analysis not in FOLDERS:
        return []
    bucket = ports.settings.data_lake_bucket
    scientific = [info.uri for info in ports.objects.glob(folder(analysis, bucket, "scientific") + "*.tsv")]
    files = scientific + near_real_time(analysis, ports)
    if not files:
        places = f"{folder(analysis, bucket, 'scientific')} and {folder(analysis, bucket, 'near_real_time')}"
        raise NotFoundError(f"no {analysis} fire files to analyse: there is no .tsv in {places}")
    return files


def last_alert(uri: str) -> str:
    """`YYYY-MM-DD HHMM` of the newest alert in a near-real-time file, as its name tells."""
    last = uri.rsplit("/", 1)[-1].removesuffix(".tsv").rsplit("_", 1)[-1]
    day, _, minute = last.rpartition("-")
    return f"{day} {minute}"


def last_time(uris: Sequence[str]) -> str | None:
    """The newest alert of all near-real-time files among these, None if there is no such file."""
    return max((last_alert(uri) for uri in uris if NEAR_REAL_TIME in uri), default=None)
