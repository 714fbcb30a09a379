"""A feed of some days becomes what is kept and what is news."""

from __future__ import annotations

import pytest

from datapump.embedded.sample.history import split
from datapump.errors import DataError
from datapump.sources.fire_files import FireType

HEADER = (
    "latitude,longitude,brightness,scan,track,acq_date,acq_time,satellite,confidence,version,bright_t31,frp,daynight"
)


def feed(path, *times):
    rows = [f"1.5,{number}.5,310,1,1,{day},{minute},T,70,6.1NRT,272,64,N" for number, (day, minute) in enumerate(times)]
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def test_what_comes_before_the_last_day_is_kept(tmp_path):
    times = [("2022-02-25", "1200"), ("2022-02-26", "2359"), ("2022-02-27", "0000"), ("2022-02-27", "0100")]
    kept = split(feed(tmp_path / "feed.csv", *times), tmp_path)
    assert (kept.fire_type, kept.name) == (FireType.MODIS, "2022-02-25-1200_2022-02-26-2359.tsv")
    assert len(kept.path.read_text().splitlines()) == 1 + 2


def test_of_a_feed_of_one_day_the_first_minute_is_kept(tmp_path):
    kept = split(feed(tmp_path / "feed.csv", ("2022-02-27", "0010"), ("2022-02-27", "0100")), tmp_path)
    assert kept.name == "2022-02-27-0010_2022-02-27-0010.tsv"


def test_a_feed_without_fires_is_refused(tmp_path):
    with pytest.raises(DataError, match="no usable fire"):
        split(feed(tmp_path / "feed.csv"), tmp_path)
