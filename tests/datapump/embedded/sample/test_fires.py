import csv
import io
import re
import zipfile
from collections import Counter
from datetime import date

import numpy as np
import pyogrio
import pytest
import shapely

from datapump.embedded.sample import fires as sample
from datapump.embedded.sample.region import draw_region


@pytest.fixture(scope="module")
def region():
    return draw_region()


@pytest.fixture(scope="module")
def fires(region):
    return sample.draw_fires(region)


@pytest.fixture(scope="module")
def saved(fires):
    return sample.saved_tsv(fires.between(sample.SAVED_FIRST, sample.SAVED_LAST)).decode()


@pytest.fixture(scope="module")
def feed_file(fires, tmp_path_factory):
    folder = tmp_path_factory.mktemp("feed")
    content = sample.feed_zip(fires.between(sample.FEED_FIRST, sample.FEED_LAST))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    return folder / "SUOMI_VIIRS_C2_Global_7d.shp"


@pytest.fixture(scope="module")
def feed(feed_file):
    """The feed as rows of the kept form, read with the point geometry for the place."""
    frame = pyogrio.read_dataframe(feed_file)
    return [
        {
            "latitude": written(row.geometry.y),
            "longitude": written(row.geometry.x),
            "acq_date": f"{row.ACQ_DATE:%Y-%m-%d}",
            "acq_time": row.ACQ_TIME,
            "confidence": row.CONFIDENCE[0],
            "bright_ti4": written(row.BRIGHT_TI4),
            "bright_ti5": written(row.BRIGHT_TI5),
            "frp": written(row.FRP),
        }
        for row in frame.itertuples()
    ]


def written(number):
    return repr(float(number)).removesuffix(".0")


def kept(text):
    return list(csv.DictReader(io.StringIO(text), delimiter="\t"))


def test_the_kept_week_has_the_columns_the_analysis_reads_by_position(saved):
    assert saved.splitlines()[0].split("\t") == [
        "latitude",
        "longitude",
        "acq_date",
        "acq_time",
        "confidence",
        "bright_ti4",
        "bright_ti5",
        "frp",
    ]
    assert saved.endswith("\n")


def test_the_kept_week_holds_seven_days_and_some_thousand_fires(saved):
    rows = kept(saved)
    assert 3000 <= len(rows) <= 5000
    assert len({row["acq_date"] for row in rows}) == 7
    assert {row["acq_date"] for row in rows} == {f"2026-01-{day}" for day in range(10, 17)}


def test_values_are_in_the_ranges_of_the_instrument(saved):
    for row in kept(saved):
        assert re.fullmatch(r"\d{1,2}(\.\d{1,5})?", row["latitude"])
        assert re.fullmatch(r"\d{1,2}(\.\d{1,5})?", row["longitude"])
        assert re.fullmatch(r"([01]\d|2[0-3])[0-5]\d", row["acq_time"])
        assert 280 < float(row["bright_ti4"]) <= 367
        assert 270 < float(row["bright_ti5"]) < 330
        assert 0 < float(row["frp"]) <= 300


def test_confidences_have_the_usual_shares(saved):
    shares = Counter(row["confidence"] for row in kept(saved))
    total = shares.total()
    assert shares["l"] / total == pytest.approx(0.10, abs=0.02)
    assert shares["n"] / total == pytest.approx(0.80, abs=0.02)
    assert shares["h"] / total == pytest.approx(0.10, abs=0.02)


def test_each_day_has_four_overpasses(fires):
    for day in np.unique(fires.acq_date):
        assert len(np.unique(fires.acq_time[fires.acq_date == day])) == 4


def test_fires_come_in_the_order_of_their_acquisition_and_none_twice(fires):
    moments = [f"{day} {time}" for day, time in zip(fires.acq_date, fires.acq_time, strict=True)]
    assert moments == sorted(moments)
    places = zip(fires.latitude.tolist(), fires.longitude.tolist(), moments, strict=True)
    assert len(set(places)) == len(fires)


