"""Formulas: computed as numpy computes them, and nothing but numpy's listed functions reachable through them."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datapump.errors import DataError
from datapump.rasters import expressions
from datapump.rasters.expressions import CONSTANTS, FUNCTIONS, MASKED, REDUCIBLE, TYPES, band_name, bands_of, parse
from datapump.rasters.formula import evaluate

A = np.array([[0, 1, 2], [20001, 39999, 65535]], dtype="uint16")
B = np.array([[5, 0, 7], [100, 200, 0]], dtype="int16")
C = np.array([[0, 255, 3], [4, 5, 6]], dtype="uint8")
BANDS = {"A": A, "B": B, "C": C}

ALLOWED = [
    "A",
    "(A > 0) * 55",
    "(A >= 20000) * (A < 40000) * A",
    "np.where(A > 0, A, np.int32(B))",
    "np.where((A > 0) & ~(B == 0) | (C <= 3), 20000 + np.int32(B), -1)",
    "np.minimum(np.int32(A) % 10000, B) + -B // 2",
    "np.maximum.reduce([np.int32(A), B, C])",
    "np.ma.array((A.data > 0) * (65535 - A.data % 10000).astype(np.uint16), mask=False)",
    "np.select([A > 2, A > 0], [np.int32(1), 2], 3)",
    "np.clip(A / 7, 0, 9.5) + np.sqrt(C) + np.pi * np.isnan(B)",
    "np.full_like(A, 7, dtype=np.int64) ^ C >> 1",
    "np.ma.filled(A, 0) + A.filled(0) * True",
    "np.ma.array([A, C])",
]

REFUSED = [
    "",
    "A B",
    "A; B",
    "import os",
    "lambda: A",
    "[x for x in A]",
    "A if B else C",
    "(A := B)",
    "A[0]",
    "f'{A}'",
    "'text'",
    "b'text'",
    "None",
    "...",
    "1j",
    "*A",
    "a",
    "os",
    "np",
    "__builtins__",
    "AAA",
    "print(A)",
    "open('/etc/passwd')",
    "__import__('os').system('true')",
    "np.load('/etc/passwd')",
    "np.fromfile('/etc/passwd')",
    "np.lib.npyio.os.system('true')",
    "np.where.__globals__",
    "np.where(A, *B)",
    "np.where(**A)",
    "np.where(A > 0, A, B, out=A)",
    "np.maximum.at(A, 0, 1)",
    "np.zeros((100000, 100000))",
    "np.maximum.outer(A, B)",
    "np.where.reduce([A, B])",
    "np.ma.core",
    "np.ma.where(A, A, A)",
    "A.__class__",
    "A.dtype",
    "A.tofile('x')",
    "A.data.tofile('x')",
    "A.data.base",
    "A.astype('O')",
    "A.astype(np.object_)",
    "A.astype(np.uint16, copy=False)",
    "A.dump('x')",
    "np.int32(A, dtype=object)",
    "9 ** 9 ** 9",
    "A ** 2",
    "1 << 1000000000000",
    "[A] * 1000000000",
    "np.minimum([[A]], B)",
    "np.nan()",
    "np.where",
    "A and B",
    "not A",
    "0 < A < 5",
    "A in B",
    "A is B",
    "A @ B",
    "A == 'x'",
    "1" * 30,
    "1e400",
    "A" + " + A" * 6000,
    "-" * 300 + "A",
    "(" * 300 + "A" + ")" * 300,
    "(" * 30000,
]


@pytest.mark.parametrize("expression", ALLOWED)
def test_what_is_allowed_gives_what_numpy_gives(expression):
    bands = {name: np.ma.array(band, mask=False) for name, band in BANDS.items()}
    expected = eval(expression, {"np": np, **bands})  # noqa: S307 - the expressions of this file, as the service runs them
    found = evaluate(expression, bands, expected.dtype)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("expression", REFUSED, ids=lambda text: text[:40] or "empty")
def test_what_is_not_listed_is_refused_before_anything_is_computed(expression):
    with pytest.raises(DataError, match="formula"):
        parse(expression)
    with pytest.raises(DataError, match="formula"):
        evaluate(expression, BANDS, "float64")


@given(st.text(alphabet="ABCnp.() []{}<>=!~+-*/%&|^'\"_,:0123456789whermakd\n", max_size=40))
def test_any_text_is_a_formula_or_refused_with_a_reason(text):
    try:
        parse(text)
    except DataError as error:
        assert "formula" in error.message  # noqa: PT017 - either outcome is right


def test_everything_listed_is_numpy_s():
    for name in FUNCTIONS | CONSTANTS:
        assert hasattr(np, name), name
    assert all(hasattr(np.ma, name) for name in MASKED)
    assert all(hasattr(getattr(np, name), "reduce") for name in REDUCIBLE)
    assert all(np.dtype(getattr(np, name)).kind in "biuf" for name in TYPES)


def test_a_message_says_what_is_refused_and_where():
    with pytest.raises(DataError, match=r"may not hold 'np.load\(A\)' at character 5: np.load is not one of"):
        parse("A + np.load(A)")
    with pytest.raises(DataError, match=r"\(A > 0\) & \(A < 5\)"):
        parse("0 < A < 5")
    with pytest.raises(DataError, match="reads band D, but there are only A, B, C"):
        evaluate("A + D", BANDS, "int64")


@pytest.mark.parametrize(
    ("expression", "dtype", "message"),
    [
        ("np.int32(A) + 1", "uint16", "values from 1 to 65536, which uint16 cannot hold"),
        ("np.int32(B) - 300", "uint16", "values from -300 to"),
        ("np.where(A > 0, 20000 + np.int32(B) * 100, -1)", "int16", "cannot hold"),
        ("A / B", "uint16", "no numbers"),
        ("A + 70000", "int32", "cannot be computed"),
        ("np.minimum(A)", "int32", "cannot be computed"),
        ("1 // 0", "int32", "cannot be computed"),
        ("np.add.reduce([A, B], axis=2)", "int32", "shape"),
        ("np.add.reduce([A, B], axis=7)", "int32", "cannot be computed"),
    ],
)
def test_what_cannot_be_computed_or_held_is_an_error_not_another_value(expression, dtype, message):
    with pytest.raises(DataError, match=message):
        evaluate(expression, BANDS, dtype)


def test_bands_keep_their_types_so_that_what_wraps_in_the_service_wraps_here():
    assert evaluate("C + C", {"C": np.array([200], dtype="uint8")}, "uint16")[0] == 144


def test_masked_pixels_stay_masked_except_through_where():
    masked = {"A": np.ma.array(A, mask=A == 0), "B": np.ma.array(B, mask=False)}
    assert evaluate("(A > 0) * B", masked, "int16").mask.tolist() == (A == 0).tolist()
    assert not np.ma.isMaskedArray(evaluate("np.where(A > 0, 1, 0)", masked, "int16"))


def test_a_masked_value_may_be_what_the_type_cannot_hold():
    band = np.ma.array([70000, 5], mask=[True, False])
    assert evaluate("A", {"A": band}, "uint16").compressed().tolist() == [5]


def test_the_bands_are_not_changed():
    before = A.copy()
    evaluate("A + 1 - np.minimum(A, 3)", {"A": A}, "int64")
    np.testing.assert_array_equal(A, before)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("boolean", "uint8"), ("half", "float16"), ("single", "float32"), ("double", "float64"), ("int8", "int8")],
)
def test_the_types_have_the_data_api_s_names(name, dtype):
    assert evaluate("A > 0", {"A": A}, name).dtype == dtype


def test_a_number_alone_fills_the_shape():
    np.testing.assert_array_equal(evaluate("7", {"A": A}, "uint8"), np.full(A.shape, 7))


def test_bands_of_different_shapes_are_refused():
    with pytest.raises(DataError, match="one shape"):
        evaluate("A", {"A": A, "B": B[:1]}, "uint16")


def test_bands_are_named_in_order_beyond_the_alphabet():
    assert [band_name(index) for index in (0, 1, 25, 26, 27, 51, 52, 701)] == [
        "A", "B", "Z", "AA", "AB", "AZ", "BA", "ZZ",
    ]  # fmt: skip
    assert bands_of("np.where(A > 0, AB, np.pi)") == {"A", "AB"}


def test_the_syntax_is_known_without_numpy():
    source = ast.parse(Path(expressions.__file__).read_text())
    imported = {alias.name for node in ast.walk(source) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"ast"}
