"""The fire files of the data lake: where they lie, what they are called, which columns they have."""

from __future__ import annotations

from enum import StrEnum

from datapump.errors import DataError
from datapump.sources.fire_time import FireTime


class FireType(StrEnum):
    """The two instruments whose fires are followed. Values are those of `Analysis` and `SyncType`."""

    VIIRS = "viirs"
    MODIS = "modis"

    @property
    def other(self) -> FireType:
        """The other of the two."""
        return FireType.MODIS if self is FireType.VIIRS else FireType.VIIRS

    @property
    def dataset(self) -> str:
        """The data lake's dataset of these fires."""
        return f"nasa_{self.value}_fire_alerts"

    @property
    def version(self) -> str:
        """The data lake's version of that dataset."""
        return "v1" if self is FireType.VIIRS else "v6"

    @property
    def brightness(self) -> tuple[str, str]:
        """Names of the two brightness temperatures, in Kelvin: the fire's channel, then the background's."""
        return ("bright_ti4", "bright_ti5") if self is FireType.VIIRS else ("brightness", "bright_t31")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a fire file, in order: readers go by position."""
        return ("latitude", "longitude", "acq_date", "acq_time", "confidence", *self.brightness, "frp")


def near_real_time_folder(fire_type: FireType, data_lake: str) -> str:
    """Where the files of each night lie: `s3://{bucket}/.../near_real_time/`."""
    return _folder(fire_type, data_lake) + "near_real_time/"


def scientific_folder(fire_type: FireType, data_lake: str) -> str:
    """Where the reprocessed archive lies, beside the nights: `s3://{bucket}/.../scientific/`."""
    return _folder(fire_type, data_lake) + "scientific/"


def near_real_time_name(first: FireTime, last: FireTime) -> str:
    """The name of one night's file, by the first and last fire in it: `2022-02-26-0020_2022-02-27-2133.tsv`.

    Raises:
        ValueError: The first is later than the last.
    """
    if first > last:
        raise ValueError(f"a fire file cannot begin at {first} and end at {last}, which is earlier")
    return f"{first.day}-{first.hhmm}_{last.day}-{last.hhmm}.tsv"


def parse_near_real_time_name(name: str) -> tuple[FireTime, FireTime]:
    """The first and last fire of a night's file, from its name or its whole key. Unpadded times are understood.

    Raises:
        DataError: Not such a name.
    """
    stem, dot, suffix = name.rsplit("/", 1)[-1].partition(".")
    begin, underscore, end = stem.partition("_")
    if (dot, suffix, underscore) != (".", "tsv", "_"):
        raise DataError(f"{name!r} is not a night's fire file: expected YYYY-MM-DD-HHMM_YYYY-MM-DD-HHMM.tsv")
    try:
        first, last = FireTime.parse(begin), FireTime.parse(end)
    except ValueError as error:
        raise DataError(f"{name!r} is not a night's fire file: {error}") from error
    if first > last:
        raise DataError(f"{name!r} is not a night's fire file: it begins later than it ends")
    return first, last


def _folder(fire_type: FireType, data_lake: str) -> str:
    return f"s3://{data_lake}/{fire_type.dataset}/{fire_type.version}/vector/epsg-4326/tsv/"