def test_fires_rise_to_a_peak_and_fall(fires):
    counts = [len(fires.between(day, day)) for day in (date(2026, 1, number) for number in range(10, 19))]
    peak = counts.index(max(counts))
    assert 0 < peak < 8
    assert counts[: peak + 1] == sorted(counts[: peak + 1])
    assert counts[peak:] == sorted(counts[peak:], reverse=True)


def test_every_named_area_has_fires_in_the_kept_week(region, fires):
    week = fires.between(sample.SAVED_FIRST, sample.SAVED_LAST)
    places = shapely.points(week.longitude, week.latitude)
    for item in (*region.divisions.adm2, *region.parks, *region.user_areas, *region.farms):
        assert shapely.intersects(item.polygon, places).any(), item


def test_some_fires_lie_exactly_on_whole_degrees_inside_areas_that_are_cut_there(region, fires):
    on_meridian = np.flatnonzero(fires.longitude == 20.0)
    on_parallel = np.flatnonzero(fires.latitude == 6.0)
    assert len(on_meridian) >= 6
    assert len(on_parallel) >= 4
    watershed, park = region.user_areas[0].polygon, region.parks[0].polygon
    assert watershed.contains(shapely.Point(20.0, 7.3))
    assert park.contains(shapely.Point(20.0, 6.0))


def test_the_kept_files_name_tells_its_first_and_last_moment(fires, saved):
    rows = kept(saved)
    name = sample.saved_name(fires.between(sample.SAVED_FIRST, sample.SAVED_LAST))
    first, last = rows[0], rows[-1]
    assert name == f"{first['acq_date']}-{first['acq_time']}_{last['acq_date']}-{last['acq_time']}.tsv"
    assert re.fullmatch(r"2026-01-10-\d{4}_2026-01-16-\d{4}\.tsv", name)


def test_the_feed_is_a_point_shapefile_with_the_attributes_of_firms(feed_file):
    info = pyogrio.read_info(feed_file)
    assert info["geometry_type"] == "Point"
    assert info["crs"] == "EPSG:4326"
    assert list(info["fields"]) == [
        "LATITUDE",
        "LONGITUDE",
        "BRIGHT_TI4",
        "SCAN",
        "TRACK",
        "ACQ_DATE",
        "ACQ_TIME",
        "SATELLITE",
        "CONFIDENCE",
        "VERSION",
        "BRIGHT_TI5",
        "FRP",
        "DAYNIGHT",
    ]
    kinds = dict(zip(info["fields"], info["ogr_types"], strict=True))
    assert kinds["ACQ_DATE"] == "OFTDate"
    assert kinds["ACQ_TIME"] == kinds["CONFIDENCE"] == "OFTString"
    assert kinds["LATITUDE"] == kinds["FRP"] == "OFTReal"


def test_the_feeds_values_are_written_as_firms_writes_them(feed_file):
    frame = pyogrio.read_dataframe(feed_file)
    assert set(frame.CONFIDENCE) == {"low", "nominal", "high"}
    assert frame.ACQ_TIME.str.fullmatch(r"\d{4}").all()
    assert set(frame.DAYNIGHT) == {"D", "N"}
    assert (frame.geometry.x == frame.LONGITUDE).all()
    assert (frame.geometry.y == frame.LATITUDE).all()


def test_what_the_feed_repeats_is_identical_to_what_is_kept(saved, feed):
    repeated = [row for row in feed if row["acq_date"] <= "2026-01-16"]
    overlap = [row for row in kept(saved) if row["acq_date"] >= "2026-01-12"]
    assert len({row["acq_date"] for row in overlap}) == 5
    assert repeated == overlap


def test_what_the_feed_adds_is_strictly_later(saved, feed):
    last = kept(saved)[-1]
    newer = [row for row in feed if row["acq_date"] > "2026-01-16"]
    assert {row["acq_date"] for row in newer} == {"2026-01-17", "2026-01-18"}
    assert all((row["acq_date"], row["acq_time"]) > (last["acq_date"], last["acq_time"]) for row in newer)


def test_no_fires_make_an_empty_file_with_its_header(fires):
    none = fires.between(date(2020, 1, 1), date(2020, 1, 2))
    assert len(none) == 0
    assert sample.saved_tsv(none).decode().count("\n") == 1
