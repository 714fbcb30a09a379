import csv
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datapump.errors import StorageError
from datapump.sources.detections import Detections, write_detections
from datapump.sources.fire_files import FireType
from datapump.sources.fire_time import FireTime

finite = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
measured = st.one_of(st.sampled_from([1.5, 2.5, math.nan]), finite)
rows = st.tuples(
    st.integers(0, 3_000), st.sampled_from([1.0, 2.0]), finite, st.integers(0, 100), measured, measured, measured
)


def detections(values):
    kinds = (np.int64, float, float, np.int64, float, float, float)
    columns = zip(*values, strict=True) if values else [()] * 7
    return Detections(*(np.array(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True)))


def key(row):
    return tuple((math.isnan(value), 0 if math.isnan(value) else value) for value in row)


def listed(found):
    return [key(row) for row in zip(*(array.tolist() for array in found.arrays()), strict=True)]


@settings(deadline=None)
@given(st.lists(rows), st.data())
def test_rows_are_sorted_and_repetitions_dropped_as_by_hand(values, data):
    values += data.draw(st.lists(st.sampled_from(values))) if values else []
    found, repeated = detections(values).sorted_unique()
    expected = sorted({key(row) for row in values})
    assert listed(found) == expected
    assert repeated == len(values) - len(expected)


@settings(deadline=None)
@given(st.lists(rows, min_size=1), st.randoms(use_true_random=False))
def test_shuffled_rows_give_the_same_bytes(tmp_path_factory, values, random):
    folder = tmp_path_factory.mktemp("shuffled")
    shuffled = random.sample(values, len(values))
    for name, order in (("one", values), ("other", shuffled)):
        write_detections(detections(order).sorted_unique()[0], FireType.MODIS, folder / name)
    assert (folder / "one").read_bytes() == (folder / "other").read_bytes()


@settings(deadline=None)
@given(st.lists(rows, min_size=1))
def test_numbers_read_back_as_they_were(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("written") / "fires.tsv"
    write_detections(detections(values), FireType.MODIS, path)
    with path.open(newline="") as file:
        lines = list(csv.reader(file, delimiter="\t"))
    assert tuple(lines[0]) == FireType.MODIS.columns
    for row, line in zip(values, lines[1:], strict=True):
        minute, latitude, longitude, confidence, *measures = row
        assert (float(line[0]), float(line[1])) == (latitude, longitude)
        assert f"{line[2]} {line[3]}" == str(FireTime(minute))
        assert line[4] == str(confidence)
        assert [key([float(text or "nan")]) for text in line[5:]] == [key([number]) for number in measures]


def test_viirs_confidence_is_written_as_its_letter(tmp_path):
    write_detections(detections([(20, 1.5, 2, ord("n"), 300, math.nan, 7.25)]), FireType.VIIRS, tmp_path / "fires.tsv")
    assert (tmp_path / "fires.tsv").read_text().splitlines()[1] == "1.5\t2\t1970-01-01\t0020\tn\t300\t\t7.25"


def test_more_rows_than_are_formatted_at_once_are_all_written(tmp_path):
    count = 150_000
    many = Detections(*([np.arange(count)] + [np.zeros(count)] * 2 + [np.arange(count)] + [np.zeros(count)] * 3))
    write_detections(many, FireType.MODIS, tmp_path / "fires.tsv")
    written = (tmp_path / "fires.tsv").read_text().splitlines()[1:]
    assert [int(line.split("\t")[4]) for line in written] == list(range(count))


def test_no_rows_have_no_span():
    assert detections([]).span() is None
    assert listed(detections([]).sorted_unique()[0]) == []


def test_a_full_disk_is_an_error_of_the_store(tmp_path):
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    with pytest.raises(StorageError, match="No space left on device"):
        write_detections(detections([(20, 1.5, 2, 50, 300, 200, 7)]), FireType.MODIS, full)
