"""The fire files of the data lake, and the times that their names tell."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from datapump.alerts import alert_files, last_alert, last_time, later, near_real_time
from datapump.analyses import Analysis
from datapump.errors import DataError, NotFoundError
from datapump.jobs.documents import Table
from datapump.objects import Objects
from datapump.sources.fire_files import FireType
from datapump.sources.fire_time import FireTime

LAKE = "s3://gfw-data-lake/nasa_viirs_fire_alerts/v1/vector/epsg-4326/tsv"
# An unpadded time sorts behind later ones as text, and before them as time.
NIGHTS = [
    f"{LAKE}/near_real_time/2026-01-13-0000_2026-01-14-930.tsv",
    f"{LAKE}/near_real_time/2026-01-14-0931_2026-01-14-2359.tsv",
    f"{LAKE}/near_real_time/2026-01-15-0000_2026-01-15-0200.tsv",
]
ARCHIVE = f"{LAKE}/scientific/viirs_2012_2025.tsv"


@pytest.fixture
def ports(tmp_path):
    objects = Objects(tmp_path)
    for uri in NIGHTS[::-1]:
        objects.put(uri, b"x")
    return SimpleNamespace(objects=objects, settings=SimpleNamespace(data_lake_bucket="gfw-data-lake"))


def table(analysis=Analysis.VIIRS):
    return Table(dataset="gadm", version="v4.1", analysis=analysis)


def test_nights_are_listed_by_time_and_nothing_else_is(ports):
    ports.objects.put(f"{LAKE}/near_real_time/_SUCCESS", b"")
    assert near_real_time(FireType.VIIRS, ports) == NIGHTS
    assert near_real_time(FireType.MODIS, ports) == []


def test_an_analysis_from_scratch_reads_the_archive_and_every_night(ports):
    ports.objects.put(ARCHIVE, b"x")
    assert alert_files(table(), ports) == [ARCHIVE, *NIGHTS]
    assert alert_files(table(Analysis.GLAD), ports) == []


def test_an_analysis_without_any_fire_file_is_refused(ports):
    with pytest.raises(NotFoundError, match=r"the table gadm v4\.1 modis has no fire files to analyse"):
        alert_files(table(Analysis.MODIS), ports)


def test_a_name_that_tells_no_time_is_named(ports):
    ports.objects.put(f"{LAKE}/near_real_time/latest.tsv", b"x")
    with pytest.raises(DataError, match=r"near_real_time/latest\.tsv"):
        near_real_time(FireType.VIIRS, ports)


def test_the_newest_alert_of_some_files_is_that_of_the_nights_among_them():
    assert str(last_alert(NIGHTS[0])) == "2026-01-14 0930"
    assert last_time([ARCHIVE, *NIGHTS[:2]]) == "2026-01-14 2359"
    assert last_time([ARCHIVE]) is None
    assert last_time([]) is None


def test_later_files_are_those_that_hold_something_later():
    assert later(NIGHTS, FireTime.parse("2026-01-14 0930")) == NIGHTS[1:]
    assert later(NIGHTS, FireTime.parse("2026-01-15 0159")) == NIGHTS[2:]
    assert later(NIGHTS, FireTime.parse("2026-01-15 0200")) == []
