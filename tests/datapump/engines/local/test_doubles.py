"""Doubles as they are written in tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datapump.engines.local.doubles import double_text, double_texts, rounded


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (60.09361303102405, "60.09361303102405"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (9999999.5, "9999999.5"),
        (1e7, "1.0E7"),
        (-12345678.9, "-1.23456789E7"),
        (1e-12, "1.0E-12"),
    ],
)
def test_doubles_are_written_as_java_writes_them(value, text):
    assert double_text(value) == text


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**8), 10**8).map(float)))
def test_many_doubles_are_written_as_each_alone(values):
    assert double_texts(np.array(values)).to_pylist() == [double_text(value) for value in values]


def test_halves_are_rounded_up():
    assert rounded(np.array([0.00005, 1.23445, -0.00005]), 4).tolist() == [0.0001, 1.2345, -0.0001]
