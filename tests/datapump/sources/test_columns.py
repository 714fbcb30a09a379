import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datapump.sources.columns import UNREADABLE, codes, fixed_texts, numbers, to_arrow, to_numpy, trimmed

finite = st.floats(allow_nan=False, allow_infinity=False)
scribbles = st.text(st.sampled_from("0123456789+-.eEnaifxX*_ "), max_size=6)


def same(one, other):
    return one == other or (math.isnan(one) and math.isnan(other))


@given(st.lists(finite, min_size=1))
def test_numbers_are_read_exactly(values):
    found, unreadable = numbers(pa.array([repr(value) for value in values]))
    assert found.tolist() == values
    assert not unreadable.any()
    assert not np.signbit(found[found == 0]).any()


@pytest.mark.parametrize("text", ["", "nan", "NaN", "-nan", "*", "*********"])
def test_missing_numbers_are_nan_and_not_unreadable(text):
    found, unreadable = numbers(pa.array(["1.5", text]))
    assert found[0] == 1.5
    assert math.isnan(found[1])
    assert unreadable.tolist() == [False, False]


@pytest.mark.parametrize("text", ["abc", "1,5", "inf", "-Infinity", "1e999", "0x10", "1_000", "--1", "1.2.3", "."])
def test_what_is_no_number_is_unreadable(text):
    found, unreadable = numbers(pa.array(["1.5", text]))
    assert math.isnan(found[1])
    assert unreadable.tolist() == [False, True]


@given(scribbles, st.lists(scribbles))
@example("+1", [])
@example("1.", [])
@example("nan(1)", ["x"])
def test_a_text_is_read_the_same_whatever_its_neighbours(text, others):
    text = text.strip()
    alone, beside = numbers(pa.array([text])), numbers(pa.array([text, "", "x", *(other.strip() for other in others)]))
    assert same(alone[0][0], beside[0][0])
    assert alone[1][0] == beside[1][0]


def test_codes_are_parsed_once_for_each_distinct_text():
    asked = []

    def parse(text):
        asked.append(text)
        return int(text)

    assert codes(pa.array(["7", "x", "7", "8", "x"]), parse).tolist() == [7, UNREADABLE, 7, 8, UNREADABLE]
    assert sorted(asked) == ["7", "8", "x"]


def test_columns_without_rows_are_read():
    assert codes(pa.array([], pa.string()), int).tolist() == []
    assert numbers(pa.array([], pa.string()))[0].tolist() == []


@given(st.lists(st.one_of(finite, st.just(math.nan))), st.integers(0, 3))
def test_numbers_cross_to_arrow_with_nan_as_null(values, step):
    array = np.array(values, dtype=float)[:: step + 1]
    assert to_arrow(array).to_pylist() == [None if math.isnan(value) else value for value in array]


def test_numbers_cross_back():
    assert to_numpy(pa.array([1, 2, 3])[1:]).tolist() == [2, 3]


def test_texts_of_one_width_are_trimmed():
    cells = np.frombuffer(b" a b  ab", dtype=np.uint8).reshape(2, 4)
    assert trimmed(fixed_texts(cells)).to_pylist() == ["a b", "ab"]
