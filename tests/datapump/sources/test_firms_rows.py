import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from datapump.sources.fire_files import FireType
from datapump.sources.fire_time import FireTime
from datapump.sources.firms_feed import FeedBatch
from datapump.sources.firms_rows import modis_confidence, read_rows, viirs_confidence

GOOD = {"acq_date": "2022-02-26", "acq_time": "0020", "frp": "64.94"}
VIIRS = GOOD | {"confidence": "nominal", "bright_ti4": "310.16", "bright_ti5": "272.01"}
MODIS = GOOD | {"confidence": "70", "brightness": "310.16", "bright_t31": "272.01"}


def batch(*rows, latitude=-4.99722, longitude=-37.427):
    count = len(rows)
    return FeedBatch(
        np.full(count, latitude),
        np.full(count, longitude),
        {name: pa.array([row[name] for row in rows], pa.string()) for name in rows[0]},
    )


def test_a_row_becomes_numbers():
    rows, skipped = read_rows(batch(VIIRS), FireType.VIIRS)
    assert [array.tolist() for array in rows.arrays()] == [
        [FireTime.parse("2022-02-26 0020").minute],
        [-4.99722],
        [-37.427],
        [ord("n")],
        [310.16],
        [272.01],
        [64.94],
    ]
    assert skipped == Counter()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"acq_date": "2022-02-30"}, "unreadable date"),
        ({"acq_date": ""}, "unreadable date"),
        ({"acq_time": "2561"}, "unreadable time"),
        ({"acq_time": ""}, "unreadable time"),
        ({"confidence": "certain"}, "impossible confidence"),
        ({"confidence": ""}, "impossible confidence"),
        ({"confidence": "70"}, "impossible confidence"),
        ({"bright_ti4": "hot"}, "unreadable bright_ti4"),
        ({"bright_ti5": "inf"}, "unreadable bright_ti5"),
        ({"frp": "1,5"}, "unreadable frp"),
        ({"frp": "1,5", "acq_date": "x", "acq_time": "x"}, "unreadable date"),
    ],
)
def test_a_row_that_cannot_be_read_is_passed_over_for_one_reason(changed, reason):
    rows, skipped = read_rows(batch(VIIRS, VIIRS | changed, VIIRS), FireType.VIIRS)
    assert (len(rows), skipped) == (2, Counter({reason: 1}))


@pytest.mark.parametrize(
    ("latitude", "longitude", "reason"),
    [
        (math.nan, 0, "no coordinate"),
        (0, math.nan, "no coordinate"),
        (90.00001, 0, "coordinate out of range"),
        (0, -180.00001, "coordinate out of range"),
        (math.inf, 0, "coordinate out of range"),
    ],
)
def test_a_row_that_lies_nowhere_is_passed_over(latitude, longitude, reason):
    rows, skipped = read_rows(batch(MODIS, latitude=latitude, longitude=longitude), FireType.MODIS)
    assert (len(rows), skipped) == (0, Counter({reason: 1}))


@pytest.mark.parametrize(("latitude", "longitude"), [(90, 180), (-90, -180)])
def test_the_ends_of_the_earth_are_on_it(latitude, longitude):
    assert len(read_rows(batch(MODIS, latitude=latitude, longitude=longitude), FireType.MODIS)[0]) == 1


@pytest.mark.parametrize("name", ["brightness", "bright_t31", "frp"])
def test_a_row_without_a_measurement_is_kept(name):
    rows, skipped = read_rows(batch(MODIS | {name: ""}), FireType.MODIS)
    measured = dict(zip(("brightness", "bright_t31", "frp"), rows.arrays()[4:], strict=True))
    assert [math.isnan(measured[column][0]) for column in measured] == [column == name for column in measured]
    assert skipped == Counter()


@pytest.mark.parametrize(
    ("text", "letter"), [("low", "l"), ("Nominal", "n"), ("HIGH", "h"), ("l", "l"), ("N", "n"), ("h", "h")]
)
def test_viirs_confidence_is_cut_to_its_letter(text, letter):
    assert chr(viirs_confidence(text)) == letter


@pytest.mark.parametrize("text", ["", "x", "lo", "highest", "50"])
def test_other_words_are_no_viirs_confidence(text):
    with pytest.raises(ValueError, match="expected low, nominal or high"):
        viirs_confidence(text)


@pytest.mark.parametrize(("text", "percent"), [("0", 0), ("100", 100), ("070", 70), ("70.0", 70), ("70.000000", 70)])
def test_modis_confidence_is_a_percentage(text, percent):
    assert modis_confidence(text) == percent


@pytest.mark.parametrize("text", ["", "101", "-1", "70.5", "high", "1000", "7e1"])
def test_other_numbers_are_no_modis_confidence(text):
    with pytest.raises(ValueError, match="whole number from 0 to 100"):
        modis_confidence(text)
